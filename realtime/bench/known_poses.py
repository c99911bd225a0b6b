"""Poses that benchmarks know: a made-up take whose every number follows from its index, and clips of motion capture."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from engines.errors import UserError
from engines.read_bounded import check_npz
from realtime.clock import monotonic_ns
from realtime.contracts import Array, Keypoints2D, Person2D, Pose3D, PoseFrame, Stamp


def known_joints(index: int) -> Array:
    """(17, 3) float32, multiples of 1/1024 m that differ from frame to frame; the hip is at 0."""
    joint, axis = np.mgrid[0:17, 0:3]
    joints = ((index * 7 + joint * 31 + axis * 101) % 2048 - 1024) / 1024
    joints[0] = 0
    return joints.astype(np.float32)


def known_frame(index: int, persons: int = 1) -> PoseFrame:
    """Stamped now; person p of frame i has the joints of index i + 1000 p."""
    now_ns = monotonic_ns()
    people = tuple(
        Pose3D(
            person, known_joints(index + 1000 * person), np.array([0.25, -0.5, 3.0], np.float32),
            np.full(17, 0.03125, np.float32), np.full(17, 0.75, np.float32), 0, 1.0, False,
        )
        for person in range(persons)
    )  # fmt: skip
    latency_ms = {"detect": 40.0, "ring": 0.125, "lift": 2.0, "total": 42.25}
    return PoseFrame(Stamp(index, now_ns, index * 33_333_333), (640, 480), people, latency_ms=latency_ms)


def known_keypoints(index: int) -> Keypoints2D:
    """One person of about 300 px who sways; joint 16 is never seen, and every tenth frame shows nobody."""
    now_ns = monotonic_ns()
    joint = np.arange(17)
    xy_px = np.stack([320 + 40 * np.sin(joint * 2.4 + index / 20), 90 + 18 * joint + 5 * np.cos(index / 15)], 1)
    xy_px[16] = np.nan
    person = Person2D(3, xy_px.astype(np.float32), np.full(17, 0.9, np.float32))
    people = () if index % 10 == 9 else (person,)
    return Keypoints2D(Stamp(index, now_ns, index * 33_333_333), (640, 480), people, now_ns, 0)


def read_clips(mocap: Path, keys: Iterable[str], options: str) -> dict[str, Array]:
    """Those of these keys, as `options` name them. Raises UserError where the file or one of them is not there."""
    check_npz(mocap)
    try:
        with mocap.open("rb") as file, np.load(file) as archive:
            return {key: archive[key] for key in keys}
    except FileNotFoundError as error:
        raise UserError(f"there is no file {mocap}: give an npz of clips with --mocap") from error
    except KeyError as error:
        raise UserError(f"{mocap} lacks a clip: name others with {options} ({error.args[0]})") from error
    except (OSError, ValueError, EOFError, TypeError, zipfile.BadZipFile) as error:
        raise UserError(f"{mocap} cannot be read as an npz of plain arrays: write it with numpy.savez") from error
