"""`realtime calibrate` replaces no file of its user's unasked, and says so before anybody is watched."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from calibration.floor.ground import load_ground
from engines.errors import UserError
from realtime.commands.setup.calibrate import app

COMMANDS = [
    ("board", "-o", "mine.pdf"),
    ("camera", "film.avi", "-o", "mine.yaml"),
    ("camera", "film.avi", "-o", "new.yaml", "--keep", "kept"),
    ("guess", "--source", "film.avi", "-o", "mine.yaml"),
    ("ground", "--height", "1.5", "-o", "mine.yaml"),
    ("ground", "--source", "film.avi", "--person-height", "1.7", "-o", "mine.yaml"),
    ("ground", "--source", "film.avi", "--on-board", "-o", "mine.yaml"),
    ("ground", "--keep", "--rpc", "tcp://127.0.0.1:9", "-o", "mine.yaml"),
    ("cameras", "a=film.avi", "b=film.avi", "-o", "mine.yaml"),
    ("cameras", "a=film.avi", "b=film.avi", "--by", "board", "-o", "mine.yaml"),
    ("cameras", "a", "b", "--address", "tcp://127.0.0.1:9", "-o", "mine.yaml"),
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kept").mkdir()
    for name in ("mine.yaml", "mine.pdf", "film.avi", "kept/frame_000000.png"):
        (tmp_path / name).write_text("mine")
    return tmp_path


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_what_is_there_stays(command: tuple[str, ...], folder: Path) -> None:
    before = sorted(folder.rglob("*"))
    result = CliRunner().invoke(app, list(command))
    assert isinstance(result.exception, UserError), result.output
    assert "exists" in str(result.exception)
    assert "--overwrite" in str(result.exception)
    assert sorted(folder.rglob("*")) == before
    assert {path.read_text() for path in before if path.is_file()} == {"mine"}


def test_what_is_there_is_replaced_where_that_is_asked_for(folder: Path) -> None:
    words = ["ground", "--height", "1.5", "-o", "mine.yaml", "--overwrite"]
    assert CliRunner().invoke(app, words).exit_code == 0
    assert load_ground(folder / "mine.yaml").height_m == pytest.approx(1.5)
    assert CliRunner().invoke(app, ["board", "-o", "mine.pdf", "--overwrite"]).exit_code == 0
    assert (folder / "mine.pdf").read_bytes().startswith(b"%PDF")


def test_a_lens_that_is_known_is_not_measured_again_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a camera without -o: its profile goes by the pictures' size, which is known with the first of them."""
    import numpy as np
    from mjpeg_server import MjpegServer

    from calibration.lens.camera_file import save_camera
    from calibration.lens.rays import Camera
    from calibration.profiles import camera_path, device_name

    monkeypatch.setattr("platformdirs.user_config_path", lambda *_: tmp_path)
    looked = []
    monkeypatch.setattr("realtime.calibrate.views._look", lambda *_: looked.append(1))
    with MjpegServer([np.zeros((120, 160, 3), np.uint8)], fps=10) as camera:
        save_camera(camera_path(device_name(camera.url), (160, 120)), Camera.assumed((160, 120)), "known")
        result = CliRunner().invoke(app, ["camera", camera.url, "--no-window", "--seconds", "60"])
    assert isinstance(result.exception, UserError), result.output
    assert "160x120.yaml exists" in str(result.exception)
    assert not looked
