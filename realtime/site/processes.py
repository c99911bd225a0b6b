"""The processes of a site: a producer for each camera, one lifter, a viewer."""

from __future__ import annotations

from realtime.session.processes import PROCESSES, Process
from realtime.site.config import CameraConfig, SiteConfig

_PULSE_S = 20.0  # all of them start at once

LIFTER, VIEWER = "lifter", "viewer"


def name_of(camera: CameraConfig) -> str:
    """Of its process."""
    return f"camera {camera.name}"


def table(config: SiteConfig) -> list[Process]:
    """A camera that fails for good costs accuracy and not the session; one that cannot even begin is a mistake."""
    here = "realtime.site"
    cameras = [
        Process(name_of(one), f"{here}.camera_process:main", essential=False, watchdog_s=10.0, grace_s=3.0,
                pulse_s=_PULSE_S, must_start=True)
        for one in config.camera
    ]  # fmt: skip
    lifter = Process(LIFTER, f"{here}.lifter_process:main", essential=True, watchdog_s=5.0, grace_s=3.0,
                     pulse_s=_PULSE_S)  # fmt: skip
    viewer = next(process for process in PROCESSES if process.name == VIEWER)
    return [*cameras, lifter, *([viewer] if config.view.enabled else [])]
