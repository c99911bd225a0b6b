"""Which camera, floor and person are in force: the profiles given to `realtime run`, or kept for the device."""

from __future__ import annotations

from calibration.floor.ground import load_ground
from calibration.lens.camera_file import load_camera
from calibration.profiles import camera_for, device_name, find_person
from realtime.config import PlaceConfig
from realtime.pipeline.place import Placer


def load_placer(place: PlaceConfig, source: str, image_wh: tuple[int, int]) -> Placer:
    """For pictures of this size from this source. Raises UserError for a profile that is missing or does not fit."""
    camera = camera_for(place.camera, device_name(source), image_wh)
    ground = load_ground(place.ground) if place.ground else None
    return Placer(camera, ground, find_person(place.person) if place.person else None)


def check_profiles(place: PlaceConfig) -> None:
    """Raises UserError for a profile that cannot be read, before the first picture is there."""
    if place.camera is not None:
        load_camera(place.camera)
    if place.ground is not None:
        load_ground(place.ground)
    if place.person is not None:
        find_person(place.person)
