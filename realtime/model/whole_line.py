"""Everything that a pose goes through live, as the function that `evaluate` scores: clean, lift, remembered body."""

from __future__ import annotations

from calibration.person.body import Body
from engines.evaluation.evaluate import Predict, of_lifter
from engines.keypoints.clean import Cleaned, Cleaner
from engines.lifting.poses import RATE_HZ, Lifter
from engines.models.skeleton import JOINTS
from realtime.contracts import Array

PARTS = ("line", "network", "clean", "body")  # all; the network alone; that and what is before it; and what is after


def of_part(lifter: Lifter, part: str = "line") -> Predict:
    """Sequences at 30 Hz, a person each: the same code in the same order as in `realtime run`, root and floor aside."""
    lift = of_lifter(lifter)
    if part == "network":
        return lift

    def predict(rays: Array, score: Array) -> tuple[Array, Array | None]:
        cleaned = [_cleaned(rays[row], score[row], part) for row in range(len(rays))]
        clean_rays, clean_score = rays.copy(), score.copy()
        for row, seen in enumerate(cleaned):
            for frame, one in enumerate(seen):
                clean_rays[row, frame], clean_score[row, frame] = one.rays, one.score
        pose, sigma = lift(clean_rays, clean_score)
        assert sigma is not None
        for row, seen in enumerate(cleaned):
            if part != "clean":
                _remember(seen, pose[row, :, 0], sigma[row, :, 0])
        return pose, sigma

    return predict


def _cleaned(rays: Array, score: Array, part: str) -> list[Cleaned]:
    if part == "body":
        return [Cleaned(own, sure, (True,) * JOINTS, False, 0, 0.0) for own, sure in zip(rays, score, strict=True)]
    cleaner = Cleaner()
    return [cleaner.push(frame / RATE_HZ, rays[frame], score[frame]) for frame in range(len(rays))]


def _remember(seen: list[Cleaned], pose: Array, sigma: Array) -> None:
    """One person's poses (T, 17, 3) and errors (T, 17), fitted to their body in place."""
    body = Body()
    for frame, one in enumerate(seen):
        fitted = body.fit(frame / RATE_HZ, one.rays, one.score, pose[frame], sigma[frame], one.seen, one.doubt)
        pose[frame], sigma[frame] = fitted.joints_m, fitted.sigma_m
