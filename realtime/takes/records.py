"""The records of an MCAP file, as far as they can be read: a cut or a damaged place costs what it covers."""

from __future__ import annotations

import contextlib
import logging
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from mcap.exceptions import EndOfFile, InvalidMagic, McapError
from mcap.reader import SeekingReader
from mcap.records import Channel, Chunk, McapRecord, Message
from mcap.stream_reader import StreamReader, breakup_chunk
from zstandard import ZstdDecompressor, ZstdError

from engines.errors import UserError

_MAX_RECORD_BYTES = 64 << 20
_MAX_CHUNK_BYTES = 64 << 20  # unpacked; a recorder's own has 1 MiB
# A damaged length asks for more memory than there is, or for more than a file can have.
_DAMAGE = (McapError, ZstdError, ValueError, struct.error, MemoryError, OverflowError)

log = logging.getLogger("realtime.take")


def take_records(path: Path) -> Iterator[Channel | Message]:
    """Channels and messages in the order they were written. Raises UserError where the file is no recording."""
    begun = False
    try:
        with path.open("rb") as file:
            yield from _announced(file)
            file.seek(0)
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
        return breakup_chunk(_unpacked(record), validate_crc=True)
    except _DAMAGE as error:
        log.warning("a part of %s is damaged and left out: %s", path, _said(error))
        return []


def _announced(file: BinaryIO) -> list[Channel]:
    """The channels as the file's end tells them, where it has one: the part that introduced them may be damaged."""
    with contextlib.suppress(*_DAMAGE, OSError):  # too short a file has no end to go to
        summary = SeekingReader(file, record_size_limit=_MAX_RECORD_BYTES).get_summary()
        return list(summary.channels.values()) if summary else []
    return []


def _unpacked(chunk: Chunk) -> Chunk:
    """Bounded while it is unpacked: what a chunk says of its size, and how far it can be blown up, is its writer's."""
    if chunk.compression == "zstd":
        data = ZstdDecompressor().stream_reader(chunk.data).read(_MAX_CHUNK_BYTES + 1)
    elif chunk.compression == "lz4":
        import lz4.frame  # type: ignore[import-untyped, unused-ignore]

        data = lz4.frame.LZ4FrameDecompressor().decompress(chunk.data, max_length=_MAX_CHUNK_BYTES + 1)
    else:
        return chunk
    if len(data) > _MAX_CHUNK_BYTES:
        raise ValueError(f"a part unpacks to more than {_MAX_CHUNK_BYTES >> 20} MiB")
    return replace(chunk, compression="", data=data)


def _said(error: BaseException) -> str:
    return str(error) or type(error).__name__
