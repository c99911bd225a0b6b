"""Time in files: gaps in their time stamps, slow motion, a start that is not the beginning."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from made_films import NEEDS_FFMPEG, make_film

from engines.errors import UserError
from realtime.clock import NS_PER_S, monotonic_ns
from realtime.sources.open_source import open_source
from realtime.sources.source import Source

pytestmark = NEEDS_FFMPEG
FRAMES = 60
GAP_S = 3600
LEVELS = [np.full((120, 160, 3), 10 + 4 * number, np.uint8) for number in range(FRAMES)]


def film(path: Path, *options: str) -> Path:
    """60 pictures, 30 a second; picture n is grey level 10 + 4 n."""
    return make_film(path, LEVELS, "-c:v", "mpeg4", "-q:v", "2", "-g", "12", *options, fps=30)


def with_gap(path: Path) -> Path:
    """The second half an hour later, as cameras write it that record only while something moves."""
    later = f"setpts='if(gte(N,{FRAMES // 2}),N+{GAP_S * 30},N)/30/TB'"
    return film(path, "-vf", later, "-vsync", "passthrough")


def drain(source: Source) -> list[tuple[int, float]]:
    """(number in the picture, the source's time in seconds)"""
    seen = []
    while (frame := source.read()) is not None:
        seen.append((round((float(frame.image_bgr.mean()) - 8) / 4), frame.stamp.source_ns / NS_PER_S))
    return seen


@pytest.mark.parametrize("name", ["gap.mkv", "gap.mp4", "gap.ts"])
def test_a_gap_in_the_time_stamps_is_played_over_and_is_no_damage(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = with_gap(tmp_path / name)
    start_ns = monotonic_ns()
    with caplog.at_level(logging.WARNING), open_source(str(path)) as source:
        seen = drain(source)
        dropped = source.dropped
    assert monotonic_ns() - start_ns < 60 * NS_PER_S, "nobody waits for an hour"
    assert len(seen) + dropped == FRAMES
    assert seen[-1][0] == FRAMES - 1
    assert seen[-1][1] - seen[0][1] == pytest.approx(GAP_S + (FRAMES - 1) / 30, abs=0.1), "the time is the file's"
    assert "shows nothing for 3600 s" in caplog.text
    assert "damaged" not in caplog.text


@pytest.mark.parametrize("name", ["gap.mkv", "gap.mp4"])
def test_at_full_speed_a_gap_is_no_news(name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), open_source(str(with_gap(tmp_path / name)), max_speed=True) as source:
        assert [number for number, _ in drain(source)] == list(range(FRAMES))
    assert not caplog.text


def test_pictures_that_are_seconds_apart_are_no_damage(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = film(tmp_path / "sparse.mkv", "-vf", "setpts=N*3/TB", "-vsync", "passthrough")
    with caplog.at_level(logging.WARNING), open_source(str(path), max_speed=True) as source:
        assert len(drain(source)) == FRAMES
    assert not caplog.text


@pytest.mark.parametrize("name", ["cut.mkv", "cut.mp4", "cut.avi"])
def test_a_film_that_is_cut_off_is_still_said(name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = film(tmp_path / name, *(("-movflags", "+faststart") if name.endswith("mp4") else ()))
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with caplog.at_level(logging.WARNING), open_source(str(path), max_speed=True) as source:
        assert 0 < len(drain(source)) < FRAMES
    assert "damaged or cut off" in caplog.text


def test_slow_motion_plays_at_the_speed_it_was_taken(tmp_path: Path) -> None:
    path = film(tmp_path / "slow.mp4")  # plays at 30 what was taken at 240 a second
    with open_source(str(path), max_speed=True, file_fps=240) as source:
        assert source.fps == 240
        seen = drain(source)
    assert len(seen) == FRAMES
    assert np.allclose(np.diff([at_s for _, at_s in seen]), 1 / 240, atol=1e-4)
    with open_source(str(path), file_fps=240) as source:
        start_ns = monotonic_ns()
        seen = drain(source)
        assert len(seen) + source.dropped == FRAMES
    assert monotonic_ns() - start_ns >= 0.24 * NS_PER_S, "no faster than life"


@pytest.mark.parametrize("name", ["film.mp4", "film.mkv", "film.avi", "film.ts", "film.m4v"])
@pytest.mark.parametrize("start_s", [0.1, 1.0, 1.5])
def test_a_start_is_met_to_the_picture(name: str, start_s: float, tmp_path: Path) -> None:
    with open_source(str(film(tmp_path / name)), max_speed=True, start_s=start_s) as source:
        seen = drain(source)
    first = round(start_s * 30)
    assert [number for number, _ in seen] == list(range(first, FRAMES))
    assert seen[0][1] == pytest.approx(start_s, abs=0.01)


def test_a_loop_goes_back_to_the_start(tmp_path: Path) -> None:
    with open_source(str(film(tmp_path / "film.mp4")), max_speed=True, loop=True, start_s=1.8) as source:
        frames = [source.read() for _ in range(13)]
    stamps = [frame.stamp for frame in frames if frame is not None]
    assert [stamp.frame_id for stamp in stamps] == list(range(13))
    times_s = [stamp.source_ns / NS_PER_S for stamp in stamps]
    assert times_s[5] == pytest.approx(1.8 + 5 / 30, abs=0.01)
    assert times_s[6] - times_s[5] > 0.5, "a gap: readers start afresh"
    assert times_s[7] - times_s[6] == pytest.approx(1 / 30, abs=0.01)


def test_slow_motion_from_a_start(tmp_path: Path) -> None:
    with open_source(str(film(tmp_path / "film.mp4")), max_speed=True, start_s=1.0, file_fps=60) as source:
        seen = drain(source)
    assert [number for number, _ in seen] == list(range(30, FRAMES)), "the start is where a player shows it"
    assert seen[0][1] == pytest.approx(0.5, abs=0.01)


def test_a_start_behind_the_end_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"is 2\.0 s long: give a --start before its end"):
        open_source(str(film(tmp_path / "film.mp4")), start_s=2.5)


def test_a_camera_has_no_start() -> None:
    with pytest.raises(UserError, match="are of video files"):
        open_source("97", start_s=2.5)
