"""The keypoint ring: shared memory, one writer, many readers, the newest records win.

Record number n (from 1) lives in slot n % slots. A slot's sequence word is 2n - 1 while record n is being written
and 2n once it is whole (a seqlock); the ring's head word is the number of the newest whole record. A reader copies
the slot, then looks at the sequence word again and at a checksum over the sequence and the bytes: the word catches
a writer that came by, the checksum covers processors that make stores visible out of order. So a torn record is never
accepted. A reader that was overrun resumes at the newest record and counts what it lost.
"""

from __future__ import annotations

import struct
import time
import zlib

import numpy as np

from engines.errors import UserError
from engines.models.skeleton import FEET, HANDS, JOINTS
from realtime.closing import Closing
from realtime.contracts import Keypoints2D, Person2D, Stamp
from realtime.process.doorbell import Doorbell
from realtime.ring.segment import Segment

SLOTS = 512  # 8.1 s of a 60 fps camera: the whole memory of a 243-frame model
MAX_PEOPLE = 8
_MAGIC = 0x5254_504F_5345_0004  # "RTPOSE", layout 4
# Words of the header, each 8 bytes.
_LAYOUT, _SLOTS, _PEOPLE, _HEAD, _FINISHED, _CONSUMED = range(6)
_HEADER_BYTES = 64
# A slot: the sequence word, a word of length << 32 | checksum, the record.
_SLOT_WORDS_BYTES = 16
_RECORD = struct.Struct("<5q4i")  # frame_id, capture, source, detected, dropped; width, height, persons, flags
_PERSON = np.dtype([("track_id", "<i8"), ("xy_px", "<f4", (JOINTS, 2)), ("score", "<f4", (JOINTS,)),
                    ("feet", "<f4", (len(FEET), 3)), ("hands", "<f4", (len(HANDS), 3))])  # fmt: skip
_REPEATED, _WITH_FEET, _WITH_HANDS = 1, 2, 4  # flags
_POLL_S = 0.0005  # for readers without a doorbell


def _slot_bytes(max_people: int) -> int:
    used = _SLOT_WORDS_BYTES + _RECORD.size + max_people * _PERSON.itemsize
    return -(-used // 64) * 64  # whole cache lines: the words stay aligned


class Ring(Closing):
    """One end of the ring. Only one process may write. Close it everywhere, unlink it once."""

    def __init__(self, name: str, segment: Segment, doorbell: Doorbell | None) -> None:
        self.name = name
        self._segment = segment
        self._memory = memoryview(segment.mapping)
        self._words = self._memory.cast("Q")
        if self._words[_LAYOUT] != _MAGIC:
            self.close()
            raise UserError(f"shared memory {segment.path} is of another version of realtime: stop that one first")
        self.slots = self._words[_SLOTS]
        self.max_people = self._words[_PEOPLE]
        self._slot_bytes = _slot_bytes(self.max_people)
        self._doorbell = doorbell
        self._scratch = bytearray(_RECORD.size + self.max_people * _PERSON.itemsize)
        self._persons = np.frombuffer(self._scratch, _PERSON, offset=_RECORD.size)

    @classmethod
    def create(
        cls, name: str, slots: int = SLOTS, max_people: int = MAX_PEOPLE, doorbell: Doorbell | None = None
    ) -> Ring:
        """Raises UserError where there is no room, ValueError for a name in use."""
        segment = Segment.create(name, _HEADER_BYTES + slots * _slot_bytes(max_people))
        struct.pack_into("@3Q", segment.mapping, 0, _MAGIC, slots, max_people)
        return cls(name, segment, doorbell)

    @classmethod
    def attach(cls, name: str, doorbell: Doorbell | None = None) -> Ring:
        """Raises UserError where there is no such ring. With the writer's doorbell, readers wake at once."""
        return cls(name, Segment.attach(name), doorbell)

    @property
    def head(self) -> int:
        """Number of the newest whole record; 0 before the first."""
        return int(self._words[_HEAD])

    @property
    def finished(self) -> bool:
        """The writer has said that nothing more will come."""
        return bool(self._words[_FINISHED])

    def finish(self) -> None:
        self._words[_FINISHED] = 1
        if self._doorbell is not None:
            self._doorbell.ring()

    @property
    def consumed(self) -> int:
        """Number of the newest record whose work is done; a writer that must not drop waits for it."""
        return int(self._words[_CONSUMED])

    def mark_consumed(self, number: int) -> None:
        self._words[_CONSUMED] = number

    def write(self, keypoints: Keypoints2D) -> None:
        """Raises ValueError for more persons than the ring was made for."""
        length = self._encode(keypoints)
        number = self.head + 1
        start = _HEADER_BYTES + (number % self.slots) * self._slot_bytes
        record = memoryview(self._scratch)[:length]
        self._words[start // 8] = 2 * number - 1
        self._memory[start + _SLOT_WORDS_BYTES : start + _SLOT_WORDS_BYTES + length] = record
        self._words[start // 8 + 1] = length << 32 | _checksum(record, number)
        self._words[start // 8] = 2 * number
        self._words[_HEAD] = number
        if self._doorbell is not None:
            self._doorbell.ring()

    def record(self, number: int) -> Keypoints2D | None:
        """Record `number`, or None where it is not there: not yet, no longer, or overwritten during the copy."""
        start = _HEADER_BYTES + (number % self.slots) * self._slot_bytes
        if number < 1 or self._words[start // 8] != 2 * number:
            return None
        check = self._words[start // 8 + 1]
        length = check >> 32
        if length > len(self._scratch):
            return None
        record = bytes(self._memory[start + _SLOT_WORDS_BYTES : start + _SLOT_WORDS_BYTES + length])
        if self._words[start // 8] != 2 * number or check & 0xFFFF_FFFF != _checksum(record, number):
            return None
        return _decode(record)

    def reader(self) -> RingReader:
        """Starts behind the newest record: it reads what is written from now on."""
        return RingReader(self, self._doorbell)

    def close(self) -> None:
        self._words.release()
        self._memory.release()
        self._segment.close()

    def unlink(self) -> None:
        self._segment.unlink()

    def _encode(self, keypoints: Keypoints2D) -> int:
        persons, stamp = keypoints.persons, keypoints.stamp
        if len(persons) > self.max_people:
            raise ValueError(f"{len(persons)} persons in a ring made for {self.max_people}")
        with_feet = bool(persons) and persons[0].feet is not None  # a detector gives everybody's or nobody's
        with_hands = bool(persons) and persons[0].hands is not None
        flags = _REPEATED * keypoints.repeated | _WITH_FEET * with_feet | _WITH_HANDS * with_hands
        _RECORD.pack_into(self._scratch, 0, stamp.frame_id, stamp.capture_ns, stamp.source_ns, keypoints.detected_ns,
                          keypoints.dropped, *keypoints.image_wh, len(persons), flags)  # fmt: skip
        for row, person in enumerate(persons):
            self._persons["track_id"][row] = person.track_id
            self._persons["xy_px"][row] = person.xy_px
            self._persons["score"][row] = person.score
            if with_feet:
                self._persons["feet"][row] = np.nan if person.feet is None else person.feet
            if with_hands:
                self._persons["hands"][row] = np.nan if person.hands is None else person.hands
        return _RECORD.size + len(persons) * _PERSON.itemsize


class RingReader:
    """A reader with its own place in the ring. `lost` counts the records it never saw."""

    def __init__(self, ring: Ring, doorbell: Doorbell | None) -> None:
        self._ring = ring
        self._doorbell = doorbell
        self.position = ring.head  # number of the last record read
        self.lost = 0

    def read_next(self, timeout_s: float) -> Keypoints2D | None:
        """The next record; after an overrun the newest one. None where nothing came in time."""
        deadline = time.monotonic() + timeout_s
        while True:
            keypoints = self._take()
            if keypoints is not None:
                return keypoints
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            if self._doorbell is not None:
                self._doorbell.wait(left)
            else:
                time.sleep(min(left, _POLL_S))

    def latest(self) -> Keypoints2D | None:
        """The newest record, read or not; None before the first. Reading goes on behind it."""
        found = self.history(1)
        return found[-1] if found else None

    def history(self, count: int, last: int | None = None) -> list[Keypoints2D]:
        """Up to `count` records that end with number `last` (the newest), oldest first. Reading goes on behind them."""
        self.position = self._ring.head if last is None else last
        numbers = range(max(1, self.position - count + 1), self.position + 1)
        found = (self._ring.record(number) for number in numbers)
        return [keypoints for keypoints in found if keypoints is not None]

    def _take(self) -> Keypoints2D | None:
        while self.position < self._ring.head:
            keypoints = self._ring.record(self.position + 1)
            if keypoints is not None:
                self.position += 1
                return keypoints
            newest = self._ring.head
            # Overrun: go to the newest. Where that one itself is unreadable, it is lost too, and the next is awaited.
            skip = max(1, newest - 1 - self.position)
            self.position += skip
            self.lost += skip
        return None


def _checksum(record: bytes | memoryview, number: int) -> int:
    return zlib.crc32(record, number & 0xFFFF_FFFF)


def _decode(record: bytes) -> Keypoints2D:
    """The arrays are read-only views of `record`, a private copy."""
    frame_id, capture_ns, source_ns, detected_ns, dropped, width, height, count, flags = _RECORD.unpack_from(record)
    rows = np.frombuffer(record, _PERSON, count, offset=_RECORD.size)
    feet = rows["feet"] if flags & _WITH_FEET else (None,) * count
    hands = rows["hands"] if flags & _WITH_HANDS else (None,) * count
    persons = tuple(Person2D(int(row["track_id"]), row["xy_px"], row["score"], *own)
                    for row, *own in zip(rows, feet, hands, strict=True))  # fmt: skip
    stamp = Stamp(frame_id, capture_ns, source_ns)
    return Keypoints2D(stamp, (width, height), persons, detected_ns, dropped, bool(flags & _REPEATED))
