"""The records of an MCAP file, as far as they can be read: a cut or a damaged place costs what it covers."""

from __future__ import annotations

import logging
import struct
from collections.abc import Iterator
from pathlib import Path

from mcap.exceptions import EndOfFile, InvalidMagic, McapError
from mcap.records import Channel, Chunk, McapRecord, Message
from mcap.stream_reader import StreamReader, breakup_chunk
from zstandard import ZstdError

from engines.errors import UserError

_MAX_RECORD_BYTES = 64 << 20
# A damaged length asks for more memory than there is, or for more than a file can have.
_DAMAGE = (McapError, ZstdError, ValueError, struct.error, MemoryError, OverflowError)

log = logging.getLogger("realtime.take")


def take_records(path: Path) -> Iterator[Channel | Message]:
    """Channels and messages in the order they were written. Raises UserError where the file is no recording."""
    begun = False
    try:
        with path.open("rb") as file:
            reader = StreamReader(file, emit_chunks=True, record_size_limit=_MAX_RECORD_BYTES)
            for record in reader.records:
                begun = True
                for inner in _inside(record, path):
                    if isinstance(inner, Channel | Message):
                        yield inner
    except OSError as error:
        raise UserError(f"cannot read {path} ({error.strerror}): check the path") from error
    except EndOfFile:
        log.warning("%s ends early, its recorder was stopped hard: 'realtime replay %s -o NEW.mcap' writes what there "
                    "is as a whole file", path, path)  # fmt: skip
    except _DAMAGE as error:
        if isinstance(error, InvalidMagic) and not begun:
            raise UserError(f"{path} is no recording: it must be an .mcap file of 'realtime record'") from error
        log.warning("%s is damaged, what follows is lost: %s", path, _said(error))


def _inside(record: McapRecord, path: Path) -> list[McapRecord]:
    """A chunk's records, none of a damaged one; any other record itself."""
    if not isinstance(record, Chunk):
        return [record]
    try:
        return breakup_chunk(record, validate_crc=True)
    except _DAMAGE as error:
        log.warning("a part of %s is damaged and left out: %s", path, _said(error))
        return []


def _said(error: BaseException) -> str:
    return str(error) or type(error).__name__
