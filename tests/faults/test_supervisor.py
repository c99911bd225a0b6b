"""The supervisor against processes that fail in every way. The processes are real; only their work is small."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from small_sessions import run, table

from engines.errors import UserError
from realtime.clock import NS_PER_S, monotonic_ns
from realtime.config import RunConfig, SourceConfig
from realtime.session.child import Restarts
from realtime.session.supervisor import Supervisor

pytestmark = pytest.mark.usefixtures("nothing_is_left_behind")


def test_a_session_ends_with_its_source_and_everything_is_read(notes: Callable[[], list[str]]) -> None:
    assert run(table(view="look"), RunConfig(frames=10)) == 0
    assert "lifter 0 read 10" in notes()


def test_a_crashed_producer_goes_on_behind_its_last_frame(notes: Callable[[], list[str]]) -> None:
    assert run(table("produce_and_crash"), RunConfig()) == 2
    assert [line for line in notes() if line.startswith("producer")] == [
        "producer 0 starts at 0", "producer 1 starts at 5", "producer 2 starts at 10",
    ]  # fmt: skip
    assert "lifter 0 read 15" in notes()


def test_a_frozen_producer_is_killed_by_the_watchdog_and_started_again(notes: Callable[[], list[str]]) -> None:
    assert run(table("produce_and_freeze"), RunConfig(frames=4)) == 1
    assert "lifter 0 read 4" in notes()


def test_a_producer_that_is_stopped_before_its_first_beat_is_replaced(notes: Callable[[], list[str]]) -> None:
    processes = [replace(process, pulse_s=2.0) for process in table("produce_and_stop_in_setup")]
    assert run(processes, RunConfig(frames=4)) == 1
    assert "lifter 0 read 4" in notes()


def test_a_producer_that_is_never_ready_is_replaced_after_the_time_it_has_for_that(
    notes: Callable[[], list[str]]
) -> None:
    processes = [replace(process, setup_s=3.0) for process in table("produce_and_hang_in_setup")]
    assert run(processes, RunConfig(frames=4)) == 1
    assert "lifter 0 read 4" in notes()


def test_a_supervisor_that_stood_still_forgives_its_processes(notes: Callable[[], list[str]]) -> None:
    """As after Ctrl-Z and fg, where everybody was stopped for longer than the watchdog waits."""
    paused: list[bool] = []

    def each_round(supervisor: Supervisor) -> None:
        children = [child.popen.pid for child in supervisor.children.values() if child.popen]
        if supervisor.ring.head > 5 and not paused:
            paused.append(True)
            for pid in children:
                os.kill(pid or 0, signal.SIGSTOP)
            time.sleep(2.5)  # the supervisor's own pause: twice what its watchdog allows
            for pid in children:
                os.kill(pid or 0, signal.SIGCONT)
        if paused and supervisor.ring.head > 40 and not supervisor.ring.finished:
            supervisor.board.finish()

    assert run(table(), RunConfig(), each_round) == 0
    assert any(line.startswith("lifter 0 read") for line in notes())


def test_what_works_for_a_while_may_fail_any_number_of_times(notes: Callable[[], list[str]]) -> None:
    """More kills than the budget has: each life that worked earns it back."""
    policy = Restarts(limit=2, earn_s=0.2, first_wait_s=0.01, longest_wait_s=0.02)
    killed: list[int] = []

    def each_round(supervisor: Supervisor) -> None:
        child = supervisor.children["lifter"]
        worked = child.ready_ns and monotonic_ns() - child.ready_ns > NS_PER_S
        if child.popen and worked and len(killed) < 4 and child.popen.pid not in killed:
            killed.append(child.popen.pid or 0)
            os.kill(killed[-1], signal.SIGKILL)
        if len(killed) == 4 and child.life == 4 and child.ready:
            supervisor.board.finish()

    with Supervisor(RunConfig(), table(), policy) as supervisor:
        supervisor.run(each_round)
        assert supervisor.restarted == 4


def test_a_mistake_of_the_users_is_not_tried_again(notes: Callable[[], list[str]]) -> None:
    with pytest.raises(UserError, match="there is no camera 9: plug one in"):
        run(table("produce_nothing"), RunConfig())


def test_a_process_that_always_fails_is_given_up_with_the_reason(notes: Callable[[], list[str]]) -> None:
    with pytest.raises(UserError, match=r"lifter failed 4 times in a row \(ZeroDivisionError: of course\)"):
        run(table(lift="always_crash"), RunConfig())


def test_a_viewer_that_always_fails_does_not_end_the_stream(notes: Callable[[], list[str]]) -> None:
    run(table(view="always_crash"), RunConfig(frames=20))
    assert "lifter 0 read 20" in notes()


def test_a_window_that_is_closed_does_not_end_the_stream(notes: Callable[[], list[str]]) -> None:
    assert run(table(view="look_and_leave"), RunConfig(frames=20)) == 0
    assert "lifter 0 read 20" in notes()


def test_a_killed_viewer_is_started_again_and_the_others_live_on(notes: Callable[[], list[str]]) -> None:
    killed: list[int] = []

    def each_round(supervisor: Supervisor) -> None:
        looks = [line for line in notes() if line.startswith("viewer")]
        if looks and not killed and supervisor.ring.head > 5:
            killed.append(int(looks[0].split()[-1]))
            os.kill(killed[0], signal.SIGKILL)
        if len(looks) == 2 and not supervisor.ring.finished:
            supervisor.finish()

    assert run(table(view="look"), RunConfig(), each_round) == 1
    assert [line for line in notes() if line.startswith("lifter 1")] == []


def test_a_killed_lifter_reads_on_where_the_first_ended(notes: Callable[[], list[str]]) -> None:
    killed: list[int] = []

    def each_round(supervisor: Supervisor) -> None:
        pids = [line for line in notes() if line.startswith("lifter") and "pid" in line]
        if pids and not killed and supervisor.ring.consumed > 5:
            killed.append(int(pids[0].split()[-1]))
            os.kill(killed[0], signal.SIGKILL)

    assert run(table(), RunConfig(frames=100), each_round) == 1
    assert "lifter 1 read 100" in notes()


def test_processes_that_do_not_listen_are_killed_after_the_grace(notes: Callable[[], list[str]]) -> None:
    def each_round(supervisor: Supervisor) -> None:
        if supervisor.children["producer"].ready:
            supervisor.finish()

    run(table("hang", view="hang", grace_s=0.3), RunConfig(source=SourceConfig(name="x")), each_round)


def test_an_end_that_is_ordered_twice_is_not_called_a_grace(
    notes: Callable[[], list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    def each_round(supervisor: Supervisor) -> None:
        if supervisor.went_ns:
            supervisor.finish()
            supervisor.finish()

    run(table("hang", lift="hang", grace_s=5), RunConfig(), each_round)
    assert "the lifter was killed: it was to stop at once" in caplog.text
    assert "did not stop in" not in caplog.text


def test_what_fails_while_the_session_ends_is_not_started_again(
    notes: Callable[[], list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    def each_round(supervisor: Supervisor) -> None:
        producer = supervisor.children["producer"].popen
        if supervisor.went_ns and producer and producer.pid:
            supervisor.board.finish()
            os.kill(producer.pid, signal.SIGKILL)

    assert run(table("hang"), RunConfig(), each_round) == 0
    assert "starting it again" not in caplog.text


def test_the_duration_ends_the_session(notes: Callable[[], list[str]]) -> None:
    run(table(), RunConfig(duration_s=0.2))
    assert any(line.startswith("lifter 0 read") for line in notes())
