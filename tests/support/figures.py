"""People of rigid bones whose every angle is known, and takes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realtime.contracts import Keypoints2D, Person2D, Pose3D, PoseFrame, Stamp
from realtime.takes.take import Recorded, TakeWriter
from realtime.wire.encode import encode_keypoints, encode_pose
from realtime.wire.framing import decode_map, split

Double = NDArray[np.float64]
FRAME_NS = 33_333_333
START_NS = 1_767_225_600_000_000_000
THIGH, SHIN, TRUNK, NECK, HEAD, COLLAR, ARM, FOREARM, PELVIS = 0.42, 0.40, 0.25, 0.13, 0.11, 0.17, 0.29, 0.26, 0.10


def turn(axis: str, deg: float | Double) -> Double:
    """Right-handed, (..., 3, 3)."""
    angle = np.radians(np.asarray(deg, np.float64))
    i = "xyz".index(axis)
    j, k = (i + 1) % 3, (i + 2) % 3
    out = np.zeros((*angle.shape, 3, 3))
    out[..., i, i] = 1
    out[..., j, j] = out[..., k, k] = np.cos(angle)
    out[..., k, j] = np.sin(angle)
    out[..., j, k] = -np.sin(angle)
    return out


def figure(
    pelvis: Double | None = None, trunk: Double | None = None, thighs: Mapping[str, Double] | None = None,
    knees_deg: Mapping[str, Any] | None = None, arms: Mapping[str, Double] | None = None,
    elbows_deg: Mapping[str, Any] | None = None, root_m: Any = (0.0, 1.0, 0.0),
) -> Double:  # fmt: skip
    """Joints (..., 17, 3), y up, of somebody who looks along +z with arms hanging, left being +x.

    The lower spine is the pelvis's; `trunk` (above it) and `thighs` turn in the pelvis, `arms` in the trunk, by side
    r or l; knees and elbows bend.
    """
    eye = np.eye(3)
    pelvis = eye if pelvis is None else pelvis
    chest = pelvis @ (eye if trunk is None else trunk)
    at: dict[int, Double] = {0: np.asarray(root_m, np.float64)}
    at[7] = at[0] + pelvis @ (0, TRUNK, 0)
    at[8] = at[7] + chest @ (0, TRUNK, 0)
    at[9] = at[8] + chest @ (0, NECK, 0.02)
    at[10] = at[9] + chest @ (0, HEAD, 0.01)
    for side, sign, leg, arm in (("r", -1, (1, 2, 3), (14, 15, 16)), ("l", 1, (4, 5, 6), (11, 12, 13))):
        thigh = pelvis @ (thighs or {}).get(side, eye)
        shin = thigh @ turn("x", (knees_deg or {}).get(side, 0))
        upper = chest @ (arms or {}).get(side, eye)
        fore = upper @ turn("x", -np.asarray((elbows_deg or {}).get(side, 0)))
        at[leg[0]] = at[0] + pelvis @ (sign * PELVIS, 0, 0)
        at[leg[1]] = at[leg[0]] + thigh @ (0, -THIGH, 0)
        at[leg[2]] = at[leg[1]] + shin @ (0, -SHIN, 0)
        at[arm[0]] = at[8] + chest @ (sign * COLLAR, 0, 0)
        at[arm[1]] = at[arm[0]] + upper @ (0, -ARM, 0)
        at[arm[2]] = at[arm[1]] + fore @ (0, -FOREARM, 0)
    return np.stack(np.broadcast_arrays(*(at[joint] for joint in range(17))), -2)


def walk(frames: int, phase: float = 0.0) -> Double:
    """(T, 17, 3), y up: somebody who walks in a curve, swings the arms and leans."""
    t = np.arange(frames) / 30
    swing = np.sin(2 * np.pi * 0.9 * t + phase)
    heading = 40 * t
    place = np.stack((2 * np.sin(np.radians(heading)), 0.9 + 0.02 * np.abs(swing), 2 * np.cos(np.radians(heading))), -1)
    return figure(
        turn("y", heading + 90) @ turn("z", 4 * swing), turn("x", 6 + 3 * swing) @ turn("y", -10 * swing),
        {"r": turn("x", -30 * swing) @ turn("z", -4), "l": turn("x", 30 * swing) @ turn("z", 4)},
        {"r": 35 + 30 * np.cos(2 * np.pi * 0.9 * t + phase), "l": 35 - 30 * np.cos(2 * np.pi * 0.9 * t + phase)},
        {"r": turn("x", 35 * swing) @ turn("z", -12), "l": turn("x", -35 * swing) @ turn("z", 12)},
        {"r": 40 + 20 * swing, "l": 40 - 20 * swing}, place,
    )  # fmt: skip


def in_camera(y_up_m: Double, away_m: float = 5.0) -> Double:
    """The same people in the axes of a camera that stands 1 m high and looks along -z."""
    return y_up_m * (1, -1, -1) + np.array((0, 1.0, away_m))


def pose(person: int, joints_m: Double, **changes: Any) -> Pose3D:
    """Joints (17, 3) in space."""
    made = Pose3D(
        person, (joints_m - joints_m[0]).astype(np.float32), joints_m[0].astype(np.float32),
        np.full(17, 0.02, np.float32), np.full(17, 0.9, np.float32), 0, 1.0, False,
    )  # fmt: skip
    return replace(made, **changes)


def take_of_people(
    path: Path, people: Mapping[int, Double], *, changes: Mapping[tuple[int, int], dict[str, Any] | None] | None = None,
    space: str = "camera", session: str = "s", stream: str = "main", source_ns: NDArray[np.int64] | None = None,
    writer: TakeWriter | None = None,
) -> Path:  # fmt: skip
    """People of joints (T, 17, 3) at 30 Hz; `changes` by (id, frame): fields of that pose, None: not in the frame.

    `source_ns` (T,): the source's own times, which keypoints carry. `writer`: an open take to go on in.
    """
    frames = len(next(iter(people.values())))
    take = writer or TakeWriter(path, live=False)
    try:
        for i in range(frames):
            here = [
                pose(person, joints[i], **((changes or {}).get((person, i), {}) or {}))
                for person, joints in people.items() if (changes or {}).get((person, i), {}) is not None
            ]  # fmt: skip
            at_ns = START_NS + i * FRAME_NS
            about: dict[str, Any] = dict.fromkeys(("t_capture_ns", "t_publish_ns"), at_ns)
            about |= {"stream": stream, "session": session, "seq": i}
            stamp = Stamp(i, at_ns, at_ns)
            raw = encode_pose(PoseFrame(stamp, (640, 480), tuple(here), space), **about, engine="e", model="m")
            fields = decode_map(split(raw)[2])
            del fields["source_ns"]  # as from a publisher of before: the keypoints alone tell it
            take.add(Recorded("pose3d", stream, at_ns, fields))
            if source_ns is not None:
                seen = Person2D(1, np.full((17, 2), 100, np.float32), np.ones(17, np.float32))
                points = Keypoints2D(Stamp(i, at_ns, int(source_ns[i])), (640, 480), (seen,), at_ns, 0)
                raw = encode_keypoints(points, **about, t_detect_ns=at_ns)
                take.add(Recorded("keypoints2d", stream, at_ns, decode_map(split(raw)[2])))
    finally:
        if writer is None:
            take.__exit__(None)
    return path
