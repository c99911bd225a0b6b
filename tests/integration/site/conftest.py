"""A site of three cameras, each a film of the same room."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from room import LENS, cameras_round
from room_detector import CAMERAS, IMAGE_WH, write_film
from room_detector import __file__ as detector_file
from room_site import NAMES

from calibration.cameras.cameras_file import Cameras, save_cameras
from calibration.lens.placed import PlacedCamera

FILM_S = 240


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    for camera, name in enumerate(NAMES):
        write_film(folder / f"{name}.avi", camera, FILM_S * 30)
    lens = LENS.scaled(IMAGE_WH)
    placed = [PlacedCamera(name, lens, one.rotation, one.shift_m)
              for name, one in zip(NAMES, cameras_round(CAMERAS), strict=True)]  # fmt: skip
    save_cameras(folder / "cameras.yaml", Cameras(tuple(placed)))
    return folder


@pytest.fixture
def site(films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to run in; the detector's module is found from it."""
    support = str(Path(detector_file).parent)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([support, os.environ.get("PYTHONPATH", "")]))
    tables = "".join(f'[[camera]]\nname = "{name}"\nsource = "{films / name}.avi"\n' for name in NAMES)
    (tmp_path / "site.toml").write_text(
        f'cameras = "{films / "cameras.yaml"}"\n[detector]\nsize = "room_detector:RoomDetector"\n{tables}'
    )
    return tmp_path
