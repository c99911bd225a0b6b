"""`realtime lift`: recorded keypoints, or a video, to poses in a file, by the live walk: each row its frame's pose."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from calibration.person.body import Body
from engines.errors import UserError
from engines.lifting.load_lifter import load_lifter
from engines.lifting.poses import Lifter, check_align, check_lookahead
from engines.models.source_skeletons import skeleton_named
from engines.write_aside import refuse_existing, require_writable, write_aside
from realtime.contracts import Array
from realtime.files.form_people import Seen
from realtime.files.keypoints_file import Keypoints, KeypointsFile
from realtime.files.lift_forms import Form, load_form
from realtime.files.read_source import NOTHING_TOLD, Told, read_source
from realtime.library.offline import check_installed, smoothed
from realtime.library.place import settings
from realtime.library.poses import Poses
from realtime.library.recording import Recording, wanted
from realtime.library.whole import Progress, poses_of
from realtime.pipeline.pose_frame import Lift
from realtime.pipeline.setting import SettingFor

MODES = ("stream", "window", "sequence")
log = logging.getLogger("realtime.lift")
_Lifting = Callable[[Recording, SettingFor, Progress | None], Poses]


@dataclass(frozen=True, slots=True)
class LiftOptions:
    """How to lift, and what is known of the place."""

    model: str = "default"
    mode: str = "stream"
    engine: str = "auto"
    lookahead: int = 0
    align: str | None = None
    threads: int = 1
    plan: Path | None = None
    camera: Path | None = None  # None: what the source says of its lens, or an assumed one
    ground: Path | None = None
    person: str | None = None
    offline: bool = False  # smoothed with all of the recording known


def lift_file(
    source: Path, target: Path, options: LiftOptions = LiftOptions(), told: Told = NOTHING_TOLD, *,
    overwrite: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
) -> Poses:  # fmt: skip
    """Lift `source` (see read_source.py) into `target` (.npz); `progress` is called with what, done, total.

    Logs what looks wrong in the keypoints. Raises UserError, also where `target` exists, unless `overwrite`, or is the
    source, or is no .npz.
    """
    check_target(source, target, overwrite)
    if options.mode not in MODES:
        raise UserError(f"mode {options.mode!r} is unknown: choose one of {', '.join(MODES)}")
    if told.skeleton is not None:
        skeleton_named(told.skeleton)
    find = settings(options.camera, options.ground, options.person)
    if options.offline:
        check_installed()
    if options.person is not None and told.people > 1:
        raise UserError(f"{told.people} people cannot all have the size of {options.person}: leave out --person")
    with _lifting(options) as lift:  # before hours of detecting: what cannot be loaded is known now
        read = read_source(source, told, progress and (lambda done, total: progress("watched", done, total)), find)
        recording = _as_asked(read, source, options, told)
        find = settings(options.camera or read.camera, options.ground, options.person)
        poses = lift(recording, find, progress and (lambda done, total: progress("lifted", done, total)))
    if options.offline:
        poses = smoothed(poses)
    poses = poses.merged() if read.merge else poses
    write_poses(poses, target)
    return poses


def _as_asked(read: Keypoints, source: Path, options: LiftOptions, told: Told) -> Recording:
    """Logs what looks wrong in what was read. Raises UserError where it is not what was asked for."""
    for doubt in read.doubts:
        log.warning("%s", doubt)
    if options.person is not None and len(read.recording.ids) > 1:
        raise UserError(f"{source} has {len(read.recording.ids)} people, who cannot all have the size of "
                        f"{options.person}: leave out --person")  # fmt: skip
    return wanted(read.recording, told.feet, told.hands, f"{source} has", "--")


def write_poses(poses: Poses, target: Path) -> None:
    """An .npz with the fields of `Poses`, those of feet and hands where there are any."""
    values = {field.name: getattr(poses, field.name) for field in fields(Poses)}
    arrays: dict[str, Any] = {name: np.asarray(value) for name, value in values.items() if value is not None}

    def write(aside: Path) -> None:
        with aside.open("wb") as file:
            np.savez_compressed(file, **arrays)

    write_aside(target, write)


def lift_one(recording: KeypointsFile, lifter: Lifter) -> tuple[Array, Array, Body]:
    """One person's poses (T, 17, 3) in camera axes, their sigma (T, 17), and the body that was learned.

    Frames without them are no reason to forget them, and repeat the last pose. Raises UserError where there is none.
    """
    whole = recording.recording
    seen = whole.seen[:, 0]
    if not seen.any():
        raise UserError("nobody is seen in any frame: every joint is NaN, or its score too low")
    part = Recording(whole.xy_px[seen], whole.score[seen], whole.t_s[seen], whole.image_wh, whole.ids, alone=True)
    walk = Lift(lifter, settings(recording.camera), "", 1, given=True)
    poses = poses_of(part, walk, lifter.lag_frames, lifter.name, lifter.engine)
    rows = np.cumsum(seen) - 1
    joints_m, sigma_m = poses.joints_m[rows], poses.sigma_m[rows]
    joints_m[rows < 0], sigma_m[rows < 0] = np.nan, np.nan
    return joints_m, sigma_m, walk.body(0)


def check_target(source: Path, target: Path, overwrite: bool) -> None:
    """Raises UserError where `target` cannot be written, or is there and not to be replaced."""
    if target.resolve() == source.resolve():
        raise UserError(f"{target} holds the keypoints themselves: choose another file for -o")
    if target.suffix != ".npz":
        raise UserError(f"{target} is not an .npz, which is what is written: give -o {target.with_suffix('.npz')}")
    refuse_existing(target, overwrite)
    if not target.parent.is_dir():
        raise UserError(f"{target.parent} does not exist: make the folder or choose another for -o")
    require_writable([target])


@contextmanager
def _lifting(options: LiftOptions) -> Iterator[_Lifting]:
    """The model is loaded, and all that it is asked for is there. Raises UserError."""
    if options.mode == "stream":
        with load_lifter(
            options.model, options.engine, options.lookahead, options.threads, options.align, options.plan
        ) as lifter:
            yield partial(_by_steps, lifter)
        return
    if options.plan is not None:
        raise UserError(f"a plan runs in --mode stream: leave out --plan {options.plan} or --mode {options.mode}")
    form = load_form(options.model, options.mode, options.engine, options.threads)
    check_align(form.card, options.align)
    check_lookahead(form.card, options.lookahead)
    yield partial(_by_form, form, options)


def _by_steps(lifter: Lifter, recording: Recording, find: SettingFor, progress: Progress | None) -> Poses:
    walk = Lift(lifter, find, "", len(recording.ids), given=True)
    return poses_of(recording, walk, lifter.lag_frames, lifter.name, lifter.engine, progress=progress)


def _by_form(
    form: Form, options: LiftOptions, recording: Recording, find: SettingFor, progress: Progress | None
) -> Poses:
    people, seen = len(recording.ids), Seen(options.lookahead)
    first = Lift(seen, find, "", people, given=True)
    for keypoints in recording.frames():
        first(keypoints)
    walk = Lift(seen.lifted(form), find, "", people, given=True)
    engine = "onnxruntime" if options.engine == "auto" else options.engine
    return poses_of(recording, walk, options.lookahead, form.card.name, engine, options.mode, progress)
