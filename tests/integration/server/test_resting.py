"""A stream that has ended while others go on: it says so once, is named no more, and may begin again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from publishing import LOOPBACK, send
from waiting import until

from realtime.client.ask import RpcClient
from realtime.client.status import StatusListener
from realtime.client.subscribe import Subscriber
from realtime.server.publish import Publisher


@pytest.fixture
def many() -> Iterator[Publisher]:
    """A publisher without a stream of its own."""
    with Publisher(LOOPBACK, LOOPBACK, None) as opened:
        yield opened


def test_a_resting_stream_says_so_and_is_named_no_more(many: Publisher) -> None:
    with StatusListener(many.address, "door") as door, RpcClient(many.rpc_address) as client:
        until(lambda: (newest := door.latest()) is not None and newest["state"] == "running",
              lambda: (send(many, stream="door"), send(many, stream="hall")))  # fmt: skip
        many.rest("door")
        until(lambda: door.latest()["state"] == "stopped")
        assert client.ask("hello")["streams"] == ["hall"]
        assert set(client.ask("status")["streams"]) == {"hall"}


def test_a_stream_that_begins_again_goes_on_in_its_numbers(many: Publisher) -> None:
    with Subscriber(many.address, "door") as subscriber:
        until(lambda: subscriber.latest() is not None, lambda: send(many, stream="door"))
        many.rest("door")
        last = many.sent("door")
        send(many, stream="door")
        until(lambda: subscriber.latest().seq == last)
        assert subscriber.gaps == 0
        assert subscriber.sessions == 1
    with RpcClient(many.rpc_address) as client:
        assert client.ask("status")["streams"]["door"]["state"] == "running"


def test_without_a_stream_of_its_own_one_must_be_named(many: Publisher) -> None:
    with pytest.raises(ValueError, match="name one"):
        send(many)
