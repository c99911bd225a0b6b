"""Films of every kind, made by ffmpeg from pictures: interlaced, turned, of several sizes and tracks.

    film = make_film(tmp_path / "dv.avi", moving_bar(50), "-vf", "tinterlace=interleave_top", "-c:v", "dvvideo")
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from realtime.sources.open_source import open_source

Image = NDArray[np.uint8]
NEEDS_FFMPEG = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="no ffmpeg to make films with")
# Two pictures, one after the other, in the lines of one.
INTERLACE = ("-vf", "tinterlace=interleave_top,setfield=tff", "-flags", "+ildct+ilme", "-top", "1")


def moving_bar(frames: int, image_wh: tuple[int, int] = (320, 240), step_px: int = 4) -> list[Image]:
    """A bright bar that goes right before a dark, smooth ground."""
    width, height = image_wh
    ground = np.repeat(np.linspace(30, 90, height)[:, None], width, 1).astype(np.uint8)
    images = []
    for number in range(frames):
        image = ground.copy()
        left = 20 + number * step_px % (width - 60)
        image[:, left : left + 24] = 220
        images.append(np.repeat(image[..., None], 3, 2))
    return images


def combing(image: Image) -> float:
    """How much neighbouring lines differ: high where the lines are of two moments."""
    lines = image[..., 1].astype(float)
    return float(np.abs(2 * lines[1:-1] - lines[:-2] - lines[2:]).mean())


def make_film(path: Path, images: Iterable[Image], *options: str, fps: float = 50.0) -> Path:
    """Encodes the pictures with ffmpeg's options. `fps` is of the pictures."""
    pictures = list(images)
    height, width = pictures[0].shape[:2]
    ffmpeg("-f", "rawvideo", "-pix_fmt", "bgr24", "-s", f"{width}x{height}", "-r", f"{fps:g}", "-i", "-",
           *options, str(path), given=b"".join(picture.tobytes() for picture in pictures))  # fmt: skip
    return path


def ffmpeg(*options: str, given: bytes | None = None) -> None:
    """Runs ffmpeg; raises with its words where it fails."""
    done = subprocess.run(["ffmpeg", "-v", "error", "-y", *options], input=given, capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.decode(errors="replace"))


def pictures_of(path: Path) -> list[Image]:
    """What our own source makes of the film."""
    images = []
    with open_source(str(path), max_speed=True) as source:
        while (frame := source.read()) is not None:
            images.append(frame.image_bgr.copy())
    return images
