"""What poses are placed in: the camera, floor and person in force, resolved once for pictures of one size."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from calibration.floor.ground import Ground, load_ground
from calibration.lens.camera_file import GUESS, load_camera
from calibration.lens.rays import Camera
from calibration.person.body_scale import BodyScale
from calibration.profiles import camera_for, find_person
from engines.errors import UserError
from realtime.config import PlaceConfig
from realtime.sources.address import device_of


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """Nothing in it ever changes: another calibration is another `Setting`, so no frame mixes two.

    Raises UserError for a floor that was measured through another lens.
    """

    camera: Camera
    ground: Ground | None = None
    person: BodyScale | None = None
    calibration: str = field(init=False)  # "" without any; else another for any other byte of any file in force
    space: str = field(init=False)  # camera | world
    hfov_deg: float = field(init=False)  # of the camera; NaN where it sees too wide for one

    def __post_init__(self) -> None:
        camera, ground, person = self.camera, self.ground, self.person
        if ground is not None and ground.source != "angles" and ground.camera_identity != camera.identity:
            raise UserError("the ground was measured with another camera calibration: run 'realtime calibrate ground' "
                            "with this one")
        parts = (camera.identity, ground.identity if ground else "", person.identity if person else "")
        name = hashlib.sha256("/".join(parts).encode()).hexdigest()[:12] if any(parts) else ""
        guessed = camera.identity.startswith(GUESS)
        object.__setattr__(self, "calibration", GUESS + name if guessed else name)
        object.__setattr__(self, "hfov_deg", camera.hfov_deg)
        object.__setattr__(self, "space", "camera" if ground is None else "world")


SettingFor = Callable[[tuple[int, int]], Setting]  # picture size -> what is in force


def setting_for(place: PlaceConfig, source: str, image_wh: tuple[int, int], rotated_deg: int = 0) -> Setting:
    """From the profiles given to `realtime run`, or kept for the device, for pictures of this size from this source.

    A lens is known as it gives its pictures; here they have been turned by `rotated_deg`, clockwise.

    Raises UserError for a profile that is missing or does not fit.
    """
    as_taken_wh = image_wh if rotated_deg % 180 == 0 else image_wh[::-1]
    camera = camera_for(place.camera, device_of(source), as_taken_wh).turned(rotated_deg)
    ground = load_ground(place.ground) if place.ground else None
    return Setting(camera, ground, find_person(place.person) if place.person else None)


def check_profiles(place: PlaceConfig) -> None:
    """Raises UserError for a profile that cannot be read, before the first picture is there."""
    if place.camera is not None:
        load_camera(place.camera)
    if place.ground is not None:
        load_ground(place.ground)
    if place.person is not None:
        find_person(place.person)
