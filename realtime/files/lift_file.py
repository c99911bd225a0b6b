"""Recorded keypoints to poses: `realtime lift`. The live lifter's code over a file, each row the pose of its frame."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.person.body import Body
from engines.errors import UserError
from engines.lifting.load_lifter import load_lifter
from engines.lifting.poses import Lifter, check_align
from engines.models.normalise import MIN_SCORE
from engines.write_aside import refuse_existing, write_aside
from realtime.contracts import Array
from realtime.files.keypoints_file import KeypointsFile, read_keypoints
from realtime.files.lift_forms import lift_form, load_form, times_after
from realtime.pipeline.clean import CleanPeople, Sighting
from realtime.pipeline.lift_batch import LiftedPerson, People
from realtime.pipeline.resample import GAP_NS

MODES = ("stream", "window", "sequence")
_PERSON = 0

Times = NDArray[np.int64]
# One unbroken stretch: times (T,), rays (T, 17, 2), scores (T, 17) -> poses, in any order
LiftStretch = Callable[[Times, Array, Array], Iterable[LiftedPerson]]


@dataclass(frozen=True, slots=True, eq=False)
class LiftedFile:
    """What `realtime lift` writes; row t is frame t. Held rows repeat the last pose; NaN before the first."""

    joints_m: Array  # (T, 17, 3) camera axes, the hip at the origin
    root_m: Array  # (T, 3), NaN where it cannot be placed
    sigma_m: Array  # (T, 17)
    window_fill: Array  # (T,)
    held: NDArray[np.bool_]  # (T,): nobody seen in this frame
    t_s: NDArray[np.float64]  # (T,)
    lag_frames: int  # model frames of future that each row has seen; live, its delay
    model: str
    engine: str
    mode: str


def lift_file(
    source: Path, target: Path, *, model: str = "default", mode: str = "stream", engine: str = "auto",
    lookahead: int = 0, align: str | None = None, threads: int = 1, plan: Path | None = None, overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> LiftedFile:  # fmt: skip
    """Lift `source` (.npz, see keypoints_file.py) into `target` (.npz); `progress` is called with done, total.

    Raises UserError, also where `target` exists, unless `overwrite`, or is the source.
    """
    if target.resolve() == source.resolve():
        raise UserError(f"{target} holds the keypoints themselves: choose another file for -o")
    refuse_existing(target, overwrite)
    if not target.parent.is_dir():
        raise UserError(f"{target.parent} does not exist: make the folder or choose another for -o")
    if mode not in MODES:
        raise UserError(f"mode {mode!r} is unknown: choose one of {', '.join(MODES)}")
    recording = read_keypoints(source)
    seen = int(_seen(recording).sum())
    done = 0

    def counted(frames: int) -> None:
        nonlocal done
        done += frames
        if progress:
            progress(min(done, seen), seen)

    if mode == "stream":
        with load_lifter(model, engine, lookahead, threads, align, plan) as lifter:
            info = (lifter.lag_frames, lifter.name, lifter.engine)
            rows = assemble(recording, partial(lift_stretch, lifter, counted=counted))
    else:
        if plan is not None:
            raise UserError(f"a plan runs in --mode stream: leave out --plan {plan} or --mode {mode}")
        form = load_form(model, mode, engine, threads)
        check_align(form.card, align)
        info = (lookahead, form.card.name, "onnxruntime" if engine == "auto" else engine)

        def lift_form_stretch(times_ns: Times, rays: Array, score: Array) -> Iterator[LiftedPerson]:
            yield from lift_form(form, lookahead, times_ns, rays, score)
            counted(len(times_ns))

        rows = assemble(recording, lift_form_stretch)
    result = LiftedFile(*rows, recording.t_s, *info, mode)
    write_lifted(result, target)
    return result


def write_lifted(result: LiftedFile, target: Path) -> None:
    fields: dict[str, Any] = {name: np.asarray(getattr(result, name)) for name in LiftedFile.__slots__}

    def write(aside: Path) -> None:
        with aside.open("wb") as file:
            np.savez_compressed(file, **fields)

    write_aside(target, write)


def lift_stretch(
    lifter: Lifter, times_ns: Times, rays: Array, score: Array, counted: Callable[[int], None] = lambda frames: None
) -> Iterator[LiftedPerson]:
    """One person, frame by frame as live; at the end the last frame is repeated until its own poses are out."""
    people = People(lifter)
    try:
        poses: list[LiftedPerson] = []
        for source_ns, frame_rays, frame_score in zip(times_ns.tolist(), rays, score, strict=True):
            poses = people.push_every(source_ns, [Sighting(_PERSON, frame_rays, frame_score)])[_PERSON]
            counted(1)
            yield from poses
        after = times_after(times_ns)
        while lifter.lag_frames and poses[-1].source_ns <= times_ns[-1]:
            source_ns = next(after)
            poses = people.push_every(source_ns, [Sighting(_PERSON, rays[-1], score[-1])])[_PERSON]
            yield from poses
    finally:
        people.drop(_PERSON)


def assemble(
    recording: KeypointsFile, lift: LiftStretch, body: Body | None = None
) -> tuple[Array, Array, Array, Array, NDArray[np.bool_]]:
    """Rows for every frame: joints, root, sigma, window_fill, held. `body` learns the person's bones."""
    times_ns = np.round((recording.t_s - recording.t_s[0]) * 1e9).astype(np.int64)
    rays = recording.camera.rays(recording.keypoints_px)
    seen = _seen(recording) & np.isfinite(rays).all(-1).any(-1)
    if not seen.any():
        raise UserError("no frame has a joint that is seen: every keypoints_px is NaN or its score below "
                        f"{MIN_SCORE}, or outside of what the lens covers")  # fmt: skip
    frames = len(times_ns)
    joints, sigma = np.full((frames, 17, 3), np.nan, np.float32), np.full((frames, 17), np.nan, np.float32)
    fill, root = np.zeros(frames, np.float32), np.full((frames, 3), np.nan, np.float32)
    body, clean = body or Body(), CleanPeople()
    for stretch in _stretches(times_ns, np.flatnonzero(seen)):
        sightings = {
            int(row): clean.push(int(times_ns[row]), [Sighting(_PERSON, rays[row], recording.scores[row])])
            for row in stretch
        }
        rows = np.array([row for row in stretch if sightings[int(row)]], np.intp)
        seen[stretch] = np.isin(stretch, rows)
        if not len(rows):
            continue
        people = [sightings[int(row)][0] for row in rows]
        poses = lift(times_ns[rows], np.stack([one.rays for one in people]), np.stack([one.score for one in people]))
        lifted, error, fill[rows] = _at_times(poses, times_ns[rows])
        for place, (row, one) in enumerate(zip(rows, people, strict=True)):
            at_s, pose, errors = times_ns[row] * 1e-9, lifted[place], error[place]
            fitted = body.fit(at_s, one.rays, one.score, pose, errors, one.seen, one.doubt)
            joints[row], sigma[row], root[row] = fitted.joints_m, fitted.sigma_m, fitted.root[:3]
    last = np.maximum.accumulate(np.where(seen, np.arange(frames), -1))  # the row that a held row repeats
    known = last >= 0
    for rows_of in (joints, root, sigma, fill):
        rows_of[known] = rows_of[last[known]]
    return joints, root, sigma, fill, ~seen


def _seen(recording: KeypointsFile) -> NDArray[np.bool_]:
    """(T,): frames with somebody in them."""
    joints = np.isfinite(recording.keypoints_px).all(-1) & (recording.scores >= MIN_SCORE)
    return np.asarray(joints.any(-1))


def _stretches(times_ns: Times, rows: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Rows with somebody in them, cut where the resampler starts afresh."""
    return np.split(rows, np.flatnonzero(np.diff(times_ns[rows]) > GAP_NS) + 1)


def _at_times(poses: Iterable[LiftedPerson], times_ns: Times) -> tuple[Array, Array, Array]:
    """Poses at these times, linearly between the nearest two; of several poses of one time the last (it saw more)."""
    latest = {pose.source_ns: pose for pose in poses}
    known_ns = np.array(sorted(latest), np.int64)
    known = [latest[time] for time in known_ns.tolist()]
    after = np.clip(np.searchsorted(known_ns, times_ns), 0, len(known) - 1)
    before = np.maximum(after - (known_ns[after] > times_ns), 0)
    span = np.maximum(known_ns[after] - known_ns[before], 1)
    weight = np.clip((times_ns - known_ns[before]) / span, 0, 1).astype(np.float32)

    def blend(values: Array) -> Array:
        share = weight.reshape(-1, *(1,) * (values.ndim - 1))
        return np.asarray(values[before] * (1 - share) + values[after] * share, np.float32)

    joints, sigma = np.stack([pose.joints_m for pose in known]), np.stack([pose.sigma_m for pose in known])
    return blend(joints), blend(sigma), blend(np.array([pose.window_fill for pose in known], np.float32))
