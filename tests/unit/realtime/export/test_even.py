"""Frames of equal length: what was recorded stays where it was, gaps stay gaps."""

from __future__ import annotations

import numpy as np
import pytest
from figures import walk
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.errors import UserError
from realtime.export.even import check_rate, evened, own_rate_hz
from realtime.export.recording import Track


def track_at(times: np.ndarray, gaps: tuple[int, ...] = ()) -> Track:
    joints = np.repeat(np.asarray(times, np.float64)[:, None, None], 17, 1) * (1, 2, -1)  # each moves evenly
    joints[list(gaps)] = np.nan
    hidden = np.zeros((len(times), 17), bool)
    hidden[list(gaps)] = True
    return Track("1", "camera", np.asarray(times, np.float64), joints, np.abs(joints[..., 0]), hidden)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(0.005, 0.15), min_size=1, max_size=60), st.sampled_from((24.0, 30.0, 60.0, 100.0)))
def test_every_frame_is_on_the_line_between_its_neighbours(steps: list[float], rate_hz: float) -> None:
    track = track_at(np.concatenate(([0.25], 0.25 + np.cumsum(steps))))
    even = evened(track, rate_hz)
    np.testing.assert_allclose(np.diff(even.t_s), 1 / rate_hz, atol=1e-12)
    assert even.t_s[0] == 0.25
    assert track.t_s[-1] - 1 / rate_hz - 1e-9 < even.t_s[-1] <= track.t_s[-1] + 2e-3 / rate_hz
    np.testing.assert_allclose(even.joints_m[:, 4, 1], 2 * even.t_s, atol=3e-4)
    assert not even.gap.any()


def test_recorded_frames_at_the_same_rate_are_kept_to_the_bit() -> None:
    times = np.round(np.arange(200) * 33_333_333) * 1e-9
    joints = walk(200)
    track = Track("1", "camera", times, joints, joints[..., 0], np.zeros((200, 17), bool))
    assert own_rate_hz(track) == 30
    np.testing.assert_array_equal(evened(track, 30).joints_m, joints)


def test_a_gap_takes_no_more_and_no_less_than_its_frames() -> None:
    track = track_at(np.arange(30) / 30, gaps=(10, 11, 12))
    assert np.flatnonzero(evened(track, 30).gap).tolist() == [10, 11, 12]
    finer = evened(track, 60)
    assert np.flatnonzero(finer.gap).tolist() == list(range(19, 26))
    assert finer.unseen[22].all()


def test_a_pause_without_frames_is_a_gap() -> None:
    track = track_at(np.concatenate((np.arange(10) / 30, 1 + np.arange(10) / 30)))
    even = evened(track, 30)
    assert np.flatnonzero(even.gap).tolist() == list(range(10, 30))


def test_one_frame_is_one_frame() -> None:
    even = evened(track_at(np.array([2.0])), 50)
    assert (len(even.t_s), even.gap.any(), own_rate_hz(even)) == (1, False, 30.0)


def test_rates() -> None:
    assert own_rate_hz(track_at(np.arange(50) / 29.97)) == 30
    assert own_rate_hz(track_at(np.arange(50) / 12.5)) == 12.5
    for rate in (0.0, -30.0, 1e6, float("nan")):
        with pytest.raises(UserError, match="--rate"):
            check_rate(rate)
