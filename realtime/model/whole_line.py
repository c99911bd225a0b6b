"""Everything that a pose goes through live, as the function that `evaluate` scores: clean, lift, remembered body."""

from __future__ import annotations

import numpy as np

from calibration.person.body import Body
from engines.evaluation.evaluate import Predict, of_lifter
from engines.keypoints.clean import Cleaned, Cleaner
from engines.lifting.poses import RATE_HZ, Lifter
from engines.models.skeleton import JOINTS
from realtime.contracts import Array
from realtime.library.offline import smooth_pose

PARTS = ("line", "network", "clean", "body")  # all; the network alone; that and what is before it; and what is after


def of_part(lifter: Lifter, part: str = "line") -> Predict:
    """Sequences at 30 Hz, a person each: the same code in the same order as in `realtime run`, root and floor aside."""
    if part == "network":
        return of_lifter(lifter)

    def predict(rays: Array, score: Array) -> tuple[Array, Array | None]:
        size, frames, lag = *score.shape[:2], lifter.lag_frames
        people = [_Person(part) for _ in range(size)]
        streams = [lifter.open() for _ in people]
        pose = np.empty((size, frames, 1, JOINTS, 3), np.float32)
        sigma = np.empty((size, frames, 1, JOINTS), np.float32)
        for frame in range(frames + lag):
            at = min(frame, frames - 1)
            seen = [one.see(frame, rays[row, at], score[row, at]) for row, one in enumerate(people)]
            lifted = lifter.push(streams, np.stack([one.rays for one in seen]), np.stack([one.score for one in seen]))
            if frame < lag:
                continue
            for row, one in enumerate(people):
                own = one.fit(frame - lag, lifted.joints_m[row].copy(), lifted.sigma_m[row].copy())
                pose[row, frame - lag, 0], sigma[row, frame - lag, 0] = own
                lifter.tell(streams[row], one.body.known)
        for stream in streams:
            lifter.close(stream)
        return pose, sigma

    return predict


def smoothed_offline(predict: Predict) -> Predict:
    """The same poses as `realtime lift --offline` smooths them, each sequence whole."""

    def smooth(rays: Array, score: Array) -> tuple[Array, Array | None]:
        pose, sigma = predict(rays, score)
        times_s = np.arange(pose.shape[1]) / RATE_HZ
        for row, head in np.ndindex(len(pose), pose.shape[2]):
            errors = np.ones(pose.shape[1:4:2]) if sigma is None else sigma[row, :, head]
            pose[row, :, head] = smooth_pose(times_s, pose[row, :, head].astype(float), errors.astype(float))
        return pose, sigma

    return smooth


class _Person:
    """What is before the network and what is behind it, as far as the part asks for them."""

    def __init__(self, part: str) -> None:
        self.body = Body()
        self._cleaner = None if part == "body" else Cleaner()
        self._remembers = part != "clean"
        self._seen: list[Cleaned] = []

    def see(self, frame: int, rays: Array, score: Array) -> Cleaned:
        if self._cleaner is None:
            seen = Cleaned(rays, score, (True,) * JOINTS, False, 0, 0.0)
        else:
            seen = self._cleaner.push(frame / RATE_HZ, rays, score)
        self._seen.append(seen)
        return seen

    def fit(self, frame: int, pose: Array, sigma: Array) -> tuple[Array, Array]:
        """A frame's pose (17, 3) and errors (17,)."""
        if not self._remembers:
            return pose, sigma
        seen = self._seen[frame]
        fitted = self.body.fit(frame / RATE_HZ, seen.rays, seen.score, pose, sigma, seen.seen, seen.doubt)
        return fitted.joints_m, fitted.sigma_m
