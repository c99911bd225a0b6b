"""The server's clock against this machine's."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from realtime.clock import NS_PER_S
from realtime.produce.best_clock import BestClock
from realtime.wire.joining import Clock
from realtime.wire.messages import ClockOffset

milliseconds = st.integers(0, 400).map(lambda ms: ms * 1_000_000)


@given(st.integers(-(10**15), 10**15), st.lists(st.tuples(milliseconds, milliseconds, milliseconds), min_size=1))
def test_the_error_is_at_most_half_of_the_quickest_round_trip(
    ahead_ns: int, ways: list[tuple[int, int, int]]
) -> None:  # fmt: skip
    """Whatever the ways there and back and the time between take."""
    clock, now_ns = BestClock(), 10**18
    for there_ns, between_ns, back_ns in ways:
        received_ns = now_ns + there_ns + ahead_ns
        back_at_ns = now_ns + there_ns + between_ns + back_ns
        clock.answered(Clock(now_ns, received_ns, received_ns + between_ns), back_at_ns)
    found = clock.offset
    assert found is not None
    assert found.round_trip_ns == min(there_ns + back_ns for there_ns, _, back_ns in ways)
    assert abs(found.offset_ns - ahead_ns) <= found.round_trip_ns // 2 + 1


def exchange(clock: BestClock, at_s: float, round_trip_ns: int, ahead_ns: int = 0) -> None:
    """An exchange that ended then, as long there as back."""
    now_ns = int(at_s * NS_PER_S)
    there_ns = now_ns - round_trip_ns // 2 + ahead_ns
    clock.answered(Clock(now_ns - round_trip_ns, there_ns, there_ns), now_ns)


def test_old_exchanges_do_not_hold_for_ever() -> None:
    clock = BestClock()
    exchange(clock, 1, 10)
    exchange(clock, 31, 1000)
    assert clock.offset == ClockOffset(0, 10)
    exchange(clock, 62, 2000)
    assert clock.offset is not None
    assert clock.offset.round_trip_ns == 1000
    clock.forget()
    assert clock.offset is None


@given(milliseconds, milliseconds, st.sampled_from([-1, 1]), st.integers(NS_PER_S, 10**6 * NS_PER_S))
def test_a_clock_that_was_set_is_believed_at_once_however_slow_the_exchange(
    quick_ns: int, slow_ns: int, way: int, set_ns: int
) -> None:
    clock = BestClock()
    exchange(clock, 10, quick_ns)
    exchange(clock, 12, slow_ns, way * set_ns)
    assert clock.offset is not None
    assert abs(clock.offset.offset_ns - way * set_ns) <= slow_ns // 2 + 1


def test_a_clock_that_drifts_was_not_set() -> None:
    clock = BestClock()
    exchange(clock, 10, 200)
    exchange(clock, 40, 40_000_000, 50_000_000)  # as far off as its own way and some drift explain
    assert clock.offset == ClockOffset(0, 200)


def test_it_asks_often_at_first_and_then_now_and_then() -> None:
    clock = BestClock()
    asked = [tenth for tenth in range(100) if clock.due(tenth * NS_PER_S // 10)]
    assert asked[:8] == list(range(8))
    assert {later - earlier for earlier, later in pairwise(asked[8:])} == {20}
