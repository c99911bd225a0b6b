"""The view that a person's frames are normalised in: it does not jump when a joint is wrong, comes or goes.

The view is of the whole body, seen or not. What is not seen, or hardly, is taken to be where it was, moved along with
the steadier joints that are seen; before it was ever seen, where people's joints are, and back there it goes within
seconds. A joint far from where the frame before had it pulls only so far. With every joint seen and none leaping,
axis and extent are those of the frame alone.

One code for every form: live streams push frame by frame, sequences and windows are pushed through it as well. In plain
numbers: for 17 joints NumPy's calls take longer than that, most of all right after a pause, when little of NumPy is in
the processor's caches.

Axes: B sequences, T frames, V joints, F features.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from engines.models.known import UNKNOWN_ROWS, Known
from engines.models.normalise import (
    FEATURES,
    FRAME_FEATURES,
    MIN_EXTENT,
    MIN_SCORE,
    WOBBLE,
    Float,
    Point,
    Rotation,
    features_of,
    seen_joints,
    turn_to,
    turned,
)
from engines.models.skeleton import JOINTS
from engines.models.wobble import Wobble

SURE_SCORE: Final = 0.5  # from here on a joint is taken to be where it is seen; below, the less the lower
REACH: Final = 0.5  # extents from one frame to the next (15 m/s, about): what goes further pulls no more
FORGETTING: Final = 1 / 60  # of the way back to where people's joints are, a frame

# Where joints are, in extents below the hip, and the variance about it in x and y together: medians and spreads
# of the motion capture that trains the shipped model, seen from everywhere, augmented.
USUAL_Y = (0, 0, 0.66, 1.41, 0, 0.66, 1.41, -0.51, -0.99, -1.25, -1.47, -0.99, -0.54, -0.41, -0.99, -0.54, -0.41)
VARIANCE = (0, 0.03, 0.38, 0.57, 0.03, 0.38, 0.57, 0.07, 0.2, 0.34, 0.51, 0.27, 0.4, 0.74, 0.27, 0.4, 0.74)
STEADY = (0, 1, 0.2, 0.05, 1, 0.2, 0.05, 1, 1, 0.7, 0.5, 1, 0.2, 0.05, 1, 0.2, 0.05)  # how far each tells of the hip


Rows = list[list[float]]
Features = tuple[float, ...]  # of a joint


class View:
    """Of one stream."""

    def __init__(self, features: int = FEATURES) -> None:
        """`features` of a joint: a model's, which may be from before anything was known besides the frames."""
        self.known: Known | None = None  # besides the frames: set it as it becomes known
        self._knows = features > FRAME_FEATURES
        self._wobble = Wobble()
        self._hip: Point = (0.0, 0.0)  # ray of the newest frame
        self._extent = 0.0  # 0: nothing has been seen yet
        self._rays: list[Point | None] = [None] * JOINTS
        self._places: list[Point] = [(0.0, float(y)) for y in USUAL_Y]  # of the newest frame, in extents
        self._doubts: list[float] = list(VARIANCE)  # what is not known of them

    def push(self, rays_V2: Rows, score: list[float], keep: bool = True) -> tuple[list[Features], Rotation]:
        """Rays (17, 2), NaN where missing, and scores (17,) of the next frame -> features (17, F), rotation (3, 3).

        `rotation @ camera_vector` is in the model's view; `to_camera` turns a lifted pose back. Not `keep`: the frame
        is looked at, not remembered. With no joint ever seen the rotation is the identity.
        """
        rays = [(ray[0], ray[1]) for ray in rays_V2]
        trust = [
            min((s - MIN_SCORE) / (SURE_SCORE - MIN_SCORE), 1.0) if is_seen else -1.0
            for s, is_seen in zip(score, seen_joints(rays, score))
        ]
        hip, expected = self._expect(rays, trust)
        if trust[0] > 0:
            hip = _towards(hip, rays[0], trust[0], REACH * expected if self._extent else math.inf)
        rotation = turn_to(hip)
        flat = [None if sure < 0 else turned(rotation, ray) for sure, ray in zip(trust, rays)]
        body, extent = self._complete(flat, trust, expected)
        features = features_of(rotation, flat, score, extent)
        if keep:
            if flat.count(None) < len(flat):
                self._remember(hip, extent, body, flat, trust)
                self._rays = [ray if sure > 0 else None for ray, sure in zip(rays, trust)]
            self._wobble.push(features)
        wobble = self._wobble.value
        if not self._knows:
            return [(*row[:WOBBLE], wobble) for row in features], rotation
        known = UNKNOWN_ROWS if self.known is None else self.known.rows(rotation)
        return [(*row[:WOBBLE], wobble, *more) for row, more in zip(features, known)], rotation

    def _expect(self, rays: list[Point], trust: list[float]) -> tuple[Point, float]:
        """The hip's ray and the extent by what is seen of the others: moved as they have, and drawn to where a hip is,
        for a body as large as they seem."""
        if not self._extent or trust[0] <= 0:
            usual_hip, usual_extent = _usual(rays, trust)
        if not self._extent:
            return usual_hip, usual_extent
        reach, hip, extent = REACH * self._extent, self._hip, self._extent
        x = y = total = 0.0
        for ray, old, sure, steady in zip(rays, self._rays, trust, STEADY):
            if sure > 0 and steady and old is not None:
                weight = sure * steady
                total += weight
                moved = _towards((0.0, 0.0), (ray[0] - old[0], ray[1] - old[1]), 1.0, reach)
                x += weight * moved[0]
                y += weight * moved[1]
        if total:
            hip = hip[0] + x / total, hip[1] + y / total
        if trust[0] <= 0 and usual_extent > MIN_EXTENT:
            hip = _towards(hip, usual_hip, FORGETTING, math.inf)
            extent *= (usual_extent / extent) ** FORGETTING
        return hip, extent

    def _complete(
        self, flat: list[Point | None], trust: list[float], expected: float
    ) -> tuple[list[Point], float]:
        """All joints in the turned view, those not seen where they are taken to be, and their RMS extent."""
        square, body = 0.0, []
        reach = REACH * expected if self._extent else math.inf
        for at, sure, place, doubt in zip(flat, trust, self._places, self._doubts):
            x, y = expected * place[0], expected * place[1]
            if at is not None:
                x, y = _towards((x, y), at, sure, reach)
                doubt *= 1 - sure
            square += x * x + y * y + expected * expected * doubt
            body.append((x, y))
        return body, max(math.sqrt(square / len(body)), MIN_EXTENT)

    def _remember(
        self, hip: Point, extent: float, body: list[Point], flat: list[Point | None], trust: list[float]
    ) -> None:
        self._hip, self._extent = hip, extent
        for joint, ((x, y), at, sure) in enumerate(zip(body, flat, trust)):
            x, y, doubt = x / extent, y / extent, self._doubts[joint]
            if at is None:
                x, y = x - FORGETTING * x, y + FORGETTING * (USUAL_Y[joint] - y)
                doubt += FORGETTING * (VARIANCE[joint] - doubt)
            else:
                doubt *= 1 - sure
            self._places[joint], self._doubts[joint] = (x, y), doubt


def sequence_features(
    rays_BTV2: Float, score_BTV: Float, known: Sequence[Sequence[Known]] | None = None, wanted: int = FEATURES
) -> tuple[Float, Float]:
    """Whole sequences as a stream is given them frame by frame: features (B, T, V, F), rotations (B, T, 3, 3).

    `known`: of each sequence's frames; `wanted`: features of a joint.
    """
    batch, frames = score_BTV.shape[:2]
    features = np.empty((batch, frames, JOINTS, wanted), np.float32)
    rotations = np.empty((batch, frames, 3, 3), np.float32)
    for row, (rays, score) in enumerate(zip(rays_BTV2.tolist(), score_BTV.tolist())):
        view = View(wanted)
        for frame in range(frames):
            if known is not None:
                view.known = known[row][frame]
            features[row, frame], rotations[row, frame] = view.push(rays[frame], score[frame])
    return features, rotations


def _towards(place: Point, seen: Point, trust: float, reach: float) -> Point:
    """From where a joint is taken to be to where it is seen, as far as that is trusted."""
    x, y = seen[0] - place[0], seen[1] - place[1]
    far = math.sqrt(x * x + y * y)
    share = trust * reach / far if far > reach else trust
    return place[0] + share * x, place[1] + share * y


def _usual(rays: list[Point], trust: list[float]) -> tuple[Point, float]:
    """The hip's ray and the extent that the joints seen, spread as people's are, speak of: the extent by root mean
    squares, the hip by the steadier ones."""
    known = [(ray, y, variance, sure) for ray, y, variance, sure in zip(rays, USUAL_Y, VARIANCE, trust)
             if sure > 0]  # fmt: skip
    total = sum(sure for *_, sure in known)
    if not total:
        return (0.0, 0.0), MIN_EXTENT
    x = sum(sure * ray[0] for ray, _, _, sure in known) / total
    y = sum(sure * ray[1] for ray, _, _, sure in known) / total
    middle = sum(sure * usual for _, usual, _, sure in known) / total
    spread = sum(sure * ((ray[0] - x) ** 2 + (ray[1] - y) ** 2) for ray, _, _, sure in known)
    usual_spread = sum(sure * ((usual - middle) ** 2 + variance) for _, usual, variance, sure in known)
    extent = max(math.sqrt(spread / max(usual_spread, 1e-6)), MIN_EXTENT)
    weights = [sure * steady for sure, steady in zip(trust, STEADY) if sure > 0]
    total = sum(weights)
    if not total:
        return (x, y - extent * middle), extent
    hip_x = sum(weight * ray[0] for weight, (ray, _, _, _) in zip(weights, known)) / total
    hip_y = sum(weight * (ray[1] - extent * y) for weight, (ray, y, _, _) in zip(weights, known)) / total
    return (hip_x, hip_y), extent
