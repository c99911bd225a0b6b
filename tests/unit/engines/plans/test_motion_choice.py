from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engines.errors import UserError
from engines.plans.motion_choice import representative_windows
from engines.plans.synthetic_motion import synthetic_motion

Array = NDArray[np.float32]


def recordings(count: int, frames: int, seed: int = 0) -> list[tuple[Array, Array]]:
    motion = synthetic_motion(count, frames, seed)
    return list(zip(motion.rays, motion.score, strict=True))


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 3), st.integers(8, 60), st.integers(1, 12), st.integers(4, 40))
def test_windows_are_stretches_of_the_recordings(people: int, length: int, count: int, frames: int) -> None:
    recorded = recordings(people, length)
    if frames > length:
        with pytest.raises(UserError, match="record"):
            representative_windows(recorded, count, frames)
        return
    windows = representative_windows(recorded, count, frames)
    assert windows.rays.shape == (count, frames, 17, 2)
    for rays, score, (which, first) in zip(windows.rays, windows.score, windows.at, strict=True):
        np.testing.assert_array_equal(rays, recorded[which][0][first : first + frames])
        np.testing.assert_array_equal(score, recorded[which][1][first : first + frames])


def test_the_odd_stretch_is_among_the_first_chosen() -> None:
    rays, score = recordings(1, 600)[0]
    rays = rays.copy()
    rays[400:430] = rays[400:430] * 4 + 0.5  # once, near and at the border
    chosen = representative_windows([(rays, score)], 4, 30).at[:, 1]
    assert ((chosen > 370) & (chosen < 430)).any()


def test_fewer_windows_are_the_first_of_more() -> None:
    recorded = recordings(3, 200)
    few, many = (representative_windows(recorded, count, 27).at for count in (3, 9))
    np.testing.assert_array_equal(few, many[:3])


def test_empty_stretches_are_not_chosen() -> None:
    rays, score = recordings(1, 300)[0]
    rays, score = rays.copy(), score.copy()
    rays[100:], score[100:] = np.nan, 0
    assert (representative_windows([(rays, score)], 5, 27).at[:, 1] < 100).all()
    with pytest.raises(UserError, match="hardly any joint"):
        representative_windows([(rays[100:], score[100:])], 5, 27)
