"""What producers and servers say to each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.wire import joining
from realtime.wire.framing import MAX_INT, MAX_TEXT, VersionError, WireError, encode_map
from realtime.wire.joining import AskClock, Clock, Join, Joined, Leave, Ping, Receipt, Refused

texts, times = st.text(max_size=MAX_TEXT), st.integers(0, MAX_INT)
REQUESTS = st.builds(Join, texts, texts) | st.builds(Ping, texts, texts) | st.builds(AskClock, times) | st.just(Leave())
ANSWERS = (
    st.just(Joined()) | st.builds(Refused, texts, texts) | st.builds(Receipt, st.integers(-1, MAX_INT))
    | st.builds(Clock, times, times, times)
)  # fmt: skip


@given(REQUESTS)
def test_requests_come_back(request: Join | Ping | AskClock | Leave) -> None:
    assert joining.decode_request(joining.encode_request(request)) == request


@given(ANSWERS)
def test_answers_come_back(answer: Joined | Refused | Receipt | Clock) -> None:
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
