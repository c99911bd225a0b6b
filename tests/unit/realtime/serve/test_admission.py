"""The rules by which producers are let in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engines.lifting.load_lifter import load_lifter
from engines.lifting.poses import Lifter
from realtime.config import PlaceConfig
from realtime.serve.admission import MOST_NAMES, SILENT_NS, Admission, may_send
from realtime.serve.seat import Seat, new_seat
from realtime.wire.joining import BUSY, FULL, NAME, TAKEN, Join, Refused

OFF = PlaceConfig(floor="off")


@pytest.fixture(scope="module")
def lifter() -> Iterator[Lifter]:
    with load_lifter() as lifter:
        yield lifter


def seat(lifter: Lifter, stream: str) -> Seat:
    return new_seat(
        stream, b"peer", "", "life", 3, lifter=lifter, place=OFF, most_people=1, max_fps=60, first_id=0, now_ns=0
    )  # fmt: skip


def answer(
    stream: str, seats: dict[str, Seat], *, key: str = "", names: int = 0, busy: float = 0.0, now_ns: int = 0,
    life: str = "other",
) -> str:  # fmt: skip
    refused = Admission(2, 0.8).refuses(Join(stream, life), key, seats, names, busy, now_ns)
    return refused.code if isinstance(refused, Refused) else "joined"


def test_there_are_so_many_places(lifter: Lifter) -> None:
    seats = {name: seat(lifter, name) for name in ("a", "b")}
    assert answer("c", {}) == answer("c", {"a": seats["a"]}) == "joined"
    assert answer("c", seats) == FULL
    assert answer("a", seats, life="life") == "joined"  # who has a place keeps it


def test_nobody_new_comes_while_there_is_no_time(lifter: Lifter) -> None:
    assert answer("c", {}, busy=0.81) == BUSY
    assert answer("a", {"a": seat(lifter, "a")}, busy=0.81, life="life") == "joined"


def test_a_place_is_taken_over_by_its_own_producer_or_after_a_silence(lifter: Lifter) -> None:
    seats = {"a": seat(lifter, "a")}
    assert answer("a", seats) == answer("a", seats, now_ns=SILENT_NS) == TAKEN
    assert answer("a", seats, now_ns=SILENT_NS + 1) == "joined"
    assert answer("a", seats, life="life") == "joined"
    seats["a"].peer = b""  # its connection is gone
    assert answer("a", seats) == "joined"


def test_the_fused_streams_name_is_the_servers_own() -> None:
    refused = Admission(2, 0.8, own="main").refuses(Join("main", "life"), "", {}, 0, 0.0, 0)
    assert isinstance(refused, Refused)
    assert refused.code == NAME
    assert "fused of all cameras" in refused.message
    assert answer("main", {}) == "joined"


@pytest.mark.parametrize(
    ("key", "stream", "may"),
    [("", "any", True), ("door", "door", True), ("door", "door.left", True), ("door", "doors", False),
     ("door", "Door", False), ("door.left", "door", False)],
)  # fmt: skip
def test_a_key_sends_its_own_streams(key: str, stream: str, may: bool) -> None:
    assert may_send(key, stream) is may
    assert answer(stream, {}, key=key) == ("joined" if may else NAME)


def test_names_that_cannot_be_a_streams_and_names_without_end_are_refused() -> None:
    assert answer("a b", {}) == NAME
    assert answer("c", {}, names=MOST_NAMES) == FULL
