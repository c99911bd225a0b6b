"""A take or a file of poses as a `Recording`."""

from __future__ import annotations

import logging
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np

from engines.errors import UserError
from engines.lifting.poses import RATE_HZ
from realtime.clock import NS_PER_MS, NS_PER_S
from realtime.plot.recording import Recording, Track, track
from realtime.takes.poses import take_poses
from realtime.wire.messages import PersonPose, PoseMessage

_LONGEST_STEP_NS = 10 * NS_PER_S
_JUMP_NS = NS_PER_S  # what a clock that was set, or a new session, counts as

log = logging.getLogger("realtime.plot")


def read_recording(path: Path, stream: str | None = None) -> Recording:
    """An .mcap of `realtime record` or an .npz of `realtime lift`.

    `stream` chooses one of several in a take. Raises UserError where there are no poses, or which ones is not clear.
    """
    if path.suffix.lower() == ".mcap":
        return _take(path, stream)
    if path.suffix.lower() == ".npz":
        if stream is not None:
            raise UserError(f"{path} has no streams: leave out --stream {stream}")
        return _lifted(path)
    raise UserError(f"{path} is neither a take (.mcap) nor poses (.npz): give a file of 'realtime record' or 'lift'")


def _lifted(path: Path) -> Recording:
    from realtime.files.poses_file import read_poses

    poses = read_poses(path)
    times_s, several = poses.t_s - poses.t_s[0], poses.held.ndim == 2
    people = []
    for one in poses.each():
        number = int(one.ids[0]) if several else 0
        name = f"person {number}" if several else "the person"
        people.append(track(number, name, times_s, one.joints_m, one.root_m, one.sigma_m, one.root_sigma_m, one.held))
    return Recording(tuple(person for person in people if person.seen), poses.space,
                     f"{poses.model} on {poses.engine}, {poses.mode}, {poses.space} space")  # fmt: skip


def _take(path: Path, stream: str | None) -> Recording:
    poses = take_poses(path, stream)
    space = Counter(pose.space for pose in poses).most_common(1)[0][0]
    sessions = list(dict.fromkeys(pose.session for pose in poses))
    people: dict[tuple[str, int], tuple[list[float], list[PersonPose]]] = {}
    for pose, at_s in zip(poses, _times_s(poses), strict=True):
        for person in pose.persons if pose.space == space else ():
            times_s, rows = people.setdefault((pose.session, person.id), ([], []))
            times_s.append(at_s - person.lag_frames / RATE_HZ)
            rows.append(person)
    others = sum(pose.space != space for pose in poses)
    if others:
        log.warning("%d poses of %s are left out: their axes are not those of the others (%s)", others, path, space)
    tracks = []
    for (session, number), (times_s, rows) in people.items():
        again = f", session {sessions.index(session) + 1}" if len(sessions) > 1 else ""
        tracks.append(_track(number, f"person {number}{again}", times_s, rows))
    latency_ms = np.array([(pose.t_publish_ns - pose.t_capture_ns) / NS_PER_MS for pose in poses])
    last = poses[-1]
    about = f"stream {last.stream}, {last.model} on {last.engine}, {space} space, {last.scale} scale"
    return Recording(tuple(one for one in tracks if one.seen), space, about, latency_ms)


def _track(number: int, name: str, times_s: list[float], poses: list[PersonPose]) -> Track:
    return track(
        number, name, np.array(times_s), np.stack([pose.joints_m for pose in poses]),
        np.stack([pose.root_m for pose in poses]), np.stack([pose.sigma_m for pose in poses]),
        np.array([pose.root_sigma_m for pose in poses]), np.array([pose.held for pose in poses]),
    )  # fmt: skip


def _times_s(poses: list[PoseMessage]) -> list[float]:
    """When each frame was, from 0: by the source's own time where it is known, since a file may have been worked on
    faster or slower than it plays; else by when it was grabbed."""
    at_ns, times_s = 0, [0.0]
    for before, pose in pairwise(poses):
        first_ns, now_ns = before.source_ns, pose.source_ns
        if first_ns is None or now_ns is None:
            first_ns, now_ns = before.t_capture_ns, pose.t_capture_ns
        step_ns = now_ns - first_ns
        steady = before.session == pose.session and 0 <= step_ns <= _LONGEST_STEP_NS
        at_ns += step_ns if steady else _JUMP_NS
        times_s.append(at_ns / NS_PER_S)
    return times_s
