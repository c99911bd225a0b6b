"""Recordings that are damaged, or made to harm."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import pytest

pytest.importorskip("mcap")
from mcap.writer import CompressionType, Writer

from realtime.takes.take import Recorded, TakeWriter, copy_take, read_take

FIELDS = {"v": 1, "session": "s", "stream": "main", "state": "running", "t_publish_ns": 1}


def write(path: Path, count: int = 200) -> None:
    with TakeWriter(path, live=False) as take:
        for seq in range(count):
            take.add(Recorded("status", "main", seq + 1, {**FIELDS, "seq": seq, "pad": os.urandom(8000).hex()}))


def test_a_take_whose_first_part_is_damaged_keeps_its_channels(tmp_path: Path) -> None:
    path = tmp_path / "take.mcap"
    write(path)
    whole = [message.fields["seq"] for message in read_take(path)]
    data = bytearray(path.read_bytes())
    data[5000:5200] = bytes(200)
    path.write_bytes(data)
    kept = [message.fields["seq"] for message in read_take(path)]
    assert 0 < len(kept) < len(whole)
    assert kept == whole[-len(kept) :]


@pytest.mark.parametrize("compression", [CompressionType.ZSTD, CompressionType.LZ4])
def test_a_part_that_unpacks_to_hundreds_of_megabytes_is_left_out(
    tmp_path: Path, compression: CompressionType
) -> None:
    path = tmp_path / "bomb.mcap"
    with path.open("wb") as file:
        writer = Writer(file, chunk_size=1 << 30, compression=compression)
        writer.start()
        channel = writer.register_channel("/status/main", "json", 0)
        for _ in range(100):
            writer.add_message(channel, 1, bytes(2 << 20), 1)
        writer.finish()
    assert path.stat().st_size < 2 << 20
    tracemalloc.start()
    try:
        assert list(read_take(path)) == []
        assert tracemalloc.get_traced_memory()[1] < 160 << 20
    finally:
        tracemalloc.stop()


def test_a_copy_is_written_through_no_link_that_is_in_its_way(tmp_path: Path) -> None:
    path, target, victim = tmp_path / "take.mcap", tmp_path / "copy.mcap", tmp_path / "victim"
    write(path, 5)
    victim.write_text("mine")
    (tmp_path / f".copy.mcap.{os.getpid()}").symlink_to(victim)
    target.symlink_to(victim)
    copy_take(path, target, overwrite=True)
    assert victim.read_text() == "mine"
    assert len(list(read_take(target))) == 5
