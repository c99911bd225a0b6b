"""100,000 damaged messages into every decoder: each is read or refused with a WireError, in bounded time."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from realtime.bench.known_poses import known_frame, known_keypoints
from realtime.server.answer import answer
from realtime.wire.decode import decode_keypoints, decode_pose, decode_status
from realtime.wire.encode import encode_keypoints, encode_pose, encode_status
from realtime.wire.framing import WireError, decode_map, encode_map

MUTATIONS = 100_000
ABOUT = {"stream": "main", "session": "s", "seq": 1, "t_capture_ns": 2, "t_publish_ns": 3}
NASTY = (b"\xc1", b"\xdf\xff\xff\xff\xff", b"\xdd\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xff", b"\xd4\xff\x00", b"\x00",
         b"\xd7\xff" + b"\xff" * 8, b"1e999", b"[[[[", b"\xca\x7f\xc0\x00\x00", b"null", b"-1", b'"')  # fmt: skip


def mutate(message: bytes, random_: random.Random) -> bytes:
    """One to four of: flip, overwrite, insert, delete, repeat, cut; mostly beyond the topic."""
    data = bytearray(message)
    for _ in range(random_.randint(1, 4)):
        at = random_.randrange(len(data) + 1)
        kind = random_.randrange(6)
        if kind == 0 and at < len(data):
            data[at] ^= 1 << random_.randrange(8)
        elif kind == 1:
            data[at : at + 4] = random_.randbytes(4)
        elif kind == 2:
            data[at:at] = random_.choice(NASTY)
        elif kind == 3:
            del data[at : at + random_.randint(1, 16)]
        elif kind == 4:
            data[at:at] = data[at : at + random_.randint(1, 64)]
        else:
            del data[at:]
    return bytes(data)


def seeds(encoding: str) -> dict[str, bytes]:
    return {
        "pose": encode_pose(known_frame(0), **ABOUT, encoding=encoding),
        "keypoints": encode_keypoints(known_keypoints(0), **ABOUT, t_detect_ns=4, encoding=encoding),
        "status": encode_status({"v": 1, "state": "running", **ABOUT}, "main", encoding),
    }


DECODERS: dict[str, Callable[[bytes], object]] = {
    "pose": decode_pose, "keypoints": decode_keypoints, "status": decode_status,
}  # fmt: skip


@pytest.mark.parametrize("decoder", DECODERS)
def test_damaged_messages_are_read_or_refused(decoder: str) -> None:
    decode, random_, refused = DECODERS[decoder], random.Random(7), 0
    originals = [seeds(encoding)[decoder] for encoding in ("msgpack", "json")]
    for i in range(MUTATIONS):
        try:
            decode(mutate(originals[i % 2], random_))
        except WireError:
            refused += 1
    assert MUTATIONS // 2 < refused <= MUTATIONS


def test_damaged_requests_are_answered() -> None:
    random_ = random.Random(8)
    request = {"v": 1, "op": "clock", "t_client_ns": 10**18}
    originals = [encode_map(request, encoding) for encoding in ("msgpack", "json")]
    errors = 0
    for i in range(MUTATIONS):
        reply = decode_map(answer(mutate(originals[i % 2], random_), 1, dict, dict))
        errors += "error" in reply
        assert reply["v"] == 1
    assert errors > MUTATIONS // 4
