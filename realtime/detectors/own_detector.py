"""Another detector than MediaPipe's: --detector rtmpose, or module:Class for one of your own."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from engines.errors import UserError
from engines.models.source_skeletons import SourceSkeleton, skeleton_named
from realtime.closing import Closing
from realtime.contracts import Array, Person2D
from realtime.detectors.cut import CutFinder
from realtime.sources.source import Frame
from realtime.tracking.track import Tracker

NAMED = {"rtmpose": "realtime.detectors.rtmpose:RtmPose"}
_LEAST_SCORE = 0.3  # of a person, on average over the joints: detectors give somebody where there is nobody
_NOBODY = np.zeros((0, 17, 2), np.float32), np.zeros((0, 17), np.float32)
_JOINTS = "coco17"  # where it does not say which it gives


class OwnDetector(Closing):
    """A class of one's own behind `detect`. It is made without arguments, and called with each picture.

    `__call__(image_bgr)`: (H, W, 3) uint8 -> keypoints (N, J, 2) in pixels, NaN where missing, and scores (N, J) from 0
    to 1. Its attribute `skeleton` names the joint set ("coco17" where there is none); `close()` is called where it has
    one. rtmlib's classes are such.
    """

    def __init__(self, name: str, people: int = 1, feet: bool = False, hands: bool = False) -> None:
        """`feet`: heels and toes too; `hands`: knuckles. Raises UserError where there is no such class, or it cannot be
        made, or its joint set has no such points."""
        self._name, self._people = name, people
        self._detect: Any = _made(name)
        self._skeleton: SourceSkeleton = skeleton_named(getattr(self._detect, "skeleton", _JOINTS))
        self._feet, self._hands = feet, hands
        if feet and not self._skeleton.feet:
            raise UserError(f"the joints of {self._skeleton.name} have no heels and toes: leave out --feet")
        if hands and not self._skeleton.hands:
            raise UserError(f"the joints of {self._skeleton.name} have no knuckles: leave out --hands")
        self._tracker, self._cuts = Tracker(), CutFinder()

    def detect(self, frame: Frame) -> tuple[Person2D, ...]:
        """The people in a frame, in pixels of its image, the surest ones. Raises UserError where the class errs."""
        if self._cuts.is_cut(frame.image_bgr):
            self._tracker.clear()
        try:
            given_px, given = (np.asarray(part, np.float32) for part in self._detect(frame.image_bgr))
            xy_px, score = self._skeleton.to_17(given_px, given) if len(given_px) else _NOBODY
        except Exception as error:
            raise UserError(f"the detector {self._name} failed: {type(error).__name__}: {error}") from error
        score = np.where(np.isfinite(xy_px).all(-1), score.clip(0, 1), np.float32(0))
        kept = _surest(score, self._people)
        skeletons_px: list[Array] = [np.ascontiguousarray(xy_px[index], np.float32) for index in kept]
        ids = self._tracker.assign(skeletons_px, frame.stamp.source_ns)
        feet = self._skeleton.to_feet(given_px, given) if self._feet and len(given_px) else None
        hands = self._skeleton.to_hands(given_px, given) if self._hands and len(given_px) else None
        return tuple(Person2D(track_id, at_px, np.ascontiguousarray(score[index], np.float32),
                              None if feet is None else feet[index], None if hands is None else hands[index])
                     for track_id, at_px, index in zip(ids, skeletons_px, kept, strict=True))  # fmt: skip

    def close(self) -> None:
        getattr(self._detect, "close", lambda: None)()


def _surest(score: Array, people: int) -> list[int]:
    sure = score.mean(-1)
    return [int(index) for index in np.argsort(-sure)[:people] if sure[index] >= _LEAST_SCORE]


def _made(name: str) -> Callable[..., Any]:
    module, _, path = NAMED.get(name, name).partition(":")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())  # a file beside the user
    try:
        found: Any = importlib.import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise UserError(f"there is no detector {name} ({error}): give a module that can be imported, a colon and a "
                        "class in it") from error  # fmt: skip
    try:
        made = found()
    except UserError:
        raise
    except Exception as error:  # somebody else's code
        raise UserError(f"the detector {name} cannot be made: {type(error).__name__}: {error}") from error
    if not callable(made):
        raise UserError(f"the detector {name} cannot be called with a picture: give its class a __call__(image_bgr)")
    return made
