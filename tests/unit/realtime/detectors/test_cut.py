"""Cuts are found where they are, and nowhere else."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from engines.errors import UserError
from realtime.assets.fetch import fetch
from realtime.detectors.cut import CutFinder
from realtime.detectors.mediapipe_pose import Detector
from realtime.sources.open_source import open_source
from realtime.sources.source import Frame

Image = NDArray[np.uint8]


def scene(seed: int, image_wh: tuple[int, int] = (640, 360)) -> Image:
    """A place of its own, with large and small things in it."""
    rng = np.random.default_rng(seed)
    coarse = cv2.resize(rng.uniform(0, 255, (6, 9, 3)), image_wh, interpolation=cv2.INTER_CUBIC)
    fine = cv2.resize(rng.uniform(-60, 60, (36, 64, 3)), image_wh, interpolation=cv2.INTER_CUBIC)
    return np.asarray((coarse + fine).clip(0, 255), np.uint8)


def cuts(images: list[Image]) -> list[int]:
    finder = CutFinder()
    return [number for number, image in enumerate(images) if finder.is_cut(image)]


@pytest.mark.parametrize("seed", range(5))
def test_another_scene_is_a_cut(seed: int) -> None:
    one, other = scene(2 * seed), scene(2 * seed + 1)
    assert cuts([one] * 5 + [other] * 5 + [one] * 5) == [5, 10]


def test_a_cut_through_black_is_one_where_the_scene_begins() -> None:
    black = np.zeros_like(scene(0))
    assert cuts([scene(0)] * 3 + [black] * 4 + [scene(1)] * 3) == [7]
    assert cuts([scene(0)] * 3 + [black] * 4 + [scene(0)] * 3) == []


def test_another_size_is_another_scene() -> None:
    assert cuts([scene(0)] * 3 + [scene(0, (320, 240))] * 3) == [3]


def test_light_that_changes_is_none() -> None:
    dim = (scene(0) * 0.3).astype(np.uint8)
    assert cuts([scene(0)] * 3 + [dim] * 3 + [scene(0)] * 3) == []


def test_somebody_who_jumps_into_the_picture_is_none() -> None:
    images = [scene(0).copy() for _ in range(6)]
    for image in images[3:]:
        image[60:360, 250:400] = 240
    assert cuts(images) == []


@pytest.mark.parametrize("fastest_px", [10, 60, 160])
def test_a_camera_that_is_swung_about_does_not_cut(fastest_px: int) -> None:
    wide = scene(0, (6400, 360))
    steps = np.minimum(8 * 1.4 ** np.arange(40), fastest_px).astype(int)
    places = [left for left in np.cumsum(steps) if left + 640 <= 6400]
    assert cuts([np.ascontiguousarray(wide[:, left : left + 640]) for left in places]) == []


def clip(name: str, frames: int) -> list[Frame]:
    try:
        with open_source(str(fetch(name)), max_speed=True) as source:
            return [Frame(frame.stamp, cv2.resize(frame.image_bgr, (640, 360)))
                    for frame, _ in zip(iter(source.read, None), range(frames), strict=False) if frame]  # fmt: skip
    except UserError as error:
        pytest.skip(f"no clip: {error}")


def test_behind_a_cut_everybody_is_new_and_seen_as_if_the_film_began_there() -> None:
    one, other = clip("demo-balance", 12), clip("demo", 12)
    last_ns = one[-1].stamp.source_ns + 33_333_333
    behind = [Frame(type(f.stamp)(12 + n, f.stamp.capture_ns, last_ns + f.stamp.source_ns), f.image_bgr)
              for n, f in enumerate(other)]  # fmt: skip
    with Detector() as whole, Detector() as afresh:
        before = [whole.detect(frame) for frame in one]
        after = [whole.detect(frame) for frame in behind]
        right = [afresh.detect(frame) for frame in behind]
    assert any(before)
    assert any(after)
    ids = [{person.track_id for people in seen for person in people} for seen in (before, after)]
    assert not ids[0] & ids[1]
    for people, as_begun in zip(after, right, strict=True):
        assert len(people) == len(as_begun)
        for person, same in zip(people, as_begun, strict=True):
            np.testing.assert_allclose(person.xy_px, same.xy_px, atol=0.01)
