"""Left and right put right where a detector exchanges them, and left alone where a person turns."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.keypoints.clean import Cleaned, Cleaner
from tests.support.people_in_view import ARMS, LEGS, rays_of, stepping, swapped, turned

SURE = np.ones(17, np.float32)


def cleaned(rays: np.ndarray, rate_hz: float = 30.0) -> list[Cleaned]:
    cleaner = Cleaner()
    return [cleaner.push(frame / rate_hz, rays[frame], SURE) for frame in range(len(rays))]


@settings(max_examples=30, deadline=None)
@given(
    joints=st.sampled_from([LEGS + ARMS, LEGS, ARMS]), first=st.integers(15, 40), length=st.integers(1, 20),
    rate_hz=st.sampled_from([30.0, 60.0]),
)  # fmt: skip
def test_a_swap_is_undone(joints: list[int], first: int, length: int, rate_hz: float) -> None:
    rays = rays_of(turned(0.3 * np.sin(np.arange(80) / 15)))
    frames = np.zeros(80, bool)
    frames[first : first + length] = True
    seen = cleaned(swapped(rays, frames, joints), rate_hz)
    assert [one.swapped for one in seen] == frames.tolist()
    np.testing.assert_array_equal([one.rays for one in seen], rays)


@pytest.mark.parametrize("joints", [LEGS + ARMS, ARMS])
def test_every_other_frame_swapped_is_every_other_frame_undone(joints: list[int]) -> None:
    rays = rays_of(turned(0.2 * np.sin(np.arange(90) / 15)))
    frames = np.arange(90) % 2 == 1
    seen = cleaned(swapped(rays, frames, joints))
    np.testing.assert_array_equal([one.rays for one in seen], rays)


@pytest.mark.parametrize("rate_hz", [60.0, 30.0, 15.0, 5.0])
@pytest.mark.parametrize("seconds", [1.0, 2.0, 4.0])
def test_a_person_who_turns_round_twice_is_followed(rate_hz: float, seconds: float) -> None:
    """`seconds` a turn."""
    at_s = np.arange(int((2 * seconds + 2) * rate_hz)) / rate_hz
    yaw = 2 * np.pi * np.clip(at_s - 1, 0, 2 * seconds) / seconds
    assert not any(one.swapped for one in cleaned(rays_of(turned(yaw)), rate_hz))


def test_legs_that_pass_each_other_are_no_swap() -> None:
    assert not any(one.swapped for one in cleaned(rays_of(stepping(200))))


def test_a_beginning_that_was_swapped_is_given_up() -> None:
    """The first five frames were wrong: what comes after them is believed within a second."""
    rays = rays_of(turned(0.1 * np.sin(np.arange(60) / 15)))
    seen = cleaned(swapped(rays, np.arange(60) < 5, LEGS + ARMS))
    assert not any(one.swapped for one in seen[30:])
    np.testing.assert_array_equal([one.rays for one in seen[30:]], rays[30:])


def test_between_the_sides_nothing_is_believed() -> None:
    """Smoothed as detections are, the sides go through each other within two frames."""
    rays = rays_of(turned(np.zeros(60)))
    other = swapped(rays, np.ones(60, bool), LEGS + ARMS)
    share = np.clip((np.arange(60) - 27) / 3, 0, 1)[:, None, None].astype(np.float32)
    seen = cleaned(rays + share * (other - rays))
    off = np.linalg.norm(np.array([one.rays for one in seen]) - rays, axis=-1)
    assert np.nanmax(off) < 0.04  # rays: a tenth of a metre here
    assert all(one.swapped for one in seen[33:40])


def test_doubt_is_nothing_in_a_clear_picture() -> None:
    assert max(one.doubt for one in cleaned(rays_of(turned(np.zeros(60))))) == 0
