"""How far the clocks of cameras lie apart, from the motion of a person whom all of them see.

Where the cameras' places are known, rays of the same moment meet, and rays of different moments miss each other by what
the person has moved. Where they are not, the lifted poses of one camera are those of the other, turned and shifted.

An offset is what is added to a camera's time to get that of the reference: its frame at t shows t + offset.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from calibration.cameras.alignment import misfit_m
from calibration.cameras.watched import Watched
from calibration.lens.placed import PlacedCamera

Double = NDArray[np.float64]
RATE_HZ = 60.0  # of the grid on which offsets are searched; a parabola goes on from there
MOVING = (2, 3, 5, 6, 12, 13, 15, 16)  # joints of arms and legs
_SURE = 0.5
_FAR_M = 0.08  # rays further from each other are of joints that one detector sees elsewhere
_LEAST_ANGLE = 0.1  # between two rays, radians: more parallel ones meet anywhere
_LEAST_MOMENTS = 20
_SAME = 8.0  # frames of a walk and joints of a body tell the same: as many count for one
_STEPS_HZ, _MOMENTS_OF_WAY = 30.0, 240
_LEAST_SHARE = 0.4  # of the most moments that any offset lets two cameras share


@dataclass(frozen=True, slots=True)
class Offset:
    """`seconds` to add to the second camera's time; `sigma_s`: its 1-sigma error."""

    seconds: float
    sigma_s: float


def offset_by_rays(
    cameras: tuple[PlacedCamera, PlacedCamera], watched: tuple[Watched, Watched], reach_s: float = 0.5,
    about_s: float = 0.0, moments: int = 120,
) -> Offset | None:  # fmt: skip
    """Of the second camera's time against the first's, searched within `reach_s` of `about_s`.

    None where too little was seen by both, or nothing moved enough to tell.
    """
    first, second = watched
    begin_s, end_s = second.t_s[0] + about_s - reach_s, second.t_s[-1] + about_s + reach_s
    times_s = first.t_s[(first.t_s >= begin_s) & (first.t_s <= end_s)]
    if len(times_s) > moments:
        times_s = times_s[np.linspace(0, len(times_s) - 1, moments).astype(int)]
    if len(times_s) < _LEAST_MOMENTS:
        return None
    here = first.at(times_s)
    lags_s = about_s + np.arange(-np.ceil(reach_s * RATE_HZ), np.ceil(reach_s * RATE_HZ) + 1) / RATE_HZ
    costs, counts = zip(*(_missed(cameras, here, second.at(times_s - lag)) for lag in lags_s), strict=True)
    cost, count = np.array(costs), np.array(counts)
    enough = count >= _LEAST_MOMENTS * 3
    return _lowest(lags_s, np.where(enough, cost, np.inf), count)


def offset_by_way(first: Watched, second: Watched, reach_s: float) -> Offset | None:
    """Of the second camera's time against the first's, whose places are not known: at the right one a rigid move lays
    the way that the one saw the person go, limbs and all, on the way that the other saw. None where too little was seen
    by both."""
    begin_s, end_s = second.t_s[0] - reach_s, second.t_s[-1] + reach_s
    times_s = first.t_s[(first.t_s >= begin_s) & (first.t_s <= end_s)]
    chosen = np.unique(np.linspace(0, max(len(times_s) - 1, 0), _MOMENTS_OF_WAY).astype(int))[: len(times_s)]
    times_s = times_s[chosen]
    here_m = first.at(times_s).joints_m
    lags_s = np.arange(-np.ceil(reach_s * _STEPS_HZ), np.ceil(reach_s * _STEPS_HZ) + 1) / _STEPS_HZ
    cost, count = np.full(len(lags_s), np.inf), np.zeros(len(lags_s), np.int64)
    for index, lag_s in enumerate(lags_s):
        there_m = second.at(times_s - lag_s).joints_m
        both = np.isfinite(here_m).all((1, 2)) & np.isfinite(there_m).all((1, 2))
        count[index] = both.sum()
        if count[index] >= _LEAST_MOMENTS:
            cost[index] = misfit_m(here_m[both], there_m[both])
    cost[count < _LEAST_SHARE * count.max()] = np.inf  # what little is shared at the edges fits anything
    if not np.isfinite(cost).any():
        return None
    best = int(cost.argmin())
    return Offset(float(lags_s[best] + _vertex(cost, best) / _STEPS_HZ), 1 / _STEPS_HZ)


def offsets_of(pairs: Mapping[tuple[int, int], Offset], cameras: int) -> list[Offset | None]:
    """Each camera's against the first's, by least squares over all pairs that are known; None where no pair leads
    there. `pairs`: by the numbers of two cameras."""
    told: list[Offset | None] = [Offset(0.0, 0.0), *[None] * (cameras - 1)]
    reached = _reached(pairs, cameras)
    unknown = [one for one in sorted(reached) if one]
    if not unknown:
        return told
    place = {one: column for column, one in enumerate(unknown)}
    square, right = np.zeros((len(unknown),) * 2), np.zeros(len(unknown))
    for (one, other), offset in pairs.items():
        if one not in reached:
            continue
        row = np.zeros(len(unknown))
        for camera, sign in ((one, -1.0), (other, 1.0)):
            if camera:
                row[place[camera]] = sign
        weight = 1 / max(offset.sigma_s, 1e-4) ** 2
        square += weight * np.outer(row, row)
        right += weight * offset.seconds * row
    covariance = np.linalg.inv(square)
    for one, column in place.items():
        told[one] = Offset(float((covariance @ right)[column]), float(np.sqrt(covariance[column, column])))
    return told


def offsets_by_rays(
    cameras: Sequence[PlacedCamera], watched: Sequence[Watched], reach_s: float = 0.5
) -> list[Offset | None]:
    """Of every camera's time against the first's."""
    pairs = {}
    for one, other in combinations(range(len(cameras)), 2):
        found = offset_by_rays((cameras[one], cameras[other]), (watched[one], watched[other]), reach_s)
        if found is not None:
            pairs[one, other] = found
    return offsets_of(pairs, len(cameras))


def apart_m(cameras: tuple[PlacedCamera, PlacedCamera], rays: tuple[Double, Double]) -> Double:
    """(...,): how far two cameras' rays (..., 2) pass each other; NaN where they are missing or nearly parallel."""
    directions = []
    for camera, ray in zip(cameras, rays, strict=True):
        ahead = np.concatenate([ray, np.ones((*ray.shape[:-1], 1))], -1) @ camera.rotation
        directions.append(ahead / np.linalg.norm(ahead, axis=-1, keepdims=True))
    stands = [-camera.rotation.T @ camera.shift_m for camera in cameras]
    square = np.cross(directions[0], directions[1])
    size = np.linalg.norm(square, axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        away = np.abs(square @ (stands[1] - stands[0])) / size
        return np.asarray(np.where(size > _LEAST_ANGLE, away, np.nan))


def _missed(
    cameras: tuple[PlacedCamera, PlacedCamera], here: Watched, there: Watched
) -> tuple[float, int]:
    """The mean square (m^2) by which rays of arms and legs miss each other, and of how many."""
    moving = list(MOVING)
    sure = (here.score[:, moving] >= _SURE) & (there.score[:, moving] >= _SURE)
    away_m = apart_m(cameras, (here.rays[:, moving], there.rays[:, moving]))[sure]
    away_m = away_m[np.isfinite(away_m)]
    if not len(away_m):
        return np.inf, 0
    return float(np.mean(_FAR_M**2 * np.log1p((away_m / _FAR_M) ** 2))), len(away_m)


def _lowest(lags_s: Double, cost: Double, count: NDArray[np.int64]) -> Offset | None:
    """Where the cost is least, from a parabola about it; None at the edge, where it may be lower further on."""
    best = int(cost.argmin())
    if not 0 < best < len(cost) - 1 or not np.isfinite(cost[best - 1 : best + 2]).all():
        return None
    step_s = lags_s[1] - lags_s[0]
    wide = slice(max(best - 3, 0), best + 4)
    fitting = np.isfinite(cost[wide])
    bend, slope, _ = np.polyfit(lags_s[wide][fitting] - lags_s[best], cost[wide][fitting], 2)
    if bend <= 0:
        return None
    off_s = float(np.clip(-slope / (2 * bend), -step_s, step_s))
    sigma_s = float(np.sqrt(cost[best] / bend * _SAME / count[best]))
    return Offset(float(lags_s[best] + off_s), max(sigma_s, 5e-4))


def _vertex(cost: Double, best: int) -> float:
    """Of a parabola through the least of equidistant costs and its neighbours, in steps from it."""
    if not 0 < best < len(cost) - 1 or not np.isfinite(cost[best - 1 : best + 2]).all():
        return 0.0
    left, middle, right = cost[best - 1 : best + 2]
    bend = left - 2 * middle + right
    return float(np.clip((left - right) / (2 * bend), -1, 1)) if bend > 0 else 0.0


def _reached(pairs: Mapping[tuple[int, int], Offset], cameras: int) -> set[int]:
    reached = {0}
    for _ in range(cameras):
        for pair in pairs:
            if reached & set(pair):
                reached |= set(pair)
    return reached
