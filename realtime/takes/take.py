"""Recordings: MCAP files with a JSON channel for each topic, which Foxglove opens; written so that a kill costs little.

Every quarter of a second the chunk in progress is finished and handed to the system, once a second to the disk. A file
whose end is missing is read up to its last whole chunk; a copy of it (`copy_take`) has its index again.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from engines.errors import UserError
from engines.extras import pip_install
from engines.write_aside import already_there, refuse_existing
from realtime.clock import NS_PER_S, monotonic_ns
from realtime.takes.schema import take_schema
from realtime.wire.decode import check
from realtime.wire.fields import integer
from realtime.wire.framing import KINDS, Fields, VersionError, WireError, decode_map, encode_map, topic

if TYPE_CHECKING:
    from mcap.writer import Writer

FLUSH_S, SYNC_S = 0.25, 1.0
CHUNK_BYTES = 1 << 20  # a live chunk ends with time, hardly ever with size

log = logging.getLogger("realtime.take")


@dataclass(frozen=True, slots=True)
class Recorded:
    """One message of a recording."""

    kind: str  # pose3d | keypoints2d | status
    stream: str
    log_time_ns: int  # Unix ns, when it was recorded
    fields: Fields  # the body, as in PROTOCOL.md


class TakeWriter:
    """Writes a recording. A context manager; `close` adds the index that makes seeking in a viewer quick.

    The file is begun by the first message: where none comes, what was there before stays.
    """

    def __init__(self, path: Path, *, overwrite: bool = False, live: bool = True) -> None:
        """Not `live`: chunks end with their size alone, so that the same messages make the same file, and the file is
        there once all is in it: a context that an error leaves leaves what was there before.

        Raises UserError where the file exists or cannot be written.
        """
        try:
            import mcap.writer  # noqa: F401 -- is it there?
        except ImportError as error:
            raise UserError(f"recordings need the package mcap: run {pip_install('record')}") from error
        refuse_existing(path, overwrite)
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise UserError(f"cannot write {path}: choose another place")
        self.path, self._live, self._overwrite = path, live, overwrite
        self._aside = None if live else path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        self._file: BinaryIO | None = None
        self._writer: Writer | None = None
        self._channels: dict[tuple[str, str], int] = {}
        self._schemas: dict[str, int] = {}
        self._flushed_ns = self._synced_ns = monotonic_ns()

    def __enter__(self) -> TakeWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self.close()
            if self._aside is not None and self._aside.exists() and kind is None:
                self._guard(os.replace, self._aside, self.path)
        finally:
            if self._aside is not None:
                self._aside.unlink(missing_ok=True)

    def add(self, message: Recorded) -> None:
        """Raises WireError for a message that cannot be written, UserError when the disk is full."""
        sequence, published_ns = integer(message.fields, "seq"), integer(message.fields, "t_publish_ns")
        body = encode_map(message.fields, "json")
        writer = self._writer or self._begin()
        key = (message.kind, message.stream)
        if key not in self._channels:
            self._channels[key] = self._channel(writer, *key)
        self._guard(
            writer.add_message, self._channels[key], message.log_time_ns, body, published_ns, sequence % 2**32
        )
        if self._live:
            self.flush_when_due()

    def flush_when_due(self) -> None:
        """To be called at least every quarter of a second, also while nothing comes."""
        if self._writer is None or self._file is None:
            return
        now_ns = monotonic_ns()
        if now_ns - self._flushed_ns >= FLUSH_S * NS_PER_S:
            self._guard(self._writer.flush)
            self._flushed_ns = now_ns
        if now_ns - self._synced_ns >= SYNC_S * NS_PER_S:
            self._guard(os.fsync, self._file.fileno())
            self._synced_ns = now_ns

    def close(self) -> None:
        if self._writer is None or self._file is None or self._file.closed:
            return
        try:
            self._guard(self._writer.finish)
            self._guard(self._file.flush)
            self._guard(os.fsync, self._file.fileno())
            if os.fstat(self._file.fileno()).st_nlink == 0:
                raise UserError(f"{self.path} was removed while it was written: nothing of it is left")
        finally:
            with contextlib.suppress(OSError):  # what it still holds back does not fit, as has been said
                self._file.close()

    def _begin(self) -> Writer:
        from mcap.writer import Writer

        try:
            self._file = (self._aside or self.path).open("wb" if self._overwrite and self._aside is None else "xb")
        except FileExistsError as error:
            raise already_there(self.path) from error
        except OSError as error:
            raise UserError(f"cannot write {self.path} ({error.strerror}): choose another place") from error
        self._writer = Writer(self._file, chunk_size=CHUNK_BYTES)
        self._writer.start(profile="", library="realtime")  # type: ignore[no-untyped-call, unused-ignore]
        return self._writer

    def _channel(self, writer: Writer, kind: str, stream: str) -> int:
        if kind not in self._schemas:
            self._schemas[kind] = writer.register_schema(kind, "jsonschema", take_schema(kind))
        return writer.register_channel(f"/{kind}/{stream}", "json", self._schemas[kind])

    def _guard(self, work: Any, *args: Any) -> None:
        try:
            work(*args)
        except OSError as error:
            kept = "what was there before" if self._aside else "what came before"
            raise UserError(f"cannot go on writing {self.path} ({error.strerror}): {kept} is kept") from error


def read_take(path: Path) -> Iterator[Recorded]:
    """The messages of a recording in the order they were written, also of one whose end is missing (logged).

    Channels of other programs are passed over, and so are messages that break the protocol (logged). Raises UserError
    where the file is no recording, VersionError where it is of another version.
    """
    try:
        from mcap.records import Channel

        from realtime.takes.records import take_records
    except ImportError as error:
        raise UserError(f"recordings need the package mcap: run {pip_install('record')}") from error
    channels: dict[int, tuple[str, str]] = {}
    skipped = 0
    for record in take_records(path):
        if isinstance(record, Channel):
            channels.update(_known(record.id, record.topic, record.message_encoding))
        elif record.channel_id in channels:
            kind, stream = channels[record.channel_id]
            try:
                fields = decode_map(record.data)
                check(kind, stream, fields)
            except VersionError:
                raise
            except WireError as error:
                skipped += 1
                if skipped == 1:
                    log.warning("a message of %s is left out: %s", path, error)
                continue
            yield Recorded(kind, stream, record.log_time, fields)
    if skipped:
        log.warning("%d messages of %s were left out", skipped, path)


def copy_take(path: Path, target: Path, *, overwrite: bool = False) -> int:
    """Writes what can be read of a recording as a whole one, index and all; returns the number of messages.

    `target` may be `path`. Raises UserError where there is nothing to write.
    """
    count = 0
    with TakeWriter(target, overwrite=overwrite, live=False) as take:
        for recorded in read_take(path):
            take.add(recorded)
            count += 1
    if count == 0:
        raise UserError(f"{path} holds no messages: nothing was written")
    return count


def _known(channel: int, name: str, encoding: str) -> dict[int, tuple[str, str]]:
    kind, _, stream = name.lstrip("/").partition("/")
    if kind not in KINDS or encoding != "json":
        return {}
    try:
        topic(kind, stream)
    except WireError:
        return {}
    return {channel: (kind, stream)}
