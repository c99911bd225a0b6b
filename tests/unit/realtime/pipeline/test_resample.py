"""The model's 30 Hz clock: what it promises for any camera clock."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.pipeline.resample import GAP_NS, Resampler, Tick

PERIOD_NS = 1e9 / 30


def frame(time_ns: int) -> tuple[np.ndarray, np.ndarray]:
    """Rays that say what time it is (in seconds), so that interpolation shows."""
    return np.full((17, 2), time_ns * 1e-9, np.float32), np.full(17, 0.5, np.float32)


def ticks_of(times_ns: list[int], resampler: Resampler | None = None) -> list[list[Tick]]:
    resampler = resampler or Resampler()
    return [resampler.push(time_ns, *frame(time_ns)) for time_ns in times_ns]


def camera(fps: float, seconds: float, jitter: float = 0, drops: float = 0, seed: int = 0) -> list[int]:
    """Frame times; jitter as a share of the frame interval, drops as a share of the frames."""
    rng = np.random.default_rng(seed)
    count = int(fps * seconds)
    times = (np.arange(count) + 1 + rng.uniform(-jitter, jitter, count)) / fps
    return [int(time * 1e9) for time in times[rng.uniform(size=count) >= drops]]


@given(
    fps=st.floats(10, 120), jitter=st.floats(0, 0.3), drops=st.sampled_from([0, 0, 0.05]),
    seed=st.integers(0, 2**16),
)  # fmt: skip
def test_every_phase_commits_thirty_ticks_a_second(fps: float, jitter: float, drops: float, seed: int) -> None:
    seconds = 12.0
    resampler = Resampler()
    times = camera(fps, seconds, jitter, drops, seed)
    committed: dict[int, list[int]] = {}
    for ticks in ticks_of(times, resampler):
        for tick in ticks:
            if tick.reset:  # a phase begins, or comes again
                committed[tick.phase] = []
            if tick.commit:
                committed[tick.phase].append(tick.source_ns)
    for phase in range(resampler.phases):
        span_s = (committed[phase][-1] - committed[phase][0]) * 1e-9
        if span_s > 4:  # a phase that came late has too few ticks to count
            assert (len(committed[phase]) - 1) / span_s == pytest.approx(30, rel=0.03)
    for of_phase in committed.values():
        assert (np.diff(of_phase) > 0).all()


@given(times=st.lists(st.integers(0, 5 * 10**9), min_size=1, max_size=60))
def test_last_tick_is_always_the_frame_itself(times: list[int]) -> None:
    resampler = Resampler()
    begun: set[int] = set()
    for time_ns in times:  # any order at all
        rays, score = frame(time_ns)
        ticks = resampler.push(time_ns, rays, score)
        assert ticks[-1].source_ns == time_ns
        assert np.array_equal(ticks[-1].rays, rays)
        assert np.array_equal(ticks[-1].score, score)
        for tick in ticks:
            assert tick.commit or not tick.reset
            begun |= {tick.phase} if tick.reset else set()
            assert tick.phase in begun  # a phase's first tick forgets what its stream held before
        assert ticks[-1].phase < resampler.phases


@given(fps=st.floats(5, 44), jitter=st.floats(0, 0.4), seed=st.integers(0, 2**16))
def test_ticks_between_frames_are_interpolated_linearly(fps: float, jitter: float, seed: int) -> None:
    for ticks in ticks_of(camera(fps, 3, jitter, seed=seed)):
        for tick in ticks:
            assert tick.rays == pytest.approx(tick.source_ns * 1e-9, abs=1e-5)
            assert tick.score == pytest.approx(0.5)


@pytest.mark.parametrize("fps", [29.8, 29.97, 30, 30.2])
def test_thirty_fps_is_one_committed_tick_a_frame(fps: float) -> None:
    ticks = ticks_of(camera(fps, 60, jitter=0.1))
    assert all(len(of_frame) == 1 for of_frame in ticks)
    assert np.mean([of_frame[0].commit for of_frame in ticks]) > 0.99


@pytest.mark.parametrize(("fps", "phases"), [(15, 1), (30, 1), (40, 1), (44, 1), (50, 2), (60, 2), (90, 3), (120, 4)])
def test_fast_cameras_are_split_into_interleaved_phases(fps: float, phases: int) -> None:
    resampler = Resampler()
    times = camera(fps, 4)
    ticks = ticks_of(times, resampler)
    assert resampler.phases == phases
    order = [of_frame[-1].phase for of_frame in ticks[-phases * 5 :]]
    assert order == order[:phases] * 5
    assert set(order) == set(range(phases))


@pytest.mark.parametrize("fps", [60, 90, 120])
def test_phases_have_seen_every_frame_from_the_first_on_each_a_thirtieth_of_a_second_apart(fps: int) -> None:
    times = camera(fps, 2)
    ticks = [tick for of_frame in ticks_of(times) for tick in of_frame if tick.commit]
    assert {tick.source_ns for tick in ticks} == set(times)
    for phase in range(1, fps // 30):  # the first began before it was known that there would be others
        of_phase = [tick.source_ns for tick in ticks if tick.phase == phase]
        assert np.diff(of_phase) == pytest.approx(PERIOD_NS, rel=0.001)


def test_dropped_frame_does_not_swap_phases() -> None:
    times = camera(60, 4)
    del times[120]
    ticks = ticks_of(times)
    phase_of = {of_frame[-1].source_ns: of_frame[-1].phase for of_frame in ticks}
    before, after = times[100:120], times[120:]
    even = {phase_of[time] for time in before if round(time * 60e-9) % 2}
    assert even == {phase_of[time] for time in after if round(time * 60e-9) % 2}
    assert len(even) == 1


def test_gap_starts_afresh_and_a_short_one_is_bridged() -> None:
    resampler = Resampler()
    ticks_of(camera(30, 1), resampler)
    bridged = resampler.push(10**9 + GAP_NS, *frame(10**9 + GAP_NS))
    assert len(bridged) == 15
    assert not any(tick.reset for tick in bridged)
    after = resampler.push(10**9 + 2 * GAP_NS + 1, *frame(0))
    assert [(tick.reset, tick.commit) for tick in after] == [(True, True)]


def test_going_back_in_time_starts_afresh_and_a_duplicate_is_not_remembered() -> None:
    resampler = Resampler()
    times = camera(30, 1)
    ticks_of(times, resampler)
    again = resampler.push(times[-1], *frame(times[-1]))
    assert [(tick.reset, tick.commit) for tick in again] == [(False, False)]
    looped = resampler.push(times[0], *frame(times[0]))
    assert [(tick.reset, tick.commit) for tick in looped] == [(True, True)]


def test_gap_resets_every_phase() -> None:
    resampler = Resampler()
    ticks_of(camera(60, 2), resampler)
    later = [10**10 + time for time in camera(60, 0.1)]
    resets = [tick.phase for of_frame in ticks_of(later, resampler) for tick in of_frame if tick.reset]
    assert sorted(resets) == [0, 1]


def test_joint_missing_at_either_end_is_missing_between() -> None:
    resampler = Resampler()
    rays, score = frame(0)
    resampler.push(0, rays, score)
    rays[3] = np.nan
    ticks = resampler.push(100_000_000, rays, score)
    assert len(ticks) == 3
    for tick in ticks:
        assert np.isnan(tick.rays[3]).all()
        assert np.isfinite(np.delete(tick.rays, 3, 0)).all()


def test_caller_may_reuse_its_arrays() -> None:
    resampler = Resampler()
    rays, score = frame(0)
    first = resampler.push(0, rays, score)[0]
    rays[:] = 7
    assert (first.rays == 0).all()


def test_after_a_gap_all_is_as_it_was_at_the_beginning() -> None:
    """Whichever phase the last frame before it was in."""
    for frames in (120, 121):
        resampler = Resampler()
        ticks_of(camera(60, 3)[:frames], resampler)
        later = [10**10 + time for time in camera(60, 0.1)]
        assert [of_frame[-1].phase for of_frame in ticks_of(later, resampler)] == [0, 1, 0, 1, 0, 1]


def test_a_rate_is_believed_after_six_intervals() -> None:
    resampler, phases = Resampler(), []
    for time_ns in camera(60, 0.2)[:8]:
        resampler.push(time_ns, *frame(time_ns))
        phases.append(resampler.phases)
    assert phases == [1] * 6 + [2] * 2


@pytest.mark.parametrize("rate_hz", [0, 0.99, 1000.1, -30])
def test_rate_must_make_sense(rate_hz: float) -> None:
    with pytest.raises(ValueError, match="rate_hz"):
        Resampler(rate_hz)


@pytest.mark.parametrize("rate_hz", [1, 1000])
def test_slow_and_fast_models_have_their_own_rate(rate_hz: float) -> None:
    resampler = Resampler(rate_hz)
    period_ns = int(1e9 / rate_hz)
    ticks = [tick for index in range(5) for tick in resampler.push(index * min(period_ns, GAP_NS), *frame(0))]
    assert sum(tick.commit for tick in ticks) == (5 if rate_hz == 1000 else 3)
