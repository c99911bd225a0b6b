"""`realtime calibrate` with somebody to be watched: whatever can be refused is refused before a picture is looked at.

The film shows nobody, which is what is said of it by who has watched it.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from calibration.lens.camera_file import save_camera
from calibration.lens.rays import Camera
from engines.errors import UserError
from engines.models.card import find_model, write_card
from realtime.commands.setup.calibrate import app

HEIGHT = ("--person-height", 1.7)


@pytest.fixture
def film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("platformdirs.user_config_path", lambda *_: tmp_path / "config")
    writer = cv2.VideoWriter(str(tmp_path / "film.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 25, (160, 120))
    for _ in range(5):
        writer.write(np.zeros((120, 160, 3), np.uint8))
    writer.release()
    save_camera(tmp_path / "wide.yaml", Camera.assumed((1920, 1080)), "wide")
    (tmp_path / "file").touch()
    card, weights = find_model("default")
    write_card(card, tmp_path / "cut.json")
    (tmp_path / "cut.safetensors").write_bytes(weights.read_bytes()[:-1])
    return tmp_path / "film.avi"


def refused(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert isinstance(result.exception, UserError), result.output
    return str(result.exception)


def test_without_a_mistake_the_film_is_watched(film: Path) -> None:
    assert "nobody was seen" in refused("person", "ana", "--source", film, "--height", 1.7)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--height", 1.7, "--model", "no-such"), "no model 'no-such'"),
        (("--height", 1.7, "--model", "cut.json"), "cut.safetensors is damaged"),
        (("--height", 1.7, "--camera", "none.yaml"), "none.yaml"),
        (("--height", 1.7, "--camera", "wide.yaml"), "another aspect"),
        (("--height", 1.7, "--seconds", 0), "--seconds must be above 0"),
        (("--height", 17), "is not a person's"),
        (("--ground", "none.yaml"), "none.yaml"),
        ((), "give the person's --height, or a --ground"),
    ],
)
def test_a_person_is_not_watched_in_vain(
    film: Path, arguments: tuple[object, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(film.parent)
    assert said in refused("person", "ana", "--source", film, *arguments)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((*HEIGHT, "--model", "no-such"), "no model 'no-such'"),
        ((*HEIGHT, "--model", "cut.json"), "cut.safetensors is damaged"),
        ((*HEIGHT, "--camera", "wide.yaml"), "another aspect"),
        ((*HEIGHT, "-o", "file/ground.yaml"), "cannot be written"),
        ((*HEIGHT, "--seconds", -1), "--seconds must be above 0"),
        (("--person", "nobody"), "nobody called 'nobody'"),
    ],
)
def test_a_walk_for_the_floor_is_not_watched_in_vain(
    film: Path, arguments: tuple[object, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(film.parent)
    assert said in refused("ground", "--source", film, *arguments)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(("--model", "no-such"), "no model 'no-such'"), (("-o", "file/x.yaml"), "cannot be written")],
)
def test_a_walk_for_the_lens_is_not_watched_in_vain(
    film: Path, arguments: tuple[object, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(film.parent)
    assert said in refused("guess", "--source", film, *arguments)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("b=none.mp4",), "none.mp4"),
        (("b=none.npz",), "none.npz"),
        (("b=0",), "'b' is a camera"),
        (("b=0", "--by", "board"), "'b' is a camera"),
        (("b=film.avi", "--model", "no-such"), "no model 'no-such'"),
        (("b=film.avi", "--model", "cut.json"), "cut.safetensors is damaged"),
        (("b=film.avi", "--lens", "b=none.yaml"), "none.yaml"),
        (("b=film.avi", "-o", "file/x.yaml"), "cannot be written"),
        (("b=film.avi", "--apart", -1), "--apart must be 0 s or more"),
        (("b=film.avi", "--seconds", 0), "--seconds must be above 0"),
        (("b=film.avi",), "nobody was seen"),
    ],
)
def test_several_cameras_films_are_not_watched_in_vain(
    film: Path, arguments: tuple[object, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(film.parent)
    assert said in refused("cameras", "a=film.avi", *arguments)


def test_a_lens_that_cannot_be_kept_is_not_measured(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(film.parent)
    assert "cannot be written" in refused("camera", film, "-o", "file/camera.yaml")
    (film.parent / "camera.png").mkdir()
    assert "camera.png exists" in refused("camera", film)
    assert "camera.png is a folder" in refused("camera", film, "--overwrite")
