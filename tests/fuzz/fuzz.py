"""Damaged bytes into everything that reads bytes of others, for as long as one likes: read, or refused in one sentence.

    python tests/fuzz/fuzz.py --seconds 60 --seed 1          # of each reader; or name some: wire take cards ...

Seeds are real messages and files (those of the version before lie in tests/previous). What raises anything else than
the error that is announced, takes longer than 20 s or more than 3 GB is kept in the folder --keep and ends the reader's
turn after ten. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import resource
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path

from engines.errors import UserError
from engines.plans.plan import PlanCard
from engines.toml_config import build
from realtime.bench.known_poses import known_frame, known_keypoints
from realtime.wire.encode import encode_keypoints, encode_pose, encode_status
from realtime.wire.framing import VersionError, WireError, encode_map

PREVIOUS = Path(__file__).resolve().parents[1] / "previous" / "files"
ABOUT = {"stream": "main", "session": "s", "seq": 1, "t_capture_ns": 2, "t_publish_ns": 3}
MOST_BYTES, MOST_S, MOST_KEPT = 3 << 30, 20.0, 10
NASTY = (
    b"\xc1", b"\xdf\xff\xff\xff\xff", b"\xdd\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xff", b"\xd4\xff\x00", b"\x00",
    b"\xd7\xff" + b"\xff" * 8, b"1e999", b"[[[[", b"\xca\x7f\xc0\x00\x00", b"null", b"-1", b'"', b"nan", b"{", b"}",
    b": ", b"\n", b"&a ", b"*a ", b"!!python/name:os.system ", b"9" * 40, b"\xff\xff\xff\xff", b"\x7f" * 8, b"'",
)  # fmt: skip
Reader = tuple[list[bytes], Callable[[bytes], object]]


def damaged(seeds: list[bytes], rng: random.Random) -> bytes:
    """One to six changes of a seed; now and then pure noise."""
    if rng.random() < 0.01:
        return rng.randbytes(rng.randrange(200))
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.randint(1, 6)):
        rng.choice((flip, overwrite, insert, delete, repeat, cut, splice, other_digit))(data, seeds, rng)
    return bytes(data)


def flip(data: bytearray, _: list[bytes], rng: random.Random) -> None:
    if data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def overwrite(data: bytearray, _: list[bytes], rng: random.Random) -> None:
    at = rng.randrange(len(data) + 1)
    data[at : at + 4] = rng.randbytes(4)


def insert(data: bytearray, _: list[bytes], rng: random.Random) -> None:
    at = rng.randrange(len(data) + 1)
    data[at:at] = rng.choice(NASTY)


def delete(data: bytearray, _: list[bytes], rng: random.Random) -> None:
    at = rng.randrange(len(data) + 1)
    del data[at : at + rng.randint(1, 64)]


def repeat(data: bytearray, _: list[bytes], rng: random.Random) -> None:
    at = rng.randrange(len(data) + 1)
    data[at:at] = data[at : at + rng.randint(1, 64)] * rng.randint(1, 8)


def cut(data: bytearray, _: list[bytes], rng: random.Random) -> None:
    if rng.random() < 0.3:
        del data[rng.randrange(len(data) + 1) :]


def splice(data: bytearray, seeds: list[bytes], rng: random.Random) -> None:
    other, at = rng.choice(seeds), rng.randrange(len(data) + 1)
    start = rng.randrange(len(other) + 1)
    data[at : at + 16] = other[start : start + rng.randint(1, 64)]


def other_digit(data: bytearray, _: list[bytes], rng: random.Random) -> None:
    digits = [i for i, byte in enumerate(data[:20_000]) if 48 <= byte <= 57]
    if digits:
        data[rng.choice(digits)] = rng.choice(b"0123456789-.e")


def readers(folder: Path) -> dict[str, Reader]:
    """Name -> what it starts from, and what reads it."""
    from calibration.floor.ground import load_ground
    from calibration.lens.camera_file import load_camera
    from calibration.person.body_scale import load_person
    from engines.models.card import WEIGHTS_DIR, read_card
    from engines.toml_config import read_toml
    from realtime.config import RunConfig
    from realtime.files.csv_file import read_csv
    from realtime.files.keypoints_file import read_npz
    from realtime.files.poses_file import read_poses
    from realtime.keys.key_files import read_pair
    from realtime.keys.key_store import read_allowed
    from realtime.server.answer import answer
    from realtime.takes.take import read_take
    from realtime.wire.decode import decode_keypoints, decode_pose, decode_status
    from realtime.wire.joining import decode_request

    def file(name: str, read: Callable[[Path], object]) -> Callable[[bytes], object]:
        def of_bytes(data: bytes) -> object:
            path = folder / name
            path.write_bytes(data)
            path.chmod(0o600)
            return read(path)

        return of_bytes

    def every_wire(data: bytes) -> None:
        for decode in (decode_pose, decode_keypoints, decode_status):
            try:
                decode(data)
            except WireError:
                continue

    def asked(data: bytes) -> None:
        assert answer(data, 1, lambda: {"session": "s"}, dict)
        decode_request(data)

    wire = [made for encoding in ("msgpack", "json") for made in (
        encode_pose(known_frame(0, 2), **ABOUT, encoding=encoding),
        encode_keypoints(known_keypoints(0), **ABOUT, t_detect_ns=4, encoding=encoding),
        encode_status({"v": 1, "state": "running", **ABOUT}, "main", encoding),
    )]  # fmt: skip
    requests = [encode_map({"v": 1, **fields}, encoding) for encoding in ("msgpack", "json") for fields in (
        {"op": "clock", "t_client_ns": 1}, {"op": "hello"}, {"op": "status"}, {"op": "leave"},
        {"op": "join", "stream": "door", "life": "x"}, {"op": "ping", "state": "running", "why": ""},
    )]  # fmt: skip
    every = {path: path.read_bytes() for path in PREVIOUS.rglob("*") if path.is_file()}

    def of(*patterns: str) -> list[bytes]:
        found = [data for path, data in every.items() if any(path.match(pattern) for pattern in patterns)]
        assert found, patterns
        return found

    weights = [path.read_bytes() for path in WEIGHTS_DIR.glob("*.json")]
    heads = ",".join(f"x{joint},y{joint},score{joint}" for joint in range(17))
    cells = ",".join(f"{10 * joint}.5,{joint},0.9" for joint in range(17))
    rows = "\n".join(f"{frame},{cells}" for frame in range(4))
    table = f"frame,{heads}\n{rows}\n".encode()
    return {
        "wire": (wire, every_wire),
        "rpc": (requests, asked),
        "take": (of("*.mcap"), file("fuzz.mcap", lambda path: list(read_take(path)))),
        "keypoints": (of("keypoints.npz"), file("fuzz.npz", read_npz)),
        "csv": ([table], file("fuzz.csv", lambda path: read_csv(path, None, 30.0, (640, 480)))),
        "poses": (of("lifted*.npz"), file("poses.npz", read_poses)),
        "cards": ([*weights, *of("paper-9.json")], file("fuzz.json", read_card)),
        "plan cards": ([a_plan_card()], plan_card),
        "camera": (of("cameras/*.yaml", "cameras/*/*.yaml", "camera-guess.yaml"), file("camera.yaml", load_camera)),
        "ground": (of("ground*.yaml"), file("ground.yaml", load_ground)),
        "person": (of("people/*.yaml"), file("person.yaml", load_person)),
        "settings": (of("run.toml"), file("run.toml", lambda path: build(RunConfig, read_toml(path), str(path)))),
        "keys": (of("*.key_secret"), file("fuzz.key_secret", read_pair)),
        "allowed": (of("keys/allowed"), file("allowed", read_allowed)),
    }


def a_plan_card() -> bytes:
    """Not of a plan, but with all that a plan's card has."""
    simple = {"int": 1, "str": "x", "float": 1.0, "bool": True}
    return json.dumps({each.name: simple.get(str(each.type), {}) for each in fields(PlanCard)}).encode()


def plan_card(data: bytes) -> object:
    """Behind the fingerprint, which nobody who means harm would leave wrong."""
    raw = json.loads(data)
    if not isinstance(raw, dict):
        raise UserError("no card")
    return build(PlanCard, raw, "the card")


REFUSED = {"plan cards": (UserError, ValueError, RecursionError)}  # JSON's own errors, dealt with above it


def turn(name: str, reader: Reader, seconds: float, rng: random.Random, keep: Path) -> dict[str, object]:
    """One reader for so long."""
    seeds, read = reader
    tried = understood = 0
    bad: list[str] = []
    slowest_s = 0.0
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s and len(bad) < MOST_KEPT:
        data, start_s = damaged(seeds, rng), time.monotonic()
        tried += 1
        try:
            read(data)
            understood += 1
        except REFUSED.get(name, (UserError, WireError, VersionError)):
            pass
        except Exception as error:  # noqa: BLE001 what is looked for
            bad.append(_kept(keep, name, len(bad), data, error))
        took_s = time.monotonic() - start_s
        slowest_s = max(slowest_s, took_s)
        if took_s > MOST_S:
            bad.append(_kept(keep, name, len(bad), data, TimeoutError(f"{took_s:.0f} s")))
    return {"tried": tried, "understood": understood, "bad": bad, "slowest_ms": round(1000 * slowest_s, 1)}


def _kept(keep: Path, name: str, number: int, data: bytes, error: Exception) -> str:
    keep.mkdir(parents=True, exist_ok=True)
    (keep / f"{name}-{number}").write_bytes(data)
    (keep / f"{name}-{number}.txt").write_text("".join(traceback.format_exception(error)))
    last = traceback.extract_tb(error.__traceback__)[-1:]
    where = f"{Path(last[0].filename).name}:{last[0].lineno}" if last else ""
    return f"{type(error).__name__}: {error!s:.100} at {where}"


def chosen(names: list[str], known: dict[str, Reader]) -> Iterator[tuple[str, Reader]]:
    for name in names or known:
        if name not in known:
            sys.exit(f"no reader is called {name}: choose of {', '.join(known)}")
        yield name, known[name]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("readers", nargs="*")
    parser.add_argument("--seconds", type=float, default=60.0, help="for each reader")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-found"))
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_BYTES, MOST_BYTES))
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    told: dict[str, dict[str, object]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, reader in chosen(options.readers, readers(Path(folder))):
            told[name] = turn(name, reader, options.seconds, random.Random(f"{options.seed} {name}"), options.keep)
            sys.stderr.write(f"{name}: {told[name]}\n")
    sys.stdout.write(json.dumps(told) + "\n")
    sys.exit(any(one["bad"] for one in told.values()))


if __name__ == "__main__":
    main()
