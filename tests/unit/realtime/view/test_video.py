"""Pictures to files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.errors import UserError
from realtime.view.video import newest_picture, open_writer

SIZE = (64, 48)


def picture(level: int) -> np.ndarray:
    return np.full((SIZE[1], SIZE[0], 3), level, np.uint8)


def write(out: Path, times_s: list[float]) -> tuple[int, float]:
    """Frames and rate of the video written at these times."""
    with open_writer(out, SIZE) as writer:
        for index, time_s in enumerate(times_s):
            writer.write(picture(index % 200), time_s)
    video = cv2.VideoCapture(str(out.absolute()))
    found = int(video.get(cv2.CAP_PROP_FRAME_COUNT)), video.get(cv2.CAP_PROP_FPS)
    video.release()
    return found


@pytest.mark.parametrize(("rate_hz", "shown"), [(5, 5), (25, 25), (29.97, 30), (59.9, 60), (200, 60)])
def test_the_rate_is_the_usual_one_nearest_to_the_streams(tmp_path: Path, rate_hz: float, shown: float) -> None:
    assert write(tmp_path / "a.mp4", [100 + index / rate_hz for index in range(10)])[1] == shown


@given(st.lists(st.floats(0.005, 0.4), min_size=1, max_size=60))
@settings(max_examples=25, deadline=None)
def test_a_video_lasts_as_long_as_the_stream(steps_s: list[float]) -> None:
    import tempfile

    times_s = np.cumsum([50.0, *steps_s]).tolist()
    with tempfile.TemporaryDirectory() as folder:
        frames, rate_hz = write(Path(folder) / "a.mp4", times_s)
    assert abs((frames - 1) / rate_hz - (times_s[-1] - times_s[0])) <= 2.5 / rate_hz


def test_steady_streams_lose_and_repeat_nothing(tmp_path: Path) -> None:
    jitter = np.random.default_rng(0).uniform(-0.012, 0.012, 300)
    assert write(tmp_path / "a.mp4", (np.arange(300) / 30 + jitter).tolist())[0] == pytest.approx(300, abs=2)


def test_a_set_clock_does_not_fill_the_disk(tmp_path: Path) -> None:
    times_s = [*(index / 30 for index in range(20)), *(1e6 + index / 30 for index in range(20))]
    assert write(tmp_path / "a.mp4", times_s)[0] == 40


def test_a_video_of_fewer_pictures_than_the_probe_is_written(tmp_path: Path) -> None:
    assert write(tmp_path / "a.mp4", [0.0]) == (1, 30)


def test_nothing_has_the_name_before_it_is_whole(tmp_path: Path) -> None:
    out = tmp_path / "a.mp4"
    out.write_bytes(b"the last one")
    with pytest.raises(RuntimeError, match="broken off"), open_writer(out, SIZE, True) as writer:  # noqa: PT012
        for index in range(20):
            writer.write(picture(index), index / 30)
        assert out.read_bytes() == b"the last one"
        raise RuntimeError("broken off")
    assert list(tmp_path.iterdir()) == [out]
    video = cv2.VideoCapture(str(out.absolute()))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 20
    video.release()


def test_a_film_that_is_there_is_replaced_only_when_asked(tmp_path: Path) -> None:
    out = tmp_path / "a.mp4"
    out.write_bytes(b"the last one")
    before = newest_picture(out)
    with pytest.raises(UserError, match=r"a\.mp4 exists: choose another name or add --overwrite"):
        open_writer(out, SIZE)
    assert out.read_bytes() == b"the last one"
    with open_writer(out, SIZE, overwrite=True) as writer:
        writer.write(picture(0), 0.0)
    assert newest_picture(out) not in (None, before)


@pytest.mark.skipif(sys.platform == "win32", reason="no such names there")
def test_a_name_with_a_colon_is_no_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert write(Path("walk:1.mp4"), [0.0, 0.1])[0] == 2


@pytest.mark.skipif(sys.platform == "win32", reason="no such names there")
def test_a_name_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not UTF-8"):
        open_writer(Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.mp4")), SIZE)


def test_what_a_killed_writer_left_is_removed_by_the_next_one(tmp_path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    left = tmp_path / f".a[1].{int(killed.stdout)}.mp4"
    alive, other = tmp_path / f".a[1].{os.getppid()}.mp4", tmp_path / f".a1.{int(killed.stdout)}.mp4"
    for path in (left, alive, other):
        path.touch()
    with open_writer(tmp_path / "a[1].mp4", SIZE):
        assert sorted(tmp_path.iterdir()) == sorted([alive, other])


def test_no_picture_leaves_the_old_file_alone(tmp_path: Path) -> None:
    out = tmp_path / "a.mp4"
    out.write_bytes(b"the last one")
    before = newest_picture(out)
    with open_writer(out, SIZE, overwrite=True):
        pass
    assert out.read_bytes() == b"the last one"
    assert newest_picture(out) == before
    assert list(tmp_path.iterdir()) == [out]


def test_png_pictures_are_numbered_and_exact(tmp_path: Path) -> None:
    with open_writer(tmp_path / "new" / "pictures", SIZE) as writer:
        for index in range(3):
            writer.write(picture(index), float(index))
    paths = sorted((tmp_path / "new" / "pictures").iterdir())
    assert newest_picture(tmp_path / "new" / "pictures") == newest_picture(paths[2]) != newest_picture(paths[1])
    assert [path.name for path in paths] == ["frame_000001.png", "frame_000002.png", "frame_000003.png"]
    assert (cv2.imread(str(paths[2])) == 2).all()


@pytest.mark.parametrize("name", ["out.avi", "full", "file/inside.mp4", "file/inside", "folder.mp4"])
def test_an_output_that_cannot_be_is_refused_at_once(tmp_path: Path, name: str) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "something").touch()
    (tmp_path / "file").touch()
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(UserError, match=str(tmp_path)):
        open_writer(tmp_path / name, SIZE)
