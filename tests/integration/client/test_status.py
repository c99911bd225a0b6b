"""The newest status of a stream, from a real publisher."""

from __future__ import annotations

import pytest
from publishing import LOOPBACK, send
from waiting import until

from engines.errors import UserError
from realtime.client.status import StatusListener
from realtime.server.publish import Publisher


def test_the_newest_status_is_kept_and_one_of_a_change_comes_at_once() -> None:
    with Publisher(LOOPBACK, LOOPBACK) as publisher, StatusListener(publisher.address) as listener:
        assert listener.latest() is None
        assert listener.received_ns == 0
        until(lambda: listener.latest() is not None)
        assert listener.latest()["state"] == "starting"
        send(publisher, 3)
        publisher.status({"state": "calibrating", "lost": 4})
        until(lambda: listener.latest()["state"] == "calibrating")
        newest = listener.latest()
        assert (newest["lost"], newest["seq"], newest["engine"]) == (4, 3, "e")
        assert listener.received_ns > 0


def test_the_last_words_of_a_publisher_are_heard() -> None:
    with Publisher(LOOPBACK, LOOPBACK) as publisher:
        listener = StatusListener(publisher.address)
        until(lambda: listener.latest() is not None)
    with listener:
        until(lambda: listener.latest()["state"] == "stopped")


def test_an_address_that_cannot_be_used_is_refused() -> None:
    with pytest.raises(UserError, match="cannot connect to 'nowhere'"):
        StatusListener("nowhere")
    with pytest.raises(UserError, match="stream name"):
        StatusListener("tcp://127.0.0.1:9", "a b")


def test_a_second_port_is_believed_first_while_it_speaks_and_forgotten_when_it_is_silent() -> None:
    with Publisher(LOOPBACK, None) as herald:
        port = int(herald.address.rpartition(":")[2])
        with Publisher(LOOPBACK, None, fields={"status_port": port, "state": "running", "lost": 7}) as publisher:
            listener = StatusListener(publisher.address)
            with listener:
                until(lambda: listener.latest() is not None)
                why = "it ended with code -9"
                processes = {"lifter": {"state": "restarting", "event": why}}
                herald.status({"state": "restarting", "why": why, "processes": processes})
                until(lambda: listener.latest()["state"] == "restarting")
                assert listener.latest()["lost"] == 7
                assert listener.trouble() == "restarting, lifter: it ended with code -9"
                herald.close()
                until(lambda: listener.latest()["state"] == "stopped")
                until(lambda: listener.latest()["state"] == "running")
                assert listener.trouble() == ""


def test_a_peer_that_names_no_port_is_listened_to_all_the_same() -> None:
    for nonsense in (0, -1, 70_000, 2**40, True, "5556", None, [1]):
        with (
            Publisher(LOOPBACK, None, fields={"status_port": nonsense}) as publisher,
            StatusListener(publisher.address) as listener,
        ):
            until(lambda: listener.latest() is not None)
            assert listener.latest()["state"] == "starting"
