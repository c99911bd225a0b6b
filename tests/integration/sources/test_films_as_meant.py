"""Films whose pictures are not simply there: interlaced ones come whole, damaged ones are said."""

from __future__ import annotations

import logging
from pathlib import Path

import cv2
import numpy as np
import pytest
from made_films import INTERLACE, NEEDS_FFMPEG, combing, make_film, moving_bar, pictures_of

from engines.errors import UserError

pytestmark = NEEDS_FFMPEG
PROGRESSIVE = moving_bar(50)[::2]  # the first of each two moments


@pytest.mark.parametrize(
    ("name", "image_wh", "codec"),
    [
        ("h264.mp4", (320, 240), ("-c:v", "libx264", "-x264opts", "tff=1")),
        ("mpeg2.mpg", (720, 576), ("-c:v", "mpeg2video", "-q:v", "2")),
        ("dv.avi", (720, 576), ("-c:v", "dvvideo", "-pix_fmt", "yuv420p")),
        ("avchd.mts", (320, 240), ("-c:v", "libx264", "-x264opts", "tff=1", "-f", "mpegts")),
        ("prores.mov", (320, 240), ("-c:v", "prores_ks")),
        ("mpeg4.mkv", (320, 240), ("-c:v", "mpeg4", "-q:v", "2")),
    ],
)
def test_interlaced_pictures_come_whole_and_bright(
    name: str, image_wh: tuple[int, int], codec: tuple[str, ...], tmp_path: Path
) -> None:
    moments = moving_bar(50, image_wh)
    film = make_film(tmp_path / name, moments, *INTERLACE, *codec)
    seen = pictures_of(film)
    assert len(seen) == 25
    woven = moments[0].copy()
    woven[1::2] = moments[1][1::2]
    for number, picture in list(enumerate(seen))[2:-2]:
        image = cv2.resize(picture, image_wh)  # DV's pixels are not square
        assert abs(float(image.mean()) - float(moments[2 * number].mean())) < 4, "as bright as it was"
        assert combing(image) < combing(woven) / 3, "one moment a picture"
        middle = (2 * moments[2 * number].astype(int) + moments[2 * number + 1]) / 3
        assert np.abs(image.astype(int) - middle).mean() < 8, "the bar is where it was"


def test_pictures_that_are_only_said_to_be_interlaced_stay_as_they_are(tmp_path: Path) -> None:
    plain = pictures_of(make_film(tmp_path / "plain.mp4", PROGRESSIVE, "-c:v", "libx264", fps=25))
    said = make_film(tmp_path / "said.mp4", PROGRESSIVE, "-c:v", "libx264", "-x264opts", "fake-interlaced=1", fps=25)
    seen = pictures_of(said)
    assert len(seen) == len(plain) == 25
    assert max(float(np.abs(a.astype(int) - b).mean()) for a, b in zip(seen, plain, strict=True)) < 4


def smash(film: Path, share: float) -> Path:
    """Zeros over a part of the film's second half: headers and the first pictures stay."""
    content = bytearray(film.read_bytes())
    start, end = int(len(content) * 0.5), int(len(content) * (0.5 + share))
    content[start:end] = bytes(end - start)
    broken = film.with_stem("broken")
    broken.write_bytes(content)
    return broken


@pytest.mark.parametrize("codec", ["libx264", "mpeg4", "prores_ks"])
def test_pictures_that_cannot_be_decoded_are_said_and_the_others_come(
    codec: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    film = make_film(tmp_path / "film.mkv", moving_bar(60), "-c:v", codec, "-g", "5")
    with caplog.at_level(logging.WARNING):
        seen = pictures_of(smash(film, 0.2))
    assert 20 < len(seen) < 61
    assert "is damaged" in caplog.text or "ends after" in caplog.text


def test_a_film_of_which_nothing_can_be_decoded_is_no_video(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.avi", moving_bar(10), "-c:v", "ffv1")
    content = bytearray(film.read_bytes())
    first = content.index(b"movi") + 4
    content[first:-400] = bytes(len(content) - 400 - first)
    film.write_bytes(content)
    with pytest.raises(UserError, match="no frame that can be decoded"):
        pictures_of(film)
