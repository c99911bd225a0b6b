"""`realtime lift` of a video: whatever can be refused is refused before the detector has seen a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from calibration.lens.camera_file import save_camera
from calibration.lens.rays import Camera
from engines.errors import UserError
from realtime.files.lift_file import LiftOptions, lift_file
from realtime.files.read_source import Told

WATCHED = """
class Looks:
    skeleton = "coco17"

    def __call__(self, image_bgr):
        raise RuntimeError("a picture was looked at")
"""


@pytest.fixture
def film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pictures, and a detector that fails at the first of them."""
    (tmp_path / "that_fails.py").write_text(WATCHED)
    monkeypatch.syspath_prepend(str(tmp_path))
    folder = tmp_path / "film"
    folder.mkdir()
    for number in range(3):
        cv2.imwrite(str(folder / f"{number}.png"), np.zeros((120, 160, 3), np.uint8))
    return folder


def lift(film: Path, out: Path | None = None, **options: Any) -> None:
    told = Told(fps=25, detector="that_fails:Looks")
    lift_file(film, out or film.parent / "out.npz", LiftOptions(**options), told)


def test_without_a_mistake_the_detector_is_asked(film: Path) -> None:
    with pytest.raises(UserError, match="a picture was looked at"):
        lift(film)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"model": "no-such"}, "no model 'no-such'"),
        ({"engine": "abacus"}, "engine 'abacus' is unknown"),
        ({"engine": "onnxruntime", "plan": Path("x.plan")}, "engine onnxruntime runs no plan"),
        ({"plan": Path("none.plan")}, "there is no plan none.plan"),
        ({"lookahead": 3}, "has no look-ahead 3"),
        ({"align": "end"}, "leave out --align"),
        ({"mode": "window", "lookahead": 3}, "has no look-ahead 3"),
        ({"mode": "sequence", "engine": "tensorrt"}, "has no sequence mode"),
        ({"mode": "window", "plan": Path("x.plan")}, "a plan runs in --mode stream"),
        ({"mode": "window", "align": "end"}, "leave out --align"),
        ({"person": "nobody-known"}, "nobody called 'nobody-known' is known"),
        ({"camera": Path("none.yaml")}, "none.yaml"),
        ({"ground": Path("none.yaml")}, "none.yaml"),
    ],
)  # fmt: skip
def test_what_cannot_be_lifted_is_said_first(film: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        lift(film, **options)


def test_damaged_weights_are_found_first(film: Path, tmp_path: Path) -> None:
    from engines.models.card import find_model

    _, weights = find_model("default")
    for path in (weights, weights.with_suffix(".json")):
        (tmp_path / f"mine{path.suffix}").write_bytes(path.read_bytes())
    with (tmp_path / "mine.safetensors").open("ab") as file:
        file.write(b"more")
    with pytest.raises(UserError, match="is damaged"):
        lift(film, model=str(tmp_path / "mine.safetensors"))


def test_a_lens_of_another_aspect_is_found_first(film: Path, tmp_path: Path) -> None:
    save_camera(tmp_path / "lens.yaml", Camera.assumed((1920, 1080)), "wide")
    with pytest.raises(UserError, match="another aspect"):
        lift(film, camera=tmp_path / "lens.yaml")


def test_a_file_that_cannot_be_written_is_said_first(film: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no-folder does not exist"):
        lift(film, tmp_path / "no-folder" / "out.npz")
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(UserError, match=r"folder\.npz is a folder"):
        lift_file(film, tmp_path / "folder.npz", told=Told(fps=25, detector="that_fails:Looks"), overwrite=True)
