"""Calibrations kept in the user's configuration directory: cameras by device and resolution, people by name."""

from __future__ import annotations

import logging
import math
import re
from pathlib import Path

from calibration.lens.camera_file import load_camera
from calibration.lens.rays import Camera
from calibration.person.body_scale import BodyScale, load_person
from engines.errors import UserError
from engines.folders import config_dir

_LOG = logging.getLogger("realtime.calibration")
_CAMERA = re.compile(r"(?:/dev/video)?(\d+)")
_ENDINGS = (".yaml", ".yml")  # of what is a file's path and no person's name
_NAME = re.compile(r"[\w-][\w .-]{0,60}")


def profiles_dir() -> Path:
    return config_dir() / "calibration"


def device_name(source: str) -> str:
    """What a live source's profiles are filed under; "" for a file, which has no lens of its own to remember."""
    number = _CAMERA.fullmatch(source)
    if number:
        try:
            name = Path(f"/sys/class/video4linux/video{number[1]}/name").read_text(encoding="utf-8").strip()
        except OSError:  # not Linux, or no such camera
            name = ""
        return _slug(name or f"camera {number[1]}")
    address = re.fullmatch(r"[a-z][a-z0-9+.-]*://(?:[^/@]*@)?([^?#]*).*", source, re.IGNORECASE)
    return _slug(address[1]) if address else ""


def camera_path(device: str, image_wh: tuple[int, int]) -> Path:
    return profiles_dir() / "cameras" / device / f"{image_wh[0]}x{image_wh[1]}.yaml"


def find_camera(device: str, image_wh: tuple[int, int]) -> Camera | None:
    """The device's lens at this resolution, rescaled from the nearest of the same aspect; None where none is known."""
    exact = camera_path(device, image_wh)
    if not device or not exact.parent.is_dir():
        return None
    if exact.exists():
        return load_camera(exact).scaled(image_wh)
    fitting: list[tuple[float, Camera]] = []
    for path in sorted(exact.parent.glob("*x*.yaml")):
        try:
            camera = load_camera(path)
            fitting.append((abs(math.log(camera.image_wh[0] / image_wh[0])), camera.scaled(image_wh)))
        except UserError as error:
            _LOG.warning("not using %s: %s", path, error)
    return min(fitting, key=lambda fit: fit[0])[1] if fitting else None


def person_path(name: str) -> Path:
    if not _NAME.fullmatch(name) or name.endswith(_ENDINGS):
        raise UserError(f"{name!r} cannot be a person's name here: use letters, digits, spaces, dots and dashes, and "
                        "no .yaml at the end")
    return profiles_dir() / "people" / f"{name}.yaml"


def find_person(name: str) -> BodyScale:
    """A person by name, or by the path of a file. Raises UserError that lists who is known."""
    if name.endswith(_ENDINGS):
        return load_person(Path(name))
    path = person_path(name)
    if not path.exists():
        known = sorted(file.stem for file in path.parent.glob("*.yaml"))
        raise UserError(f"nobody called {name!r} is known ({', '.join(known) or 'nobody is yet'}): "
                        f"run 'realtime calibrate person {name} --height 1.76'")
    return load_person(path)


def camera_for(path: Path | None, device: str, image_wh: tuple[int, int]) -> Camera:
    """The camera file given, at this resolution; else the device's profile; else an assumed lens."""
    if path is not None:
        return load_camera(path).scaled(image_wh)
    found = find_camera(device, image_wh)
    if found is not None:
        _LOG.info("using the calibration of %s", device)
    return found or Camera.assumed(image_wh)


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower()
