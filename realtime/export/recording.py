"""What there is to export: each person of a recording over its frames, from a take or an .npz of `realtime lift`."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.errors import UserError
from engines.models.skeleton import EXTREMITIES, JOINTS
from realtime.library.poses import OF_EXTREMITIES
from realtime.takes.poses import take_poses
from realtime.wire.messages import PersonPose, PoseMessage

Double = NDArray[np.float64]
MODEL_STEP_S = 1 / 30  # of the model's clock, in which a pose's lag is counted

log = logging.getLogger("realtime.export")


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """One person, a row for each frame from the first to the last that shows them.

    A row is a gap, NaN throughout, where nobody was seen: not in the frame, only held over, or nowhere in space.
    """

    person: str
    space: str  # camera | world, as in PROTOCOL.md
    t_s: Double  # (T,), rising, seconds since the recording began
    joints_m: Double  # (T, 17, 3) in space
    sigma_m: Double  # (T, 17)
    unseen: NDArray[np.bool_]  # (T, 17): the joint was not seen in that frame, what is given goes on from the past
    feet_m: Double | None = None  # (T, 4, 3) FEET in space, NaN where not known; None: the recording has none
    feet_sigma_m: Double | None = None  # (T, 4)
    hands_m: Double | None = None  # (T, 6, 3) HANDS likewise
    hands_sigma_m: Double | None = None  # (T, 6)

    @property
    def gap(self) -> NDArray[np.bool_]:
        """(T,)"""
        return np.asarray(np.isnan(self.joints_m).any((1, 2)))


_NOT_ALWAYS = ("space", "ids", "unseen", *OF_EXTREMITIES)


def read_tracks(path: Path, stream: str | None = None, person: str | None = None) -> list[Track]:
    """The people of a take (.mcap, one stream of it) or of a lifted file (.npz), by the order in which they come.

    Raises UserError where the file is neither, or holds nobody, or not this person, or several streams and none named.
    """
    if path.suffix == ".npz":
        if stream is not None:
            raise UserError(f"{path} has no streams: leave out --stream {stream}")
        tracks = _lifted(path)
    else:
        tracks = _of_take(path, stream)
    tracks = [track for track in tracks if not track.gap.all()]
    if not tracks:
        raise UserError(f"{path} holds no poses of somebody whose place is known: record a stream while a "
                        "person is in view (--mediapipe-world is for 'realtime view --compare')")  # fmt: skip
    if person is None:
        return tracks
    found = [track for track in tracks if track.person == person]
    if not found:
        known = ", ".join(track.person for track in tracks)
        raise UserError(f"{path} has no person {person}: choose one of {known}")
    return found


# ---- takes ----


def _of_take(path: Path, stream: str | None) -> list[Track]:
    sessions: dict[str, list[PoseMessage]] = {}
    for message in take_poses(path, stream):
        sessions.setdefault(message.session, []).append(message)
    tracks: list[Track] = []
    begun_s = 0.0
    for messages in sessions.values():
        made = _of_session(messages, begun_s)
        known = {track.person for track in tracks}
        tracks += [_renamed(track, known) for track in made]
        begun_s = max((float(track.t_s[-1]) + MODEL_STEP_S for track in tracks), default=begun_s)
    return tracks


def _of_session(messages: list[PoseMessage], begun_s: float) -> list[Track]:
    frames = list(_in_order(messages))
    spaces = {message.space for _, message in frames}
    if len(spaces) > 1:
        log.warning("the recording changes its axes: only the frames in %s axes are taken", frames[-1][1].space)
        frames = [(at_s, message) for at_s, message in frames if message.space == frames[-1][1].space]
    first_s, space = frames[0][0], frames[0][1].space
    ids = list(dict.fromkeys(person.id for _, message in frames for person in message.persons))
    return [
        _track(str(one), space, [(at_s - first_s + begun_s, _seen(message, one)) for at_s, message in frames])
        for one in ids
    ]


def _in_order(messages: list[PoseMessage]) -> Iterator[tuple[float, PoseMessage]]:
    """Frames with their times in seconds. Where time steps back (a clock was set, a replay began again) they end."""
    last_ns: int | None = None
    on_source = all(one.source_ns is not None for one in messages)
    for message in messages:
        at_ns = message.source_ns if on_source and message.source_ns is not None else message.t_capture_ns
        if last_ns is not None and at_ns <= last_ns:
            log.warning("time steps back after %d frames: what follows is left out", message.seq)
            return
        last_ns = at_ns
        yield at_ns * 1e-9, message


def _seen(message: PoseMessage, person: int) -> PersonPose | None:
    found = next((one for one in message.persons if one.id == person), None)
    return None if found is None or found.held or not np.isfinite(found.root_m).all() else found


def _track(name: str, space: str, rows: list[tuple[float, PersonPose | None]]) -> Track:
    there = [index for index, (_, person) in enumerate(rows) if person is not None]
    rows = rows[there[0] : there[-1] + 1] if there else rows[:1]
    joints, sigma = np.full((len(rows), JOINTS, 3), np.nan), np.full((len(rows), JOINTS), np.nan)
    unseen = np.ones((len(rows), JOINTS), bool)
    lag_s = 0.0
    for row, (_, person) in enumerate(rows):
        if person is not None:
            joints[row], sigma[row], unseen[row] = person.positions_m, person.sigma_m, False
            unseen[row, list(person.unseen)] = True
            lag_s = person.lag_frames * MODEL_STEP_S
    times = np.array([at_s for at_s, _ in rows]) - lag_s
    return Track(name, space, times, joints, sigma, unseen, **_extremities([person for _, person in rows]))


def _extremities(rows: list[PersonPose | None]) -> dict[str, Double]:
    """The fields of `Track` for those that any row has."""
    fields: dict[str, Double] = {}
    for name, points in EXTREMITIES.items():
        places, sigma = np.full((len(rows), len(points), 3), np.nan), np.full((len(rows), len(points)), np.nan)
        for row, person in enumerate(rows):
            if person is not None and (found := getattr(person, f"{name}_m")) is not None:
                places[row], sigma[row] = found + person.root_m, getattr(person, f"{name}_sigma_m")
        if not np.isnan(places).all():
            fields |= {f"{name}_m": places, f"{name}_sigma_m": sigma}
    return fields


def _renamed(track: Track, known: set[str]) -> Track:
    """Ids begin anew with each session: the same number is somebody else."""
    if track.person not in known:
        return track
    again = 2
    while f"{track.person}-{again}" in known:
        again += 1
    return replace(track, person=f"{track.person}-{again}")


# ---- lifted files ----


def _lifted(path: Path) -> list[Track]:
    """One person, or each of several by their numbers."""
    fields = _load(path)
    frames = len(fields["t_s"])
    people = fields["held"].shape[1:2]  # of one person there is no such axis
    shapes = {"joints_m": (frames, *people, JOINTS, 3), "root_m": (frames, *people, 3),
              "sigma_m": (frames, *people, JOINTS), "held": (frames, *people)}  # fmt: skip
    for name, shape in shapes.items():
        if fields[name].shape != shape:
            raise UserError(f"{path}: {name} has shape {fields[name].shape}, expected {shape}: lift the keypoints anew")
    if not (np.diff(fields["t_s"]) > 0).all():
        raise UserError(f"{path}: t_s does not rise from frame to frame: give every frame a time of its own")
    joints = np.asarray(fields["joints_m"] + fields["root_m"][..., None, :], np.float64)
    joints[fields["held"].astype(bool) | ~np.isfinite(joints).all((-1, -2))] = np.nan
    sigma = np.where(np.isnan(joints[..., 0]), np.nan, fields["sigma_m"])
    space = str(fields["space"]) if "space" in fields else "camera"
    unseen = np.isnan(sigma)
    if "unseen" in fields and fields["unseen"].shape == unseen.shape:
        unseen |= fields["unseen"].astype(bool)
    times = fields["t_s"] - fields["t_s"][0]
    more = _lifted_extremities(fields, people, np.isnan(sigma[..., 0]))
    if not people:
        return [Track("0", space, times, joints, sigma, unseen, **more)]
    ids = fields["ids"] if "ids" in fields and fields["ids"].shape == people else np.arange(people[0])
    return [Track(str(number), space, times, joints[:, column], sigma[:, column], unseen[:, column],
                  **{name: values[:, column] for name, values in more.items()})
            for column, number in enumerate(ids.tolist())]  # fmt: skip


def _lifted_extremities(
    fields: dict[str, NDArray[Any]], people: tuple[int, ...], gap: NDArray[np.bool_]
) -> dict[str, Double]:  # fmt: skip
    """Feet and hands in space and their errors, NaN in gaps: those that the file has."""
    more: dict[str, Double] = {}
    for name, points in EXTREMITIES.items():
        shape = (len(fields["t_s"]), *people, len(points))
        places, sigma = fields.get(f"{name}_m"), fields.get(f"{name}_sigma_m")
        if places is not None and sigma is not None and places.shape == (*shape, 3) and sigma.shape == shape:
            in_space = np.asarray(places + fields["root_m"][..., None, :], np.float64)
            more[f"{name}_m"] = np.where(gap[..., None, None], np.nan, in_space)
            more[f"{name}_sigma_m"] = np.where(gap[..., None], np.nan, np.asarray(sigma, np.float64))
    return more


def _load(path: Path) -> dict[str, NDArray[Any]]:
    wanted = ("joints_m", "root_m", "sigma_m", "held", "t_s")
    try:
        with np.load(path, allow_pickle=False) as archive:
            fields = {name: archive[name] for name in (*wanted, *_NOT_ALWAYS) if name in archive.files}
    except OSError as error:
        raise UserError(f"cannot read {path} ({error.strerror or 'not an .npz'}): check the path") from error
    except Exception as error:  # zip, zlib, NumPy and its parser of headers each have several exceptions of their own
        raise UserError(f"{path} is not a readable .npz of plain arrays: make it with 'realtime lift'") from error
    missing = [name for name in wanted if name not in fields]
    if missing:
        raise UserError(f"{path} has no {missing[0]}: give a file that 'realtime lift' wrote, not its keypoints")
    return fields
