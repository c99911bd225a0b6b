"""What a program says of its camera, floor and person, as objects or as files, for pictures of any size."""

from __future__ import annotations

import os
from pathlib import Path

from calibration.floor.ground import Ground, load_ground
from calibration.lens.camera_file import load_camera
from calibration.lens.rays import Camera
from calibration.person.body_scale import BodyScale
from calibration.profiles import find_person
from realtime.pipeline.setting import Setting, SettingFor

AnyPath = str | os.PathLike[str]


def settings(
    camera: Camera | AnyPath | None = None, ground: Ground | AnyPath | None = None,
    person: BodyScale | str | None = None,
) -> SettingFor:  # fmt: skip
    """None: a lens of 60 degrees, camera axes, an assumed size of body. Raises UserError for what cannot be read."""
    lens = camera if isinstance(camera, Camera) or camera is None else load_camera(Path(camera))
    floor = ground if isinstance(ground, Ground) or ground is None else load_ground(Path(ground))
    body = find_person(person) if isinstance(person, str) else person

    def setting(image_wh: tuple[int, int]) -> Setting:
        return Setting(Camera.assumed(image_wh) if lens is None else lens.scaled(image_wh), floor, body)

    return setting
