"""What producers and servers say to each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.wire import joining
from realtime.wire.framing import MAX_INT, MAX_TEXT, VersionError, WireError, encode_map
from realtime.wire.joining import (
    MOST_FIRST_ID,
    PAST,
    Answer,
    AskClock,
    Clock,
    Join,
    Joined,
    Leave,
    Moved,
    Ping,
    Primed,
    Receipt,
    Refused,
    Request,
)

texts, times = st.text(max_size=MAX_TEXT), st.integers(0, MAX_INT)
REQUESTS = (
    st.builds(Join, texts, texts, st.booleans(), texts, st.integers(-1, MOST_FIRST_ID), st.booleans())
    | st.builds(Ping, texts, texts) | st.builds(AskClock, times) | st.builds(Leave, st.booleans()) | st.just(Primed())
)  # fmt: skip
ANSWERS = (
    st.builds(Joined, st.integers(-1, MOST_FIRST_ID), st.integers(0, PAST))
    | st.builds(Moved, texts) | st.just(Primed())
    | st.builds(Refused, texts, texts) | st.builds(Receipt, st.integers(-1, MAX_INT))
    | st.builds(Clock, times, times, times)
)  # fmt: skip


@given(REQUESTS)
def test_requests_come_back(request: Request) -> None:
    assert joining.decode_request(joining.encode_request(request)) == request


@given(ANSWERS)
def test_answers_come_back(answer: Answer) -> None:
    assert joining.decode_answer(joining.encode_answer(answer)) == answer


@given(st.binary(max_size=200))
def test_anything_else_is_a_wire_error(body: bytes) -> None:
    for decode in (joining.decode_request, joining.decode_answer):
        with pytest.raises(WireError):
            decode(body)


def test_another_version_is_told_apart() -> None:
    for decode in (joining.decode_request, joining.decode_answer):
        with pytest.raises(VersionError):
            decode(encode_map({"v": 2, "op": "join"}))
        with pytest.raises(WireError, match="nonsense"):
            decode(encode_map({"v": 1, "op": "nonsense"}))


def test_those_of_an_earlier_day_say_nothing_of_the_past_or_of_moves() -> None:
    joins = encode_map({"v": 1, "op": "join", "stream": "door", "life": "one"})
    assert joining.decode_request(joins) == Join("door", "one", follows=False)
    assert joining.decode_request(encode_map({"v": 1, "op": "leave"})) == Leave(moved=False)
    assert joining.decode_answer(encode_map({"v": 1, "op": "joined"})) == Joined(first_id=-1, past=0)
