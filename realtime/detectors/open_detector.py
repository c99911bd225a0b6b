"""Opens a detector by its name: one of MediaPipe's sizes, or somebody's class."""

from __future__ import annotations

from realtime.config import DETECTOR_SIZES
from realtime.detectors.mediapipe_pose import Detector
from realtime.detectors.own_detector import OwnDetector


def open_detector(
    name: str, people: int, threads: int | None = None, feet: bool = False, hands: bool = False
) -> Detector | OwnDetector:  # fmt: skip
    """`threads`: of MediaPipe's. `feet`: heels and toes too; `hands`: knuckles.

    Raises UserError where there is none of that name.
    """
    if name in DETECTOR_SIZES:
        return Detector(name, people, threads, feet, hands)
    return OwnDetector(name, people, feet, hands)
