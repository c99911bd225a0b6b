"""Recordings of known frames, made without a socket."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from realtime.bench.known_poses import known_frame, known_keypoints
from realtime.takes.take import Recorded, TakeWriter
from realtime.wire.encode import encode_keypoints, encode_pose
from realtime.wire.framing import decode_map, split

FRAME_NS = 33_333_333
START_NS = 1_767_225_600_000_000_000


def take_of(path: Path, frames: int, stream: str = "main") -> Path:
    """Poses and keypoints at 30 Hz."""
    with TakeWriter(path) as take:
        for i in range(frames):
            take.add(pose_at(i, stream))
            points = encode_keypoints(
                known_keypoints(i), **_about(i, stream), t_detect_ns=START_NS + i * FRAME_NS + 30_000_000
            )
            take.add(_recorded("keypoints2d", stream, i, points))
    return path


def pose_at(index: int, stream: str = "main") -> Recorded:
    """Published 40 ms after its capture."""
    raw = encode_pose(known_frame(index), **_about(index, stream), engine="e", model="m")
    return _recorded("pose3d", stream, index, raw)


def _about(index: int, stream: str) -> dict[str, Any]:
    at_ns = START_NS + index * FRAME_NS
    return {
        "stream": stream, "session": "s", "seq": index, "t_capture_ns": at_ns, "t_publish_ns": at_ns + 40_000_000,
    }  # fmt: skip


def _recorded(kind: str, stream: str, index: int, raw: bytes) -> Recorded:
    return Recorded(kind, stream, START_NS + index * FRAME_NS + 41_000_000, decode_map(split(raw)[2]))
