"""Recordings: MCAP files with a JSON channel for each topic, which Foxglove opens; written so that a kill costs little.

Every quarter of a second the chunk in progress is finished and handed to the system, once a second to the disk. A file
whose end is missing is read up to its last whole chunk.
"""

from __future__ import annotations

import contextlib
import logging
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.errors import UserError
from realtime.clock import NS_PER_S, monotonic_ns
from realtime.wire import KINDS, Fields, WireError, decode_map, encode_map, topic

if TYPE_CHECKING:
    from mcap.writer import Writer

FLUSH_S, SYNC_S = 0.25, 1.0
CHUNK_BYTES = 1 << 20  # a live chunk ends with time, hardly ever with size
_MAX_RECORD_BYTES = 64 << 20
_NEEDS_EXTRA = "recordings need the package mcap: run pip install 'realtime-pose[record]'"

log = logging.getLogger("realtime.take")


@dataclass(frozen=True, slots=True)
class Recorded:
    """One message of a recording."""

    kind: str  # pose3d | keypoints2d | status
    stream: str
    log_time_ns: int  # Unix ns, when it was recorded
    fields: Fields  # the body, as in PROTOCOL.md


class TakeWriter:
    """Writes a recording. A context manager; `close` adds the index that makes seeking in a viewer quick."""

    def __init__(self, path: Path, *, overwrite: bool = False, live: bool = True) -> None:
        """Not `live`: chunks end with their size alone, so that the same messages make the same file, and the file is
        there once all is in it: a context that an error leaves leaves what was there before.

        Raises UserError where the file exists or cannot be written.
        """
        try:
            from mcap.writer import Writer
        except ImportError as error:
            raise UserError(_NEEDS_EXTRA) from error
        self._aside = None if live else path.with_name(f".{path.name}.{os.getpid()}")
        try:
            if self._aside is None:
                self._file = path.open("wb" if overwrite else "xb")
            elif path.exists() and not overwrite:
                raise FileExistsError
            else:
                self._file = self._aside.open("wb")
        except FileExistsError as error:
            raise UserError(f"{path} exists: choose another name or add --overwrite") from error
        except OSError as error:
            raise UserError(f"cannot write {path} ({error.strerror}): choose another place") from error
        self.path, self._live = path, live
        self._writer: Writer = Writer(self._file, chunk_size=CHUNK_BYTES)
        self._writer.start(profile="", library="realtime")  # type: ignore[no-untyped-call, unused-ignore]
        self._channels: dict[tuple[str, str], int] = {}
        self._schemas: dict[str, int] = {}
        self._flushed_ns = self._synced_ns = monotonic_ns()

    def __enter__(self) -> TakeWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self.close()
            if self._aside is not None and kind is None:
                self._guard(os.replace, self._aside, self.path)
        finally:
            if self._aside is not None:
                self._aside.unlink(missing_ok=True)

    def add(self, message: Recorded) -> None:
        """Raises UserError when the disk is full."""
        key = (message.kind, message.stream)
        if key not in self._channels:
            self._channels[key] = self._channel(*key)
        sequence, published_ns = message.fields.get("seq", 0), message.fields.get("t_publish_ns", message.log_time_ns)
        body = encode_map(message.fields, "json")
        self._guard(
            self._writer.add_message, self._channels[key], message.log_time_ns, body, published_ns, sequence % 2**32
        )
        if self._live:
            self.flush_when_due()

    def flush_when_due(self) -> None:
        """To be called at least every quarter of a second, also while nothing comes."""
        now_ns = monotonic_ns()
        if now_ns - self._flushed_ns >= FLUSH_S * NS_PER_S:
            self._guard(self._writer.flush)
            self._flushed_ns = now_ns
        if now_ns - self._synced_ns >= SYNC_S * NS_PER_S:
            self._guard(os.fsync, self._file.fileno())
            self._synced_ns = now_ns

    def close(self) -> None:
        if self._file.closed:
            return
        try:
            self._guard(self._writer.finish)
            self._guard(self._file.flush)
            self._guard(os.fsync, self._file.fileno())
        finally:
            with contextlib.suppress(OSError):  # what it still holds back does not fit, as has been said
                self._file.close()

    def _channel(self, kind: str, stream: str) -> int:
        if kind not in self._schemas:
            schema = Path(__file__).with_name(f"{kind}.schema.json").read_bytes()
            self._schemas[kind] = self._writer.register_schema(kind, "jsonschema", schema)
        return self._writer.register_channel(f"/{kind}/{stream}", "json", self._schemas[kind])

    def _guard(self, work: Any, *args: Any) -> None:
        try:
            work(*args)
        except OSError as error:
            kept = "what was there before" if self._aside else "what came before"
            raise UserError(f"cannot go on writing {self.path} ({error.strerror}): {kept} is kept") from error


def read_take(path: Path) -> Iterator[Recorded]:
    """The messages of a recording in the order they were written, also of one whose end is missing (logged).

    Channels of other programs are passed over. Raises UserError where the file is no recording.
    """
    try:
        from mcap.exceptions import InvalidMagic, McapError
        from mcap.records import Channel, Message
        from mcap.stream_reader import StreamReader
        from zstandard import ZstdError
    except ImportError as error:
        raise UserError(_NEEDS_EXTRA) from error
    channels: dict[int, tuple[str, str]] = {}
    try:
        with path.open("rb") as file:
            reader = StreamReader(file, validate_crcs=True, record_size_limit=_MAX_RECORD_BYTES)
            for record in reader.records:
                if isinstance(record, Channel):
                    channels.update(_known(record.id, record.topic, record.message_encoding))
                elif isinstance(record, Message) and record.channel_id in channels:
                    yield Recorded(*channels[record.channel_id], record.log_time, decode_map(record.data))
    except InvalidMagic as error:
        raise UserError(f"{path} is no recording: it must be an .mcap file of 'realtime record'") from error
    except OSError as error:
        raise UserError(f"cannot read {path} ({error.strerror}): check the path") from error
    # A damaged length asks for more memory than there is, or for more than a file can have.
    except (McapError, ZstdError, ValueError, struct.error, MemoryError, OverflowError) as error:
        log.warning("%s ends early, its recorder was stopped hard: %s", path, str(error) or type(error).__name__)


def _known(channel: int, name: str, encoding: str) -> dict[int, tuple[str, str]]:
    kind, _, stream = name.lstrip("/").partition("/")
    if kind not in KINDS or encoding != "json":
        return {}
    try:
        topic(kind, stream)
    except WireError:
        return {}
    return {channel: (kind, stream)}
