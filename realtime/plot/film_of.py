"""Recorded poses to a film: a take, or what `realtime lift` wrote; in grey beside it another recording of the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engines.errors import UserError
from engines.models.skeleton import JOINTS
from realtime.clock import NS_PER_S
from realtime.files.poses_file import read_poses
from realtime.library.poses import OF_EXTREMITIES
from realtime.takes.poses import take_poses
from realtime.tracking.assignment import NOBODY, assign
from realtime.view.film import Film
from realtime.view.open_output import check_output, open_writer
from realtime.view.picture import OTHERS, Show
from realtime.view.scene.stage import Stage
from realtime.wire.messages import PersonPose, PoseMessage

_SAME_S = 0.02  # poses of two recordings this near in time are of one moment
_FURTHEST_M = 1e3  # apart on average: everybody has somebody, as far as there are enough
_HOLD_S = 0.5  # a person out of sight stays for so long, as live
_PLAYING_FPS = 30.0


class Drawn(NamedTuple):
    """Poses that are in the film, of as many that were to be."""

    poses: int
    of: int


def film_of(
    recording: Path, render: Path, *, size_wh: tuple[int, int] = (960, 720), overwrite: bool = False,
    angle_deg: tuple[float, float] = (32.0, 14.0), supersample: int = 2, fps: float | None = None,
    turntable_s: float | None = None, panel: bool = True, other: Path | None = None, stream: str | None = None,
    frames: int | None = None, duration_s: float | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None, stopped: Callable[[], bool] = lambda: False,
) -> Drawn:  # fmt: skip
    """Draws every pose of `recording` (.mcap or .npz) into `render` (see `open_writer`), until it is `stopped`.

    With `frames` or `duration_s` it ends after so many, or so much of the source's time.
    `other`: a second recording, drawn in grey at the first one's place, the mean distance of the joints in the panel.
    Raises UserError for a recording without poses and an output that cannot be written.
    """
    check_output(render, overwrite)
    for path in filter(None, (recording, other)):
        if not path.exists():
            raise UserError(f"there is no file {path}: name a take (.mcap) or a file of poses (.npz)")
    if stream is not None and recording.suffix.lower() == ".npz":
        raise UserError(f"{recording} has no streams: leave out --stream {stream}")
    with Stage(size_wh, window=False, angle_deg=angle_deg, supersample=supersample) as stage:
        messages = _first(list(poses_of(recording, stream)), frames, duration_s)
        compared = _compared(messages, recording, other, stream)
        with open_writer(render, size_wh, overwrite) as writer:
            film = Film(stage, writer, Show("3d", panel), None, fps, turntable_s)
            rate_hz = _rate_hz(messages)
            for done, (message, state) in enumerate(compared, 1):
                film.add(message, rate_hz, state)
                progress(done, len(messages))
                if stopped():
                    return Drawn(done, len(messages))
            return Drawn(len(messages), len(messages))


def _first(messages: list[PoseMessage], frames: int | None, duration_s: float | None) -> list[PoseMessage]:
    until_s = np.inf if duration_s is None else duration_s
    return [one for one, time_s in zip(messages[:frames], _since(messages)[:frames].tolist(), strict=True)
            if time_s < until_s]  # fmt: skip


def _compared(
    messages: list[PoseMessage], recording: Path, other: Path | None, stream: str | None
) -> Iterable[tuple[PoseMessage, str]]:
    """Each message as it is drawn, with what is said of it. Raises UserError."""
    others = list(poses_of(other, stream)) if other else []
    if not others:
        return ((one, "") for one in messages)
    if {one.space for one in messages}.isdisjoint(one.space for one in others):
        raise UserError(f"{recording} is in {messages[0].space} axes and {other} in {others[0].space} axes: lift both "
                        "with the same --ground, or both without")  # fmt: skip
    return _beside(messages, others)


def poses_of(path: Path, stream: str | None = None) -> Iterator[PoseMessage]:
    """The pose messages of a take's stream, or the rows of a lifted file. Raises UserError."""
    yield from _rows(path) if path.suffix.lower() == ".npz" else take_poses(path, stream)


def _rows(path: Path) -> Iterator[PoseMessage]:
    poses = read_poses(path)
    ones, people = np.ones(JOINTS, np.float32), poses.each()
    times_s = poses.t_s - poses.t_s[0]
    there = [_there(one.held, times_s) for one in people]
    for row, time_s in enumerate(times_s.tolist()):
        persons = tuple(
            PersonPose(
                number, one.joints_m[row], one.root_m[row], np.nan_to_num(one.sigma_m[row]), ones, 0, 1.0,
                bool(one.held[row]),
                **{name: found[row] for name in OF_EXTREMITIES if (found := getattr(one, name)) is not None},
            )
            for number, one in enumerate(people) if there[number][row] and np.isfinite(one.joints_m[row]).all()
        )
        t_ns = round(time_s * NS_PER_S)
        yield PoseMessage(
            "main", path.name, row, row, t_ns, t_ns, (4, 3), poses.space, str(poses.scale[row]), "h36m-17", "",
            poses.engine, poses.model, 0, 0, persons, source_ns=t_ns,
        )  # fmt: skip


def _there(held: NDArray[np.bool_], times_s: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(T,): the rows in which somebody is seen, or was lately; a file repeats their last pose to its end."""
    seen_s = np.maximum.accumulate(np.where(held, -np.inf, times_s))
    there: NDArray[np.bool_] = times_s - seen_s <= _HOLD_S
    return there


def _beside(messages: list[PoseMessage], others: list[PoseMessage]) -> Iterator[tuple[PoseMessage, str]]:
    """Each message with the other recording's people of the same moment, counted from where both begin."""
    times_s = _since(others)
    for message, time_s in zip(messages, _since(messages), strict=True):
        at = int(np.abs(times_s - time_s).argmin())
        near = abs(times_s[at] - time_s) <= _SAME_S and message.space == others[at].space
        pairs = _pairs(message.persons, others[at].persons) if near else []
        ghosts = tuple(
            replace(theirs, id=OTHERS + theirs.id, root_m=ours.root_m, held=True) for ours, theirs in pairs
        )
        apart_m = [_apart_m(ours, theirs) for ours, theirs in pairs]
        state = f"the other is {1000 * float(np.mean(apart_m)):.0f} mm off" if pairs else "the other has no pose here"
        yield replace(message, persons=message.persons + ghosts), state


def _pairs(
    ours: Sequence[PersonPose], theirs: Sequence[PersonPose]
) -> list[tuple[PersonPose, PersonPose]]:  # fmt: skip
    """Who are most alike: the other recording may have its people in another order."""
    chosen = assign([[_apart_m(one, other) for other in theirs] for one in ours], leave=_FURTHEST_M) if theirs else []
    return [(one, theirs[at]) for one, at in zip(ours, chosen, strict=False) if at != NOBODY]


def _apart_m(one: PersonPose, other: PersonPose) -> float:
    return float(np.linalg.norm(one.joints_m - other.joints_m, axis=1).mean())


def _since(messages: Iterable[PoseMessage]) -> NDArray[np.float64]:
    """Seconds from the first."""
    times = np.array([one.t_capture_ns if one.source_ns is None else one.source_ns for one in messages], np.float64)
    seconds: NDArray[np.float64] = (times - times[0]) / NS_PER_S
    return seconds


def _rate_hz(messages: list[PoseMessage]) -> float:
    steps = np.diff(_since(messages))
    return float(1 / np.median(steps)) if len(steps) and np.median(steps) > 0 else _PLAYING_FPS
