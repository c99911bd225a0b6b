"""The process of one camera: capture -> detect -> the lifter's intake."""

from __future__ import annotations

from functools import partial

from realtime.process.link import Link
from realtime.produce.produce import produce
from realtime.site.orders import Orders
from realtime.site.told import CameraTold


def main(link: Link, told: CameraTold) -> None:
    """Reads the source. Sends keypoints. Beats every frame. Ends with the source, or when told to finish."""
    produce(told.config, told.intake, told.stream, None, Orders(link, "finishing"), partial(_camera_ready, link))


def _camera_ready(link: Link, source: str) -> None:
    link.ready(source)
    link.wait_for_go()
