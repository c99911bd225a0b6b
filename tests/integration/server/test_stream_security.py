"""CURVE: who has an allowed key gets in; everybody else gets nothing, is logged once, and leaves nothing behind."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import zmq
from waiting import until

from engines.errors import UserError
from realtime import Subscriber
from realtime.bench.known_poses import known_frame
from realtime.client.ask import RpcClient
from realtime.keys.key_files import read_pair, read_public
from realtime.keys.key_store import KeyStore
from realtime.server.publish import Publisher
from realtime.wire.endpoints import ClientKeys, connect, connect_subscriber, open_subscriber
from realtime.wire.framing import topic

LOOPBACK = "tcp://127.0.0.1:*"


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    store = KeyStore(tmp_path / "keys")
    for name in ("server", "laptop", "robot", "stranger"):
        store.new(name)
    store.allow("laptop")
    store.allow("robot")
    return store


@pytest.fixture
def publisher(store: KeyStore) -> Iterator[Publisher]:
    with Publisher(LOOPBACK, LOOPBACK, keys=store) as opened:
        yield opened


def keys(store: KeyStore, name: str) -> ClientKeys:
    return ClientKeys.load(store.directory / f"{name}.key_secret", store.directory / "server.key")


def send(publisher: Publisher) -> None:
    publisher.send(known_frame(publisher.sent()))


def gets_in(subscriber: Subscriber, publisher: Publisher) -> None:
    before = publisher.sent()
    until(lambda: (newest := subscriber.latest()) is not None and newest.seq > before, lambda: send(publisher))


def refusals(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "realtime.gate"]


def test_an_allowed_key_subscribes_and_asks(publisher: Publisher, store: KeyStore) -> None:
    with Subscriber(publisher.address, keys=keys(store, "laptop")) as laptop:
        gets_in(laptop, publisher)
    with RpcClient(publisher.rpc_address, keys(store, "laptop")) as client:
        assert client.ask("hello")["session"] == publisher.session


@pytest.mark.parametrize("who", ["stranger", "plain", "another server's key"])
def test_others_are_refused_and_logged_once(
    who: str, publisher: Publisher, store: KeyStore, caplog: pytest.LogCaptureFixture
) -> None:
    pair = read_pair(store.directory / "stranger.key_secret")
    wrong = {
        "stranger": keys(store, "stranger"), "plain": None,
        "another server's key": ClientKeys(pair.public, pair.secret, pair.public),
    }[who]  # fmt: skip
    with caplog.at_level(logging.WARNING), Subscriber(publisher.address, keys=keys(store, "laptop")) as laptop:
        gets_in(laptop, publisher)
        with zmq.Context() as context:
            refused = connect_subscriber(context, publisher.address, [b""], keys=wrong)
            until(lambda: len(refusals(caplog)) > 0, lambda: send(publisher))
            for _ in range(3):  # it comes back and is not logged again
                again = open_subscriber(context, publisher.address, [b""], keys=wrong)
                events = again.get_monitor_socket(zmq.EVENT_DISCONNECTED)
                connect(again, publisher.address)
                until(lambda events=events: events.poll(0) > 0, lambda: send(publisher))
                again.disable_monitor()
                events.close(linger=0)
                again.close(linger=0)
            gets_in(laptop, publisher)
            assert not refused.poll(0)
            refused.close(linger=0)
    told = refusals(caplog)
    assert len(told) == 1
    assert who != "stranger" or "127.0.0.1" in told[-1]  # ZeroMQ itself tells the address of who has a key
    with RpcClient(publisher.rpc_address, wrong) as client, pytest.raises(UserError, match="no answer"):
        client.ask("hello", timeout_s=0.3)


def test_a_revoked_key_loses_its_connection_and_others_come_back(
    publisher: Publisher, store: KeyStore, caplog: pytest.LogCaptureFixture
) -> None:
    address, rpc_address = publisher.address, publisher.rpc_address
    with (
        caplog.at_level(logging.WARNING),
        Subscriber(address, keys=keys(store, "laptop")) as laptop,
        Subscriber(address, keys=keys(store, "robot")) as robot,
        RpcClient(rpc_address, keys(store, "robot")) as asking,
    ):
        gets_in(laptop, publisher)
        gets_in(robot, publisher)
        assert asking.ask("hello")["session"] == publisher.session
        store.revoke("robot")
        until(lambda: len(refusals(caplog)) > 0, lambda: send(publisher))  # it lost its connection and tried again
        robot.latest()
        received = robot.received
        gets_in(laptop, publisher)
        robot.latest()
        assert robot.received == received
        assert (publisher.address, publisher.rpc_address, laptop.sessions) == (address, rpc_address, 1)
        with pytest.raises(UserError, match="no answer"):
            asking.ask("hello", timeout_s=0.3)
        store.allow("robot")
        gets_in(robot, publisher)


def test_refused_peers_leave_nothing_behind(publisher: Publisher, store: KeyStore) -> None:
    process = psutil.Process()

    def storm() -> None:
        with zmq.Context() as context:
            peers = [
                open_subscriber(context, publisher.address, [topic("pose3d", "main")], keys=who)
                for who in (keys(store, "stranger"), None) * 10
            ]
            monitors = [peer.get_monitor_socket(zmq.EVENT_DISCONNECTED) for peer in peers]
            for peer in peers:
                connect(peer, publisher.address)
            until(lambda: all(monitor.poll(0) for monitor in monitors), lambda: send(publisher))
            for peer, monitor in zip(peers, monitors, strict=True):
                peer.disable_monitor()
                monitor.close(linger=0)
                peer.close(linger=0)

    storm()
    before = process.num_fds()
    for _ in range(5):
        storm()
    until(lambda: process.num_fds() <= before, lambda: send(publisher))


def test_an_allow_list_that_cannot_be_read_keeps_who_was_allowed(
    publisher: Publisher, store: KeyStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kept, folder = tmp_path / "kept", tmp_path / "folder"
    kept.write_text(store.allowed_path.read_text())
    folder.symlink_to(tmp_path)  # which root cannot read as a file either
    with caplog.at_level(logging.WARNING), Subscriber(publisher.address, keys=keys(store, "laptop")) as laptop:
        os.replace(folder, store.allowed_path)
        until(lambda: "cannot read the allow-list" in caplog.text, lambda: send(publisher))
        gets_in(laptop, publisher)
        assert caplog.text.count("cannot read the allow-list") == 1
        with pytest.raises(UserError, match="cannot read the allow-list"):
            Publisher(LOOPBACK, None, keys=store)
        os.replace(kept, store.allowed_path)
        store.revoke("laptop")
        until(lambda: len(refusals(caplog)) > 0, lambda: send(publisher))


def test_more_than_loopback_needs_keys_or_says_insecure(store: KeyStore, caplog: pytest.LogCaptureFixture) -> None:
    for address, rpc_address in (("tcp://*:*", None), (LOOPBACK, "tcp://0.0.0.0:*")):
        with pytest.raises(UserError, match="realtime keys new server"):
            Publisher(address, rpc_address)
        for _ in range(2):  # at each start
            caplog.clear()
            with caplog.at_level(logging.WARNING), Publisher(address, rpc_address, insecure=True):
                assert sum("--insecure" in record.getMessage() for record in caplog.records) == 1
    caplog.clear()
    with caplog.at_level(logging.WARNING), Publisher("tcp://0.0.0.0:*", None, keys=store.directory) as publisher:
        assert not caplog.records
        port = publisher.address.rpartition(":")[2]
        with Subscriber(f"tcp://127.0.0.1:{port}", keys=keys(store, "laptop")) as laptop:
            gets_in(laptop, publisher)


def test_a_publisher_without_a_key_of_its_own_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="realtime keys new server"):
        Publisher(LOOPBACK, None, keys=tmp_path)


def test_keys_made_on_the_other_machine_are_allowed_by_their_public_half(
    publisher: Publisher, store: KeyStore, tmp_path: Path
) -> None:
    elsewhere = KeyStore(tmp_path / "elsewhere")
    secret = elsewhere.new("phone")
    store.allow("phone", read_public(secret.with_suffix(".key")))
    with Subscriber(publisher.address, keys=ClientKeys.load(secret, store.directory / "server.key")) as phone:
        gets_in(phone, publisher)
