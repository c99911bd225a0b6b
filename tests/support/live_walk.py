"""Keypoints through the live walk, with the shipped lifter."""

from __future__ import annotations

from engines.lifting.load_lifter import load_lifter
from realtime.config import PlaceConfig
from realtime.contracts import Keypoints2D, PoseFrame
from realtime.pipeline.pose_frame import Lift

SIZE = (1280, 720)
FRAME_NS = 33_333_333


def lifted(place: PlaceConfig, keypoints: list[Keypoints2D]) -> list[PoseFrame]:
    with load_lifter() as lifter:
        lift = Lift(lifter, place, "nowhere", 1, given=True)
        return [lift(one) for one in keypoints]
