"""`realtime bench upright`: what captured people themselves allow a floor to be learned from, before any camera.

How well the joints of who stands say which way is up, and how still an ankle is that carries a walker.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from calibration.person.body_scale import ANKLES
from engines.errors import UserError

Array64 = NDArray[np.float64]

HZ = 30
_UP = np.array((0.0, 1.0, 0.0))
_STANDS_M, _STRETCHED = 0.2, 0.85  # ankles stay within, hips stay above so much of their height
_SMOOTH, _WALKS_M_S, _SLOW_M_S, _LOW_M = 9, 0.5, 0.25, 0.05  # frames; a hip; a foot that stands, near the lower one
_RIDGE = 10.0
_HIP, _NECK, _HEAD, _HIPS, _SHOULDERS, _KNEES = 0, 8, 10, (1, 4), (14, 11), (2, 5)
# of the body's mass, and where on the way from joint to joint (de Leva 1996, adjusted)
_SEGMENTS = (
    (1, 2, 0.10, 0.43), (4, 5, 0.10, 0.43), (2, 3, 0.06, 0.5), (5, 6, 0.06, 0.5), (11, 12, 0.028, 0.44),
    (14, 15, 0.028, 0.44), (12, 13, 0.022, 0.68), (15, 16, 0.022, 0.68), (0, 8, 0.5, 0.5), (9, 10, 0.08, 0.5),
)  # fmt: skip


def bench_upright(
    mocap: Annotated[list[Path], typer.Argument(help="Motion capture: npz files of clips, ASF/AMC, BVH.")],
    seconds: Annotated[float, typer.Option(min=1, help="How long somebody stands.")] = 15.0,
) -> None:
    """Measure what true joints allow: up from who stands, by a fit to other people; how still a walker's ankle is.

    Last line: one JSON object.

    Example: realtime bench upright cmu_17j_120fps.npz --seconds 5
    """
    import sys

    from engines.motion.importers.load_motion import load_clips
    from realtime.bench.placing.table import show

    clips = {name: clip.astype(np.float64) for path in mocap for name, clip in load_clips(path, HZ).items()}
    rows = up_errors(clips, round(seconds * HZ))
    speeds = np.concatenate([stance_speeds(clip) for clip in clips.values()])
    show(rows)
    at = [float(share) for share in np.quantile(speeds, (0.25, 0.5, 0.75))] if len(speeds) else []
    sys.stdout.write(json.dumps({"bench": "upright", "up": rows, "stance_ankle_m_s": at}) + "\n")


def up_errors(clips: dict[str, Array64], frames: int) -> list[dict[str, Any]]:
    """How far from up each guess is, over all stretches of `frames` in which somebody stands."""
    from engines.motion.split import subject_of

    found = [(subject_of(name), *_told(part)) for name, clip in sorted(clips.items()) for part in _stands(clip, frames)]
    people = np.array([who for who, *_ in found])
    if len(set(people)) < 2:
        raise UserError(f"fewer than two people stand for {frames / HZ:g} s here: give more clips, or fewer --seconds")
    up, told = (np.stack([row[part] for row in found]) for part in (1, 2))
    guesses = {
        "ankles to thorax": np.tile(_UP, (len(up), 1)),
        "the same, leant as other people": _fitted(people, up, told[:, :0]),
        "centre of mass over the ankles": told[:, :3],
        "all joints, fitted to other people": _fitted(people, up, told),
    }
    rows = []
    for name, guess in guesses.items():
        cosine = (guess * up).sum(1) / np.linalg.norm(guess, axis=1)
        error_deg = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
        rows.append({"guess": name, "stretches": len(up), "people": len(set(people)),
                     "median_deg": float(np.median(error_deg)),
                     "within_2_deg_percent": float(100 * (error_deg <= 2).mean())})  # fmt: skip
    return rows


def stance_speeds(clip: Array64) -> Array64:
    """m/s from frame to frame of the ankles of (T, 17, 3) that carry a walker: the lower ones, slow over 0.3 s."""
    if len(clip) <= 3 * _SMOOTH:
        return np.zeros(0)
    lowest = clip[:, list(ANKLES), 1].min(1)
    walks = _smooth_speed(clip[:, _HIP]) > _WALKS_M_S
    speeds = []
    for ankle in ANKLES:
        at = clip[:, ankle]
        carries = (walks & (_smooth_speed(at) < _SLOW_M_S) & (at[:, 1] <= lowest + _LOW_M))[1:]
        carries[:_SMOOTH] = carries[-_SMOOTH:] = False
        speeds.append(np.linalg.norm(np.diff(at, axis=0), axis=1)[carries] * HZ)
    return np.concatenate(speeds)


def _smooth_speed(at: Array64) -> Array64:
    kernel = np.ones(_SMOOTH) / _SMOOTH
    smooth = np.stack([np.convolve(at[:, axis], kernel, "same") for axis in range(3)], 1)
    return np.asarray(np.linalg.norm(np.gradient(smooth, axis=0), axis=1) * HZ)


def _stands(clip: Array64, frames: int) -> list[Array64]:
    high = np.percentile(clip[:, _HIP, 1], 99)
    parts = [clip[start : start + frames] for start in range(0, len(clip) - frames + 1, frames // 3)]
    ankles = [part[:, list(ANKLES)] for part in parts]
    return [
        part for part, both in zip(parts, ankles, strict=True)
        if np.percentile(part[:, _HIP, 1], 10) > _STRETCHED * high
        and np.mean(np.linalg.norm(both - np.median(both, 0), axis=-1).max(1) > _STANDS_M) < 0.1
    ]  # fmt: skip


def _told(part: Array64) -> tuple[Array64, Array64]:
    """Up and all that the joints say, in the body's own axes: left, ankles to thorax, ahead."""
    feet = part[:, list(ANKLES)].mean(1)
    axis = _unit((part[:, _NECK] - feet).mean(0))
    left = (part[:, _HIPS[1]] - part[:, _HIPS[0]] + part[:, _SHOULDERS[1]] - part[:, _SHOULDERS[0]]).mean(0)
    left = _unit(left - axis * (left @ axis))
    own = np.stack((left, axis, np.cross(left, axis)))
    stature = np.linalg.norm(part[:, _NECK] - feet, axis=1).mean()
    mass = sum(share for *_, share, _ in _SEGMENTS)
    centre = sum(share * (part[:, a] + on * (part[:, b] - part[:, a])) for a, b, share, on in _SEGMENTS) / mass
    pairs = ((_NECK, _HIP), (_HEAD, _NECK), _HIPS[::-1], _SHOULDERS[::-1], *zip(ANKLES, _KNEES, strict=True))
    ways = [own @ (part[:, to] - part[:, since]).mean(0) for to, since in pairs]
    ways.append(own @ (part[:, _HIP] - feet).mean(0))
    across = own @ (part[:, ANKLES[1]] - part[:, ANKLES[0]]).mean(0) / stature
    return own @ _UP, np.concatenate((own @ (centre - feet).mean(0) / stature, across, *map(_unit, ways)))


def _fitted(people: NDArray[np.str_], up: Array64, told: Array64) -> Array64:
    """Up of each stretch by a ridge regression on those of the other people, each of whom counts alike."""
    out = np.zeros_like(up)
    for who in set(people):
        others = people != who
        weight = np.array([1 / (people == name).sum() for name in people[others]])[:, None]
        mean, spread = told[others].mean(0), told[others].std(0) + 1e-6
        rows = np.c_[np.ones(len(told)), (told - mean) / spread]
        known = rows[others]
        penalty = _RIDGE * np.diag([0.0] + [1.0] * told.shape[1])
        wanted = known.T @ (weight * up[others])
        out[~others] = rows[~others] @ np.linalg.solve(known.T @ (weight * known) + penalty, wanted)
    return out


def _unit(vector: Array64) -> Array64:
    return np.asarray(vector / np.linalg.norm(vector))
