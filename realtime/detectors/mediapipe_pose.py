"""People in a picture as 17 keypoints: MediaPipe's PoseLandmarker in VIDEO mode, its 33 landmarks mapped to our 17."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np

from engines.errors import UserError
from engines.models.skeleton import FEET_OF_MEDIAPIPE33, FLIP, HANDS_OF_MEDIAPIPE33, MEDIAPIPE33_TO_17
from realtime.assets.fetch import fetch
from realtime.clock import NS_PER_MS
from realtime.closing import Closing
from realtime.config import DETECTOR_SIZES
from realtime.contracts import Array, Person2D, Stamp
from realtime.detectors.cut import CutFinder
from realtime.detectors.small_people import Picture, SmallPeople
from realtime.later import SELDOM, later
from realtime.sources.source import Frame
from realtime.tracking.track import Tracker

log = logging.getLogger("realtime.detect")

_LANDMARKS = 33
_CONFIDENCE = 0.5
_SURE = 0.5  # the joints' mean score of somebody who is found in a part of the picture
# A joint outside the picture is a guess: its score falls to this, over this part of the picture's size.
_OUTSIDE_SCORE = 0.05
_OUTSIDE_FADE = 0.1
# Boxes that overlap this much (intersection over union), and joints no further apart than this on average, in parts of
# the larger box's diagonal, are one person found twice, perhaps with the sides swapped.
_SAME_BOX, _SAME_JOINTS = 0.6, 0.1
_SCORE_WEIGHTS = np.abs(MEDIAPIPE33_TO_17) / np.abs(MEDIAPIPE33_TO_17).sum(axis=1, keepdims=True)


class Detector(Closing):
    """Not thread-safe. `last_world_m` holds MediaPipe's own 3D of the last frame, in the order of the persons."""

    last_world_m: Array  # (persons, 33, 3): x right, y down, z forward, metres, from the middle of the hips

    def __init__(
        self, size: str = "full", people: int = 1, threads: int | None = None, feet: bool = False, hands: bool = False
    ) -> None:  # fmt: skip
        """`threads` keeps the networks on that many of this process's CPUs (Linux). `feet`: heels and toes too;
        `hands`: knuckles. Raises UserError.
        """
        if size not in DETECTOR_SIZES:
            raise UserError(f"there is no detector size '{size}': choose one of {', '.join(DETECTOR_SIZES)}")
        if people < 1:
            raise UserError(f"cannot look for {people} people: ask for at least 1")
        model = fetch(f"pose-{size}")
        self.last_world_m = np.zeros((0, _LANDMARKS, 3), np.float32)
        self._tracker = Tracker()
        self._cuts = CutFinder()
        self._last_ms = -1
        self._feet = list(FEET_OF_MEDIAPIPE33) if feet else None
        self._hands = list(HANDS_OF_MEDIAPIPE33) if hands else None
        self._rgb = np.empty((0, 0, 3), np.uint8)
        self._noisy = True  # the networks still have warnings to give that no user can act on
        self._small = SmallPeople(self._find)
        self._finder: Any = None  # made by the first picture with nobody in it
        self._make_landmarker = functools.partial(self._landmarker_of, str(model), people, threads)
        self._landmarker = self._make_landmarker("VIDEO")

    def detect(self, frame: Frame) -> tuple[Person2D, ...]:
        """The people in a frame, in pixels of its image. Frames must come in the order of their stamps.

        Where a film cuts to another scene, everybody in it is somebody new.
        """
        if self._cuts.is_cut(frame.image_bgr):
            self._forget_everybody(frame)
        square = self._small.square
        result = self._landmarks(frame.image_bgr if square is None else square.of(frame.image_bgr), frame.stamp)
        height, width = frame.image_bgr.shape[:2]
        poses = [_unpack(pose) for pose in result.pose_landmarks]
        if square is not None:
            for pose in poses:
                pose[:, :2] = square.to_whole(pose[:, :2], (width, height))
        people = [_joints(landmarks) for landmarks in poses]
        size_px = np.array([width, height], np.float32)
        kept = _without_doubles([xy * size_px for xy, _ in people])
        world = [[(point.x, point.y, point.z) for point in result.pose_world_landmarks[index]] for index in kept]
        self.last_world_m = np.array(world, np.float32).reshape(-1, _LANDMARKS, 3)
        skeletons_px = [people[index][0] * size_px for index in kept]
        joints_m = list(MEDIAPIPE33_TO_17 @ self.last_world_m)  # (17, 3) each
        self._small.saw(frame.image_bgr, frame.stamp.source_ns, [_box(xy_px) for xy_px in skeletons_px])
        ids = self._tracker.assign(skeletons_px, frame.stamp.source_ns, joints_m)
        return tuple(
            Person2D(track_id, xy_px, people[index][1], _picked(self._feet, poses[index], size_px),
                     _picked(self._hands, poses[index], size_px))
            for track_id, xy_px, index in zip(ids, skeletons_px, kept, strict=True)
        )  # fmt: skip

    def close(self) -> None:
        with _stderr_to_log():
            self._landmarker.close()
            if self._finder is not None:
                self._finder.close()

    def _forget_everybody(self, frame: Frame) -> None:
        """MediaPipe looks for people anew, and smooths nothing, after a picture with nobody in it."""
        log.debug("frame %d begins another scene", frame.stamp.frame_id)
        self._tracker.clear()
        self._small.clear()
        self._last_ms = max(self._last_ms + 1, frame.stamp.source_ns // NS_PER_MS - 1)
        self._landmarker.detect_for_video(self._image(np.full_like(frame.image_bgr, 127)), self._last_ms)

    def _find(self, image_bgr: Picture) -> list[Array]:
        """Boxes (2, 2) of people in a picture by itself, corners in its pixels."""
        if self._finder is None:
            self._finder = self._make_landmarker("IMAGE")
        with _stderr_to_log():
            result = self._finder.detect(self._image(cv2.cvtColor(image_bgr, cv2.COLOR_BGR2RGB)))
        size_px = np.array(image_bgr.shape[1::-1], np.float32)
        found = [_joints(_unpack(pose)) for pose in result.pose_landmarks]
        return [_box(xy * size_px) for xy, score in found if score.mean() >= _SURE]

    def _landmarker_of(self, model: str, people: int, threads: int | None, mode: str) -> Any:
        with _stderr_to_log(), _on_cpus(threads), later(SELDOM["mediapipe"]):
            from mediapipe import Image, ImageFormat
            from mediapipe.tasks.python import BaseOptions, vision

            self._image: Any = functools.partial(Image, ImageFormat.SRGB)
            return vision.PoseLandmarker.create_from_options(
                vision.PoseLandmarkerOptions(
                    base_options=BaseOptions(model_asset_path=model),
                    running_mode=vision.RunningMode[mode],
                    num_poses=people,
                    min_pose_detection_confidence=_CONFIDENCE,
                    min_pose_presence_confidence=_CONFIDENCE,
                    min_tracking_confidence=_CONFIDENCE,
                )
            )

    def _landmarks(self, image_bgr: Picture, stamp: Stamp) -> Any:
        if self._rgb.shape != image_bgr.shape:
            self._rgb = np.empty_like(image_bgr)
        cv2.cvtColor(image_bgr, cv2.COLOR_BGR2RGB, dst=self._rgb)
        # MediaPipe smooths over time and wants whole milliseconds that grow.
        self._last_ms = max(self._last_ms + 1, stamp.source_ns // NS_PER_MS)
        with _stderr_to_log() if self._noisy else contextlib.nullcontext():
            result = self._landmarker.detect_for_video(self._image(self._rgb), self._last_ms)
        self._noisy = self._noisy and not result.pose_landmarks
        return result


def _box(xy_px: Array) -> Array:
    """Places (17, 2) -> the corners (2, 2) of the box round them."""
    return np.stack((xy_px.min(0), xy_px.max(0)))


def _unpack(pose: Any) -> Array:
    """(33, 3): x and y in parts of the picture, and how likely the landmark is in it and seen."""
    return np.array([(point.x, point.y, point.visibility * point.presence) for point in pose], np.float32)


def _joints(landmarks: Array) -> tuple[Array, Array]:
    """(33, 3) landmarks -> (17, 2) in parts of the picture and (17,) scores."""
    xy = np.ascontiguousarray(MEDIAPIPE33_TO_17 @ landmarks[:, :2])
    score = (_SCORE_WEIGHTS @ landmarks[:, 2]).clip(0, 1) * _inside(xy)
    return xy, np.ascontiguousarray(score, np.float32)


def _picked(wanted: list[int] | None, landmarks: Array, size_px: Array) -> Array | None:
    """(33, 3) landmarks -> those wanted (N, 3): places in pixels, and scores. None: none are."""
    if wanted is None:
        return None
    picked = landmarks[wanted]
    inside = _inside(picked[:, :2])
    picked[:, :2] *= size_px
    picked[:, 2] = picked[:, 2].clip(0, 1) * inside
    return picked


def _inside(xy: Array) -> Array:
    """Places (N, 2) in parts of the picture -> (N,): 1 inside of it, less and less beyond."""
    outside = np.maximum(np.maximum(-xy, xy - 1), 0).max(axis=-1)
    return np.asarray(np.maximum(1 - outside / _OUTSIDE_FADE, _OUTSIDE_SCORE))


def _without_doubles(skeletons_px: list[Array]) -> list[int]:
    """The indices of distinct people: someone who is tracked can be found a second time."""
    kept: list[int] = []
    for index, xy_px in enumerate(skeletons_px):
        if not any(_same_person(xy_px, skeletons_px[other]) for other in kept):
            kept.append(index)
    return kept


def _same_person(one: Array, other: Array) -> bool:
    """Two people who cross have much of their boxes in common, but not their joints."""
    if _overlap(one, other) < _SAME_BOX:
        return False
    size_px = max(float(np.hypot(*np.ptp(xy_px, axis=0))) for xy_px in (one, other))
    apart_px = min(float(np.hypot(*(one - way).T).mean()) for way in (other, other[list(FLIP)]))
    return apart_px < _SAME_JOINTS * size_px


def _overlap(one: Array, other: Array) -> float:
    """Intersection over union of the boxes round two skeletons."""
    sides = np.minimum(one.max(axis=0), other.max(axis=0)) - np.maximum(one.min(axis=0), other.min(axis=0))
    both = float(sides.clip(0).prod())
    union = float(np.ptp(one, axis=0).prod() + np.ptp(other, axis=0).prod()) - both
    return both / union if union > 0 else 0.0


@contextlib.contextmanager
def _stderr_to_log() -> Iterator[None]:
    """What C++ prints goes to the debug log: the networks' libraries offer no switch for it."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as sink:
        saved = os.dup(2)
        os.dup2(sink.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            sink.seek(0)
            for line in sink.read().decode("utf-8", "replace").splitlines():
                log.debug("mediapipe: %s", line)


@contextlib.contextmanager
def _on_cpus(threads: int | None) -> Iterator[None]:
    """Threads started inside stay on this many CPUs. MediaPipe has no setting of its own for it."""
    if threads is None or sys.platform != "linux":
        yield
        return
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(allowed)[-max(1, threads) :])
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)
