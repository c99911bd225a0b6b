"""Pictures of the size and shape they were meant to have, of the track they were meant to be from."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_films import NEEDS_FFMPEG, ffmpeg, make_film, moving_bar, pictures_of

from realtime.sources.open_source import open_source

pytestmark = NEEDS_FFMPEG


@pytest.mark.parametrize("sizes", [((320, 240), (640, 480)), ((640, 480), (320, 240)), ((320, 240), (240, 320))])
def test_a_size_that_changes_is_followed(sizes: tuple[tuple[int, int], ...], tmp_path: Path) -> None:
    parts = [make_film(tmp_path / f"{wh[0]}.ts", moving_bar(10, wh), "-c:v", "mpeg2video", "-q:v", "2", "-f", "mpegts")
             for wh in sizes]  # fmt: skip
    film = tmp_path / "both.ts"
    film.write_bytes(b"".join(part.read_bytes() for part in parts))
    seen = pictures_of(film)
    shapes = [(image.shape[1], image.shape[0]) for image in seen]
    assert set(shapes) == set(sizes)
    assert shapes == sorted(shapes, key=sizes.index)
    bar = seen[-1].max(axis=(0, 2)) > 180
    assert 20 <= bar.sum() <= 28, "24 pixels wide, as it was: not squeezed"


@pytest.mark.parametrize(("aspect", "shown_wh"), [("4/3", (320, 180)), ("1/2", (240, 360)), ("16/15", (256, 180))])
def test_pixels_that_are_not_square_become_square(aspect: str, shown_wh: tuple[int, int], tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mp4", moving_bar(5, (240, 180)), "-vf", f"setsar={aspect}", "-c:v", "libx264")
    with open_source(str(film), max_speed=True) as source:
        assert source.image_wh == shown_wh
        frame = source.read()
        assert frame is not None
        assert frame.image_bgr.shape == (shown_wh[1], shown_wh[0], 3)


def test_the_track_that_is_marked_as_the_default_is_shown(tmp_path: Path) -> None:
    small = make_film(tmp_path / "small.mp4", moving_bar(10, (160, 120)), "-c:v", "libx264")
    large = make_film(tmp_path / "large.mp4", moving_bar(10, (320, 240)), "-c:v", "libx264")
    for wanted, wh in ((0, (160, 120)), (1, (320, 240))):
        both = tmp_path / f"both-{wanted}.mkv"
        ffmpeg("-i", str(small), "-i", str(large), "-map", "0:v", "-map", "1:v", "-c", "copy",
               f"-disposition:v:{1 - wanted}", "0", f"-disposition:v:{wanted}", "default", str(both))  # fmt: skip
        with open_source(str(both), max_speed=True) as source:
            assert source.image_wh == wh


def test_a_cover_picture_is_not_the_film(tmp_path: Path) -> None:
    cover = make_film(tmp_path / "cover.png", moving_bar(1, (640, 480)))
    film = make_film(tmp_path / "film.mp4", moving_bar(10, (160, 120)), "-c:v", "libx264")
    both = tmp_path / "both.mp4"
    ffmpeg("-i", str(cover), "-i", str(film), "-map", "0", "-map", "1", "-c", "copy",
           "-disposition:v:0", "attached_pic", str(both))  # fmt: skip
    assert [image.shape for image in pictures_of(both)] == [(120, 160, 3)] * 10
