"""What peers ask of the publisher and send to it: answers, limits, and clocks compared."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
import zmq
from publishing import joined, send
from waiting import WAIT_S, until

import realtime
from realtime import subscribe
from realtime.bench.known_poses import known_frame
from realtime.client import compare_clocks
from realtime.client.ask import RpcClient
from realtime.client.compare_clocks import measure_offset
from realtime.client.latency import message_latency_ms
from realtime.clock import unix_ns
from realtime.server.answer import Asked, RateLimit
from realtime.server.publish import Publisher
from realtime.wire.endpoints import connect, connect_subscriber, open_subscriber
from realtime.wire.framing import VERSION, WireError, decode_map, encode_map
from realtime.wire.messages import ClockOffset


def test_requests_are_answered_in_their_own_encoding(publisher: Publisher) -> None:
    send(publisher)
    with RpcClient(publisher.rpc_address) as client:
        hello = client.ask("hello")
        assert (hello["session"], hello["streams"], hello["v"]) == (publisher.session, ["main"], VERSION)
        assert hello["skeleton"]["parents"][0] == -1
        assert client.ask("status")["streams"]["main"]["seq"] == 1
        with pytest.raises(WireError, match="none of hello"):
            client.ask("dance")
        with pytest.raises(WireError, match="version 1"):
            client.ask("hello", v=2)
        client._socket.send(b'{"op":"clock","t_client_ns":17}')
        reply = json.loads(client._socket.recv())
        assert (reply["t_client_ns"], reply["op"]) == (17, "clock")
        assert 0 < reply["t_receive_ns"] <= reply["t_send_ns"]


def test_an_oversized_request_costs_the_peer_its_connection(publisher: Publisher) -> None:
    with RpcClient(publisher.rpc_address) as client:
        client._socket.send(b"x" * 5000)
        assert not client._socket.poll(300)
        assert client.ask("hello")["session"] == publisher.session  # it may come back


def test_a_peer_that_asks_too_often_is_told_in_its_own_encoding(publisher: Publisher) -> None:
    with RpcClient(publisher.rpc_address) as client:
        for encoding in ("msgpack", "json"):
            request, replies = encode_map({"op": "hello"}, encoding), [b""]

            def ask(request: bytes = request, replies: list[bytes] = replies) -> None:
                for _ in range(150):
                    client._socket.send(request)
                    replies[0] = client._socket.recv()

            until(lambda replies=replies: b"too many" in replies[0], ask)
            assert (replies[0][:1] == b"{") == (encoding == "json")
            assert decode_map(replies[0])["error"]["code"] == "rate"
    limit = RateLimit(rate_hz=10, burst=2)
    assert [limit.take(b"a", 0.0) for _ in range(3)] == [Asked.IN_TIME, Asked.IN_TIME, Asked.TOO_SOON]
    assert limit.take(b"b", 0.0) is Asked.IN_TIME
    assert limit.take(b"a", 0.21) is Asked.IN_TIME


def test_clocks_are_compared(publisher: Publisher) -> None:
    ahead_ns = 5_000_000_000  # our clock runs five seconds ahead of the publisher's
    with RpcClient(publisher.rpc_address) as client, subscribe(publisher.address) as subscriber:
        clock = measure_offset(client, now_ns=lambda: unix_ns() + ahead_ns)
        assert abs(clock.offset_ns + ahead_ns) <= clock.round_trip_ns / 2 + 1
        message = replace(joined(publisher, subscriber), t_receive_ns=unix_ns() + ahead_ns)
        to_publisher_ms, transport_ms = message_latency_ms(message, clock)
        assert to_publisher_ms >= 0
        assert -clock.round_trip_ns / 2e6 <= transport_ms < 1000 * WAIT_S
    assert ClockOffset(5, 1).to_local_ns(100) == 95


def test_messages_tell_their_latency_on_the_receivers_clock(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(compare_clocks, "AGAIN_S", 0.05)
    monkeypatch.setattr(compare_clocks, "ANSWER_S", 0.05)
    with subscribe(publisher.address) as subscriber:
        message = joined(publisher, subscriber)
        assert (message.clock, message.t_capture_here_ns, message.latency_here_ms) == (None, None, None)
    with subscribe(publisher.address, rpc_address=publisher.rpc_address) as subscriber:
        joined(publisher, subscriber)
        until(lambda: subscriber.latest().clock is not None, lambda: send(publisher))
        message = subscriber.latest()
        assert message.t_capture_here_ns == message.t_capture_ns - message.clock.offset_ns
        assert message.latency_here_ms == (message.t_receive_ns - message.t_capture_here_ns) / 1e6
        assert message.latency_here_ms >= -message.clock.round_trip_ns / 2e6
        with caplog.at_level(logging.WARNING):
            publisher.close()
            until(lambda: "not compared again" in caplog.text)
        assert subscriber._clock.offset is not None  # the last one holds


def test_a_clock_request_without_a_clock_is_malformed(publisher: Publisher) -> None:
    with RpcClient(publisher.rpc_address) as client:
        for wrong in ({}, {"t_client_ns": -1}, {"t_client_ns": "now"}):
            with pytest.raises(WireError, match="t_client_ns"):
                client.ask("clock", **wrong)


def test_peers_cannot_make_the_publisher_remember_what_they_like(
    publisher: Publisher, caplog: pytest.LogCaptureFixture
) -> None:
    with zmq.Context() as context, subscribe(publisher.address) as witness:
        joined(publisher, witness)
        long = open_subscriber(context, publisher.address, [b"x" * 600])
        events = long.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        connect(long, publisher.address)
        until(lambda: events.poll(0) > 0, lambda: send(publisher))
        long.disable_monitor()
        events.close(linger=0)
        long.close(linger=0)
        joined(publisher, witness)
        assert "subscriptions" not in caplog.text
        flood = connect_subscriber(context, publisher.address, [b"%d" % i for i in range(1500)])
        until(lambda: "more than 100 subscriptions" in caplog.text, lambda: send(publisher))
        flood.close(linger=0)
        before = publisher.sent()
        until(lambda: witness.latest().seq > before, lambda: send(publisher))
    assert (witness.sessions, witness.gaps) == (1, 0)  # it kept its connection


def test_the_status_says_what_the_poses_rest_on_from_the_first_one_on(publisher: Publisher) -> None:
    schema = json.loads((Path(realtime.__file__).parent / "wire" / "status.schema.json").read_text())
    with RpcClient(publisher.rpc_address) as client:
        assert not {"space", "scale", "calibration"} & set(client.ask("status")["streams"]["main"])
        for space, scale, calibration in (("camera", "assumed", ""), ("world", "height", "guess-0123456789ab")):
            publisher.send(replace(known_frame(0), space=space, scale=scale, calibration=calibration))
            status = client.ask("status")["streams"]["main"]
            jsonschema.validate(status, schema)
            assert (status["space"], status["scale"], status["calibration"]) == (space, scale, calibration)
    assert {"space", "scale", "calibration"} <= set(schema["properties"])
