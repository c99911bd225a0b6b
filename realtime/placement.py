"""Which camera, floor and person are in force: the profiles that `realtime run` was given, as a `Placer`."""

from __future__ import annotations

from calibration.rays import Camera
from realtime.config import PlaceConfig
from realtime.place import Placer


def load_placer(place: PlaceConfig, image_wh: tuple[int, int] | None) -> Placer:
    """Without an image size the profiles are only read, to find out whether they can be. Raises UserError."""
    camera = Camera.assumed(image_wh or (640, 480))
    return Placer(camera)
