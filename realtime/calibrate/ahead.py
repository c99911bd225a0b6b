"""What can be refused before somebody walks about for a minute: the lens, the model, the person, the file to write."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from pathlib import Path

from calibration.lens.camera_file import load_camera
from calibration.person.body_scale import BodyScale
from engines.errors import UserError
from engines.lifting.load_lifter import load_lifter
from engines.write_aside import require_target
from realtime.files.keypoints_file import read_keypoints
from realtime.sources.address import is_live
from realtime.sources.open_source import video_path


def check_walk(
    source: str, lens: Path | None, seconds: float, model: str, output: Path, overwrite: bool
) -> None:  # fmt: skip
    """Of what watches one person. Raises UserError where the recording, the lens or the model is not there, or the
    output cannot be written, or is there already, unless `overwrite`."""
    require_target(output, overwrite)
    check_model(model)
    check_lenses([lens])
    check_seconds(seconds)
    check_recording(source)


def check_model(model: str) -> None:
    """Raises UserError where it is not there, is damaged or does not run: it is loaded, which takes a moment."""
    with load_lifter(model):
        pass


def check_seconds(seconds: float) -> None:
    """Raises UserError where nothing would be watched."""
    if not seconds > 0:
        raise UserError(f"--seconds must be above 0, got {seconds:g}")


def check_lenses(lenses: Iterable[Path | None]) -> None:
    """Raises UserError where one cannot be read."""
    for lens in lenses:
        if lens is not None:
            load_camera(lens)


def check_recording(source: str) -> None:
    """A camera is opened when it is watched. Raises UserError where a file is not there, or is none of keypoints or
    pictures."""
    if source.endswith(".npz"):
        read_keypoints(Path(source))
    elif not is_live(source):
        video_path(source)


def check_height(person: BodyScale) -> None:
    """Raises UserError where it is not known."""
    if not isfinite(person.known_height_m):
        raise UserError("the person's height is not known: give --person-height")


def check_measurable(name: str, height_m: float | None, with_floor: bool) -> None:
    """Raises UserError where nothing says how large the person is, or the height is nobody's."""
    if height_m is None and not with_floor:
        raise UserError("give the person's --height, or a --ground to measure them against")
    if height_m is not None:
        BodyScale(name, height_m)
