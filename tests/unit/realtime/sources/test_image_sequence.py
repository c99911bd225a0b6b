"""Numbered pictures as a film, and pictures turned upright."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from engines.errors import UserError
from realtime.sources.open_source import open_source

COUNT = 12


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    """img_0.png to img_11.png, each as bright as its number says, with one red corner, up on the left."""
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in range(COUNT):
        image = np.full((48, 64, 3), 10 * number, np.uint8)
        image[:8, :8] = (0, 0, 255)
        cv2.imwrite(str(folder / f"img_{number}.png"), image)
    (folder / "notes.txt").write_text("not a picture")
    return folder


def shown(source: str, **options: object) -> list[tuple[int, int, float]]:
    """Number of each picture by its brightness, its frame id, and its time."""
    with open_source(source, max_speed=True, **options) as film:  # type: ignore[arg-type]
        read = []
        while (frame := film.read()) is not None:
            middle = int(frame.image_bgr[24, 32, 0])
            read.append((round(middle / 10), frame.stamp.frame_id, frame.stamp.source_ns / 1e9))
    return read


@pytest.mark.parametrize("name", ["", "img_%d.png", "img_*.png"])
def test_pictures_come_in_the_order_of_their_numbers(frames: Path, name: str) -> None:
    read = shown(str(frames / name))
    assert [number for number, _, _ in read] == list(range(COUNT))
    np.testing.assert_allclose([t_s for _, _, t_s in read], np.arange(COUNT) / 30, atol=1e-6)


def test_their_rate_is_told(frames: Path) -> None:
    read = shown(str(frames), file_fps=10.0, start_s=0.5)
    assert [number for number, _, _ in read] == list(range(5, COUNT))
    np.testing.assert_allclose(np.diff([t_s for _, _, t_s in read]), 0.1, atol=1e-6)


def test_a_picture_that_is_damaged_is_left_out_and_counted(frames: Path) -> None:
    (frames / "img_4.png").write_bytes(b"\x89PNG nothing")
    with open_source(str(frames / "img_%d.png"), max_speed=True) as film:
        ids = []
        while (frame := film.read()) is not None:
            ids.append(frame.stamp.frame_id)
        assert (len(ids), film.dropped) == (COUNT - 1, 1)


@pytest.mark.parametrize(
    ("name", "why"),
    [("img_%03d.jpg", "no picture is called"), ("x*.png", "no picture is called"), ("img_1.png", "is an image, not"),
     ("../empty", "without pictures")],
)  # fmt: skip
def test_what_names_none_is_one_sentence(frames: Path, name: str, why: str) -> None:
    (frames.parent / "empty").mkdir()
    with pytest.raises(UserError, match=why):
        open_source(str(frames / name))


@pytest.mark.parametrize(
    ("degrees", "mirror", "corner"),
    [(90, False, (0, -1)), (180, False, (-1, -1)), (270, False, (-1, 0)), (90, True, (0, 0)), (0, True, (0, -1))],
)
@pytest.mark.parametrize("max_speed", [False, True])
def test_pictures_are_turned_clockwise_and_mirrored_then(
    frames: Path, degrees: int, mirror: bool, corner: tuple[int, int], max_speed: bool
) -> None:
    with open_source(str(frames), max_speed=max_speed, rotate_deg=degrees, mirror=mirror) as film:
        frame = film.read()
        assert frame is not None
        height, width = frame.image_bgr.shape[:2]
        assert film.image_wh == (width, height) == ((64, 48) if degrees % 180 == 0 else (48, 64))
        assert frame.image_bgr[corner].tolist() == [0, 0, 255]
