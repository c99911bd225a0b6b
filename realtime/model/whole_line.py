"""Everything that a pose goes through live, as the function that `evaluate` scores: clean, lift, remembered body."""

from __future__ import annotations

from calibration.person.body import Body
from engines.evaluation.evaluate import Predict, of_lifter
from engines.keypoints.clean import Cleaned, Cleaner
from engines.lifting.poses import RATE_HZ, Lifter
from realtime.contracts import Array

PARTS = ("line", "network")


def of_line(lifter: Lifter) -> Predict:
    """Sequences at 30 Hz, a person each: the same code in the same order as in `realtime run`, root and floor aside."""
    lift = of_lifter(lifter)

    def predict(rays: Array, score: Array) -> tuple[Array, Array | None]:
        frames = range(rays.shape[1])
        cleaned = [
            [cleaner.push(frame / RATE_HZ, rays[row, frame], score[row, frame]) for frame in frames]
            for row, cleaner in enumerate(Cleaner() for _ in rays)
        ]
        clean_rays, clean_score = rays.copy(), score.copy()
        for row, seen in enumerate(cleaned):
            for frame, one in enumerate(seen):
                clean_rays[row, frame], clean_score[row, frame] = one.rays, one.score
        pose, sigma = lift(clean_rays, clean_score)
        assert sigma is not None
        for row, seen in enumerate(cleaned):
            _remember(seen, pose[row, :, 0], sigma[row, :, 0])
        return pose, sigma

    return predict


def _remember(seen: list[Cleaned], pose: Array, sigma: Array) -> None:
    """One person's poses (T, 17, 3) and errors (T, 17), fitted to their body in place."""
    body = Body()
    for frame, one in enumerate(seen):
        fitted = body.fit(frame / RATE_HZ, one.rays, one.score, pose[frame], sigma[frame], one.seen, one.doubt)
        pose[frame], sigma[frame] = fitted.joints_m, fitted.sigma_m
