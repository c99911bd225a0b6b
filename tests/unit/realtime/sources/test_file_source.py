"""Video files as sources: pacing, skipping, looping, and what a bad file is answered with."""

from __future__ import annotations

import itertools
import logging
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engines.errors import UserError
from realtime.clock import NS_PER_S
from realtime.sources import file_source
from realtime.sources.open_source import open_source
from realtime.sources.source import Source

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="no such names and pipes there")
FPS = 25.0
FRAMES = 20
STEP = 12  # grey levels between one frame and the next


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now_ns = 5 * NS_PER_S

    def __call__(self) -> int:
        return self.now_ns

    def pass_frames(self, frames: float) -> None:
        self.now_ns += round(frames / FPS * NS_PER_S)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(file_source, "monotonic_ns", clock)
    return clock


def write_clip(path: Path, codec: str, frames: int = FRAMES) -> Path:
    """Frame n is grey level n * STEP; the left half is black."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), FPS, (64, 48))
    for level in range(0, frames * STEP, STEP):
        image = np.full((48, 64, 3), level, np.uint8)
        image[:, :32] = 0
        writer.write(image)
    writer.release()
    return path


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clips") / "clip.avi", "MJPG")


def number(image: np.ndarray, column: int = -1) -> int:
    return round(float(image[24, column].mean()) / STEP)


def drain(source: Source) -> list[tuple[int, int, int]]:
    """(frame_id, source_ns, number in the picture) of every frame."""
    frames = []
    while (frame := source.read()) is not None:
        frames.append((frame.stamp.frame_id, frame.stamp.source_ns, number(frame.image_bgr)))
    return frames


def test_at_full_speed_every_frame_comes_in_order(clip: Path) -> None:
    with open_source(str(clip), max_speed=True) as source:
        assert (source.image_wh, source.fps, source.live, source.name) == ((64, 48), FPS, False, str(clip))
        frames = drain(source)
        assert source.read() is None
        assert source.dropped == 0
    assert [(frame_id, shown) for frame_id, _, shown in frames] == [(n, n) for n in range(FRAMES)]
    assert np.allclose(np.diff([source_ns for _, source_ns, _ in frames]), NS_PER_S / FPS, atol=1e6)


def test_a_late_reader_gets_the_frame_that_is_due_and_the_rest_are_counted(clip: Path, clock: Clock) -> None:
    with open_source(str(clip)) as source:
        assert number(source.read().image_bgr) == 0
        clock.pass_frames(7)
        frame = source.read()
        assert (frame.stamp.frame_id, number(frame.image_bgr), source.dropped) == (7, 7, 6)
        assert frame.stamp.capture_ns == clock.now_ns


def test_a_frame_that_is_not_due_yet_times_out_and_comes_later(clip: Path, clock: Clock) -> None:
    with open_source(str(clip)) as source:
        source.read()
        with pytest.raises(TimeoutError):
            source.read(timeout_s=0.001)
        clock.pass_frames(1)
        assert source.read(timeout_s=0.001).stamp.frame_id == 1


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(delays=st.lists(st.floats(1, 6), min_size=1, max_size=30))
def test_whatever_the_delays_stamps_grow_and_every_frame_is_delivered_or_counted(
    clip: Path, clock: Clock, delays: list[float]
) -> None:
    with open_source(str(clip), loop=True) as source:
        stamps = []
        for delay in delays:
            stamps.append(source.read().stamp)
            clock.pass_frames(delay)
        assert source.dropped == stamps[-1].frame_id + 1 - len(stamps)
    for before, after in itertools.pairwise(stamps):
        assert after.frame_id > before.frame_id
        assert after.source_ns > before.source_ns


def test_a_loop_starts_over_after_a_gap_in_the_timeline(clip: Path) -> None:
    with open_source(str(clip), loop=True, max_speed=True) as source:
        stamps = []
        for expected in [*range(FRAMES), *range(FRAMES), 0]:
            frame = source.read()
            assert number(frame.image_bgr) == expected
            stamps.append(frame.stamp)
    assert [stamp.frame_id for stamp in stamps] == list(range(2 * FRAMES + 1))
    assert stamps[FRAMES].source_ns - stamps[FRAMES - 1].source_ns > 0.5 * NS_PER_S
    assert stamps[FRAMES + 1].source_ns - stamps[FRAMES].source_ns < 0.1 * NS_PER_S


def test_mirror_swaps_left_and_right(clip: Path) -> None:
    with open_source(str(clip), max_speed=True, mirror=True) as source:
        for expected in range(3):
            image = source.read().image_bgr
            assert (number(image, 0), number(image, -1)) == (expected, 0)


@pytest.mark.parametrize("max_speed", [False, True])
def test_a_picture_lasts_while_it_is_held(clip: Path, max_speed: bool) -> None:
    with open_source(str(clip), max_speed=max_speed) as source:
        held = []
        while (frame := source.read()) is not None:
            held.append(frame.image_bgr)
    numbers = [number(image) for image in held]
    assert len(numbers) > 3
    assert numbers == sorted(set(numbers))  # none was written over by another


def test_a_file_by_its_address(clip: Path) -> None:
    with open_source(clip.as_uri(), max_speed=True) as source:
        assert not source.live
        assert len(drain(source)) == FRAMES


def test_close_ends_the_stream(clip: Path) -> None:
    with open_source(str(clip)) as source:
        source.read()
        source.close()
        assert source.read() is None


def test_a_phone_held_upright_gives_upright_pictures(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "turned.mp4", "mp4v")
    content = bytearray(path.read_bytes())
    matrix = content.index(b"tkhd") + 44  # ISO 14496-12, 8.3.2: the track header's display matrix
    quarter_turn = (0, 1 << 16, 0, -(1 << 16), 0, 0, 48 << 16, 0, 1 << 30)
    content[matrix : matrix + 36] = struct.pack(">9i", *quarter_turn)
    path.write_bytes(content)
    with open_source(str(path), max_speed=True) as source:
        assert source.image_wh == (48, 64)
        assert source.read().image_bgr.shape == (64, 48, 3)
        assert source.read().image_bgr.shape == (64, 48, 3)


def test_a_file_that_is_cut_off_plays_to_where_it_ends_and_says_so(
    clip: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cut = tmp_path / "cut.avi"
    cut.write_bytes(clip.read_bytes()[: clip.stat().st_size * 3 // 4])  # the first half is headers
    with caplog.at_level(logging.WARNING), open_source(str(cut), max_speed=True) as source:
        frames = drain(source)
    assert 0 < len(frames) < FRAMES
    assert "damaged or cut off" in caplog.text


@POSIX
@pytest.mark.parametrize("kept", [0.0, 0.51])
def test_a_looped_file_that_is_cut_off_while_it_is_played_is_no_good_end(
    clip: Path, tmp_path: Path, kept: float
) -> None:
    played = tmp_path / "played.avi"
    shutil.copy(clip, played)
    with open_source(str(played), loop=True, max_speed=True) as source:
        for _ in range(FRAMES + 2):
            assert source.read() is not None
        os.truncate(played, int(kept * played.stat().st_size))
        with pytest.raises(UserError, match="cut off"):
            list(iter(source.read, None))


@POSIX
def test_a_name_with_a_colon_is_no_protocol(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(clip, tmp_path / "clip:1.avi")
    monkeypatch.chdir(tmp_path)
    with open_source("clip:1.avi", max_speed=True) as source:
        assert source.name == "clip:1.avi"
        assert len(drain(source)) == FRAMES


def bad_file(kind: str, clip: Path, tmp_path: Path) -> Path:
    path = tmp_path / f"bad.{'png' if kind == 'image' else 'mp4'}"
    if kind == "empty":
        path.touch()
    elif kind == "text":
        path.write_text("this is no video\n" * 100)
    elif kind == "image":
        cv2.imwrite(str(path), np.zeros((48, 64, 3), np.uint8))
    elif kind == "no frames":
        path = write_clip(path.with_suffix(".avi"), "MJPG", frames=0)
    elif kind == "truncated":
        path.write_bytes(clip.read_bytes()[:300])
    elif kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "name of bytes":
        path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/clip\xff.avi"))
        shutil.copy(clip, path)
    return path


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("missing", "there is no file"),
        ("folder", "is a folder"),
        ("empty", "is empty"),
        pytest.param("pipe", "is no regular file", marks=POSIX),
        pytest.param("name of bytes", r"clip\\udcff\.avi' is not UTF-8", marks=POSIX),
        ("text", "cannot be read as a video"),
        ("image", "is an image, not a video"),
        ("no frames", "no frame that can be decoded|cannot be read as a video"),
        ("truncated", "no frame that can be decoded|cannot be read as a video"),
    ],
)
def test_a_bad_file_is_one_sentence(kind: str, message: str, clip: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message) as caught:
        open_source(str(bad_file(kind, clip, tmp_path)))
    assert "\n" not in str(caught.value)


def test_opencv_and_ffmpeg_add_nothing_of_their_own(clip: Path, tmp_path: Path) -> None:
    path = bad_file("text", clip, tmp_path)
    code = f"from realtime.sources.open_source import open_source\nopen_source({str(path)!r})"
    errors = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).stderr
    first, *_, last = errors.splitlines()
    assert first.startswith("Traceback")
    assert "cannot be read as a video" in last
