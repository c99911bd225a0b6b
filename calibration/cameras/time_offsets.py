"""How far the clocks of cameras lie apart, from the motion of a person whom all of them see.

Where the cameras' places are known, rays of the same moment meet, and rays of different moments miss each other by what
the person has moved. Where they are not, joints are as far from each other in every view, so that their distances in
the lifted poses rise and fall together.

An offset is what is added to a camera's time to get that of the reference: its frame at t shows t + offset.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

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
# Joints whose distances tell a gait from another moment of it: feet, knees, hands, feet and hands against the hip.
_PAIRS = ((3, 6), (2, 5), (13, 16), (12, 15), (13, 0), (16, 0), (3, 0), (6, 0), (13, 3), (16, 6))
_SLOW_S = 1.5  # what changes more slowly than this is a lifter's error, or a turn


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


def offset_by_gait(first: Watched, second: Watched, reach_s: float) -> Offset | None:
    """Of the second camera's time against the first's, whose places are not known: distances between joints in the
    lifted poses, correlated. None where too little was seen by both."""
    grids = [_distances(one) for one in (first, second)]
    (start, rows), (other_start, other_rows) = grids
    shift_s = start - other_start
    reach = int(np.ceil(reach_s * RATE_HZ))
    lags = np.arange(-reach, reach + 1)
    least = min(3.0, 0.4 * min(len(rows), len(other_rows)) / RATE_HZ) * RATE_HZ
    likeness = np.array([_likeness(rows, other_rows, round(lag - shift_s * RATE_HZ), int(least)) for lag in lags])
    if not np.isfinite(likeness).any():
        return None
    best = int(np.nanargmax(likeness))
    exact = shift_s - round(shift_s * RATE_HZ) / RATE_HZ  # of the two grids' beginnings, below a step
    refined = lags[best] + _vertex(-likeness, best)
    return Offset(float(refined / RATE_HZ + exact), 1 / RATE_HZ)


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


def _distances(watched: Watched) -> tuple[float, Double]:
    """When the grid begins, and (n, pairs) distances between joints, without what changes slowly; NaN: unknown."""
    start_s, end_s = watched.t_s[0], watched.t_s[-1]
    pose = watched.at(np.arange(start_s, end_s, 1 / RATE_HZ)).joints_m
    one, other = (np.array(side) for side in zip(*_PAIRS, strict=True))
    apart = np.linalg.norm(pose[:, one] - pose[:, other], axis=-1)
    width = int(_SLOW_S * RATE_HZ) | 1
    known = np.isfinite(apart)
    window = np.ones(width)
    total = np.stack([np.convolve(column, window, "same") for column in np.nan_to_num(apart).T], 1)
    count = np.stack([np.convolve(column, window, "same") for column in known.astype(float).T], 1)
    return float(start_s), np.asarray(apart - total / np.maximum(count, 1))


def _likeness(rows: Double, others: Double, lag: int, least: int) -> float:
    """Correlation of two recordings where row i + lag of `rows` is of the same moment as row i of `others`."""
    begin, end = max(0, lag), min(len(rows), len(others) + lag)
    if end - begin < max(least, 2):
        return float("nan")
    one, other = rows[begin:end], others[begin - lag : end - lag]
    both = np.isfinite(one) & np.isfinite(other)
    if both.sum() < least * len(_PAIRS) / 2:
        return float("nan")
    one, other = np.where(both, one, 0), np.where(both, other, 0)
    return float((one * other).sum() / np.sqrt((one**2).sum() * (other**2).sum() + 1e-12))


def _reached(pairs: Mapping[tuple[int, int], Offset], cameras: int) -> set[int]:
    reached = {0}
    for _ in range(cameras):
        for pair in pairs:
            if reached & set(pair):
                reached |= set(pair)
    return reached
