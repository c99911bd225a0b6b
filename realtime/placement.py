"""Which camera, floor and person are in force: the profiles that `realtime run` was given, as a `Placer`."""

from __future__ import annotations

from pathlib import Path

from calibration.body_scale import load_person
from calibration.camera_file import load_camera
from calibration.ground import load_ground
from calibration.rays import Camera
from realtime.config import PlaceConfig
from realtime.place import Placer

_ANY_SIZE_WH = (640, 480)


def load_placer(place: PlaceConfig, image_wh: tuple[int, int] | None) -> Placer:
    """Without an image size the profiles are only read, to find out whether they can be. Raises UserError."""
    if place.camera is None:
        camera = Camera.assumed(image_wh or _ANY_SIZE_WH)
    else:
        camera = load_camera(place.camera)
        if image_wh is not None:
            camera = camera.scaled(image_wh)
    ground = load_ground(place.ground) if place.ground else None
    person = load_person(Path(place.person)) if place.person else None
    return Placer(camera, ground, person)
