"""A take that Foxglove's 3D and image panels show as it is: its own messages, and beside them what Foxglove draws.

It stays a take: what replays a recording passes over the channels that were added.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.errors import UserError
from realtime.bridge.foxglove_messages import image_annotations, scene, transforms
from realtime.takes.schema import take_schema
from realtime.takes.take import Recorded, read_take
from realtime.wire.decode import keypoints_message, pose_message
from realtime.wire.framing import KEYPOINTS, POSE, encode_map

if TYPE_CHECKING:
    from mcap.writer import Writer


def write_foxglove(source: Path, stream: str | None, path: Path) -> str:
    """One stream of a take. Raises UserError where it has several and none is named, or no poses."""
    from mcap.writer import Writer

    poses, streams = 0, set()
    with path.open("wb") as file:
        writer = Writer(file)
        writer.start(profile="", library="realtime")  # type: ignore[no-untyped-call, unused-ignore]
        channels = _Channels(writer)
        for recorded in read_take(source):
            if stream not in (None, recorded.stream):
                continue
            streams.add(recorded.stream)
            poses += recorded.kind == POSE
            channels.add(recorded)
        writer.finish()  # type: ignore[no-untyped-call, unused-ignore]
    if len(streams) > 1:
        raise UserError(f"{source} holds the streams {', '.join(sorted(streams))}: choose one with --stream")
    if not poses:
        raise UserError(f"{source} holds no poses{f' on stream {stream}' if stream else ''}: there is nothing to show")
    return f"{poses} frames, with /people, /tf and /keypoints for Foxglove"


class _Channels:
    """Opened as they are needed."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._ids: dict[str, int] = {}

    def add(self, recorded: Recorded) -> None:
        body = encode_map(recorded.fields, "json")
        topic = f"/{recorded.kind}/{recorded.stream}"
        if topic not in self._ids:
            schema = self._writer.register_schema(recorded.kind, "jsonschema", take_schema(recorded.kind))
            self._ids[topic] = self._writer.register_channel(topic, "json", schema)
        self._log(topic, recorded, body)
        for topic, message in _drawn(recorded):
            if topic not in self._ids:
                known = message.get_schema()
                schema = self._writer.register_schema(known.name, known.encoding, known.data)
                self._ids[topic] = self._writer.register_channel(topic, "protobuf", schema)
            self._log(topic, recorded, message.encode())

    def _log(self, topic: str, recorded: Recorded, body: bytes) -> None:
        published_ns, sequence = recorded.fields["t_publish_ns"], recorded.fields["seq"] % 2**32
        self._writer.add_message(self._ids[topic], recorded.log_time_ns, body, published_ns, sequence)


def _drawn(recorded: Recorded) -> Iterator[tuple[str, Any]]:
    if recorded.kind == POSE:
        pose = pose_message(recorded.stream, recorded.fields)
        yield "/people", scene(pose)
        yield "/tf", transforms(pose)
    elif recorded.kind == KEYPOINTS:
        yield "/keypoints", image_annotations(keypoints_message(recorded.stream, recorded.fields))
