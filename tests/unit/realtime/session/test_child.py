"""How often a process is started again."""

from __future__ import annotations

from realtime.clock import NS_PER_S
from realtime.session.child import Child, Restarts
from realtime.session.processes import PROCESSES

POLICY = Restarts(limit=3, earn_s=5, first_wait_s=0.25, longest_wait_s=1)


def test_lives_that_never_work_are_waited_for_longer_and_then_given_up() -> None:
    child = Child(PROCESSES[0])
    assert [child.wait_after_failure_s(at * NS_PER_S, POLICY) for at in range(4)] == [0.25, 0.5, 1.0, None]


def test_lives_that_work_earn_the_failures_back() -> None:
    child = Child(PROCESSES[0])
    for kill in range(1, 100):
        child.ready_ns = kill * 10 * NS_PER_S
        assert child.wait_after_failure_s(child.ready_ns + 6 * NS_PER_S, POLICY) == 0.25


def test_a_process_that_works_for_a_moment_each_time_is_given_up_in_the_end() -> None:
    child, waits = Child(PROCESSES[0]), []
    for life in range(1, 20):
        child.ready_ns = life * 10 * NS_PER_S
        waits.append(child.wait_after_failure_s(child.ready_ns + 2 * NS_PER_S, POLICY))
    assert waits[3] is not None
    assert None in waits
