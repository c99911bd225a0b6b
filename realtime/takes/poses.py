"""The poses of a take, in the order they were recorded, each with the time of its source."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from engines.errors import UserError
from realtime.takes.take import read_take
from realtime.wire.decode import pose_message
from realtime.wire.framing import KEYPOINTS, POSE
from realtime.wire.messages import PoseMessage


def take_poses(path: Path, stream: str | None = None) -> list[PoseMessage]:
    """Of one stream: the only one, or that named. Where a publisher of before does not say the source's time in its
    poses, it is that of the frame's keypoints, if they were recorded. Raises UserError where there are none to choose.
    """
    poses: dict[str, list[PoseMessage]] = {}
    source_ns: dict[tuple[str, str, int], int] = {}
    for recorded in read_take(path):
        if recorded.kind == POSE:
            poses.setdefault(recorded.stream, []).append(pose_message(recorded.stream, recorded.fields))
        elif recorded.kind == KEYPOINTS:
            fields = recorded.fields
            source_ns[recorded.stream, fields["session"], fields["frame_id"]] = fields["source_ns"]
    if not poses:
        raise UserError(f"{path} holds no poses: record a stream that publishes them, or replay it with --lift -o")
    if stream is None and len(poses) > 1:
        raise UserError(f"{path} holds the streams {', '.join(sorted(poses))}: choose one with --stream")
    if stream is not None and stream not in poses:
        raise UserError(f"{path} holds no stream {stream}: choose one of {', '.join(sorted(poses))}")
    return [
        one if one.source_ns is not None
        else replace(one, source_ns=source_ns.get((one.stream, one.session, one.frame_id)))
        for one in poses[stream or next(iter(poses))]
    ]  # fmt: skip
