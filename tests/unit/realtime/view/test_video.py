"""Pictures to files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from engines.errors import UserError
from realtime.view.open_output import newest_picture, open_writer

SIZE = (64, 48)


def picture(level: int) -> np.ndarray:
    return np.full((SIZE[1], SIZE[0], 3), level, np.uint8)


def write(out: Path, times_s: list[float]) -> list[float]:
    """The times at which the video written at these times shows its frames."""
    with open_writer(out, SIZE) as writer:
        for index, time_s in enumerate(times_s):
            writer.write(picture(index % 200), time_s)
    return shown_s(out)


def shown_s(out: Path) -> list[float]:
    with av.open(str(out.absolute())) as film:
        assert film.streams.video[0].codec.name == "h264"
        return [frame.time for frame in film.decode(video=0)]


@pytest.mark.parametrize("rate_hz", [5, 25, 29.97, 59.9, 120, 240])
def test_a_film_has_every_picture_once_at_its_own_tempo(tmp_path: Path, rate_hz: float) -> None:
    shown = write(tmp_path / "a.mp4", [100 + index / rate_hz for index in range(50)])
    assert shown == pytest.approx([index / rate_hz for index in range(50)], abs=1e-4)


@given(st.lists(st.floats(0.001, 9.0), min_size=1, max_size=60))
@settings(max_examples=25, deadline=None)
def test_uneven_times_are_kept(steps_s: list[float]) -> None:
    import tempfile

    times_s = np.cumsum([50.0, *steps_s])
    with tempfile.TemporaryDirectory() as folder:
        shown = write(Path(folder) / "a.mp4", times_s.tolist())
    np.testing.assert_allclose(shown, times_s - times_s[0], atol=1e-3)


@pytest.mark.parametrize("name", ["a.mp4", "a.gif", "a.png"])
@pytest.mark.parametrize(
    ("error", "left"), [(KeyboardInterrupt, False), (UserError, False), (ValueError, True)], ids=lambda one: str(one)
)
def test_what_is_left_undone_is_not_there_and_a_fault_of_ours_loses_no_picture(
    tmp_path: Path, name: str, error: type[BaseException], left: bool
) -> None:
    out = tmp_path / name

    def broken_off() -> None:
        with open_writer(out, SIZE) as writer:
            for index in range(5):
                writer.write(picture(40 * index), index / 30)
            raise error

    with pytest.raises(error):
        broken_off()
    assert list(tmp_path.iterdir()) == [out] * left


def test_a_set_clock_and_a_loop_neither_stop_nor_stretch_the_film(tmp_path: Path) -> None:
    steps = [index / 30 for index in range(20)]
    shown = write(tmp_path / "a.mp4", [*steps, *(1e6 + step for step in steps), *steps])
    assert len(shown) == 60
    assert np.diff(shown).min() > 0
    assert shown[-1] == pytest.approx(10 + 58 / 30, abs=0.01)


def test_a_gif_shows_its_pictures_as_long_as_the_source_did(tmp_path: Path) -> None:
    with open_writer(tmp_path / "a.gif", SIZE) as writer:
        for index in range(12):
            writer.write(picture(20 * index), index * 0.1)
    with Pillow.open(tmp_path / "a.gif") as film:
        assert film.n_frames == 12
        shown = []
        for index in range(film.n_frames):
            film.seek(index)
            shown.append((film.info["duration"], np.array(film.convert("RGB"))[24, 32, 0]))
    assert [ms for ms, _ in shown] == [100] * 12
    assert [level for _, level in shown] == pytest.approx([20 * index for index in range(12)], abs=3)


@pytest.mark.parametrize("count", [1, 3, 12, 100])
def test_a_sheet_has_a_dozen_stills_from_first_to_last(tmp_path: Path, count: int) -> None:
    with open_writer(tmp_path / "a.png", SIZE) as writer:
        for index in range(count):
            writer.write(picture(index), float(index))
    sheet = cv2.imread(str(tmp_path / "a.png"))
    stills = min(count, 12)
    assert sheet.shape[1] == 1920
    levels = sorted({int(level) for level in np.unique(sheet) if level < 200})
    assert len(levels) == stills
    assert levels[0] == 0
    assert levels[-1] >= count - 1 - count // 12


def test_nothing_has_the_name_before_it_is_whole(tmp_path: Path) -> None:
    out = tmp_path / "a.mp4"
    out.write_bytes(b"the last one")
    with pytest.raises(RuntimeError, match="broken off"), open_writer(out, SIZE, True) as writer:  # noqa: PT012
        for index in range(20):
            writer.write(picture(index), index / 30)
        assert out.read_bytes() == b"the last one"
        raise RuntimeError("broken off")
    assert list(tmp_path.iterdir()) == [out]
    assert len(shown_s(out)) == 20


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
    assert len(write(Path("walk:1.mp4"), [0.0, 0.1])) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="no such names there")
def test_a_name_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not UTF-8"):
        open_writer(Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.mp4")), SIZE)


def test_what_a_killed_writer_left_is_removed_by_the_next_one(tmp_path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    left = tmp_path / f".a[1].{int(killed.stdout)}.x1y2.mp4"
    alive, other = tmp_path / f".a[1].{os.getppid()}.x1y2.mp4", tmp_path / f".a1.{int(killed.stdout)}.x1y2.mp4"
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
    with open_writer(tmp_path / "pictures", SIZE) as writer:
        for index in range(3):
            writer.write(picture(index), float(index))
    paths = sorted((tmp_path / "pictures").iterdir())
    assert newest_picture(tmp_path / "pictures") == newest_picture(paths[2]) != newest_picture(paths[1])
    assert [path.name for path in paths] == ["frame_000001.png", "frame_000002.png", "frame_000003.png"]
    assert (cv2.imread(str(paths[2])) == 2).all()


@pytest.mark.parametrize(
    "name", ["out.avi", "full", "file/inside.mp4", "file/inside", "folder.mp4", "new/a.mp4", "new/folder"]
)
def test_an_output_that_cannot_be_is_refused_at_once(tmp_path: Path, name: str) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "something").touch()
    (tmp_path / "file").touch()
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(UserError, match=str(tmp_path)):
        open_writer(tmp_path / name, SIZE)
