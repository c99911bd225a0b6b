"""Peers that flood, crowd, never finish or never read: the publisher and its subscribers notice nothing."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator

import psutil
import pytest
import zmq
from waiting import until

from realtime import Subscriber, subscribe
from realtime.client.ask import RpcClient

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="counts descriptors and bytes as Linux tells them")
DESCRIPTORS = 160
PUBLISHER = f"""
import resource, threading
from realtime.bench.known_poses import known_frame
from realtime.process.stats import Load
from realtime.server.publish import Publisher
resource.setrlimit(resource.RLIMIT_NOFILE, ({DESCRIPTORS}, {DESCRIPTORS}))
with Publisher("tcp://127.0.0.1:*", "tcp://127.0.0.1:*") as publisher:
    print(publisher.address, publisher.rpc_address, flush=True)
    while True:
        publisher.send(known_frame(publisher.sent()))
        Load.now()
        threading.Event().wait(0.005)
"""
Server = tuple[psutil.Popen, str, str]


@pytest.fixture
def server() -> Iterator[Server]:
    """A publisher in a process of its own, which an abort would end."""
    popen = psutil.Popen([sys.executable, "-c", PUBLISHER], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        address, rpc_address = popen.stdout.readline().split()
        yield popen, address, rpc_address
        assert popen.poll() is None, popen.stderr.read()
    finally:
        popen.kill()
        popen.communicate()


@pytest.fixture
def witness(server: Server) -> Iterator[Subscriber]:
    """It must see every frame of one session, whatever else happens."""
    with subscribe(server[1]) as subscriber:
        until(lambda: subscriber.latest() is not None)
        yield subscriber
        goes_on(subscriber)
        assert (subscriber.sessions, subscriber.gaps) == (1, 0)


def goes_on(witness: Subscriber, frames: int = 20) -> None:
    target = witness.latest().seq + frames
    until(lambda: witness.latest().seq > target)


def connections(address: str, count: int) -> list[socket.socket]:
    host, _, port = address.removeprefix("tcp://").rpartition(":")
    opened = []
    for _ in range(count):
        try:
            opened.append(socket.create_connection((host, int(port)), timeout=0.5))
        except (ConnectionRefusedError, TimeoutError):  # nobody new for a moment
            break
    return opened


@pytest.mark.parametrize("pings", [False, True])
def test_peers_that_send_thousands_of_requests_and_leave(server: Server, witness: Subscriber, pings: bool) -> None:
    for _ in range(3):
        with zmq.Context() as context:
            for _ in range(5):
                peer = context.socket(zmq.DEALER)
                peer.linger, peer.sndhwm, peer.heartbeat_ivl = 2000, 0, int(pings)
                peer.connect(server[2])
                for _ in range(3000):
                    peer.send_multipart([b"", b'{"op":"hello"}'])
                peer.close()
        goes_on(witness)
    with RpcClient(server[2]) as client:
        assert client.ask("hello")["streams"] == ["main"]


@pytest.mark.parametrize("which", [1, 2])
def test_idle_connections_are_capped_below_the_descriptors_and_newcomers_get_in(
    server: Server, witness: Subscriber, which: int
) -> None:
    idle = connections(server[which], 2 * DESCRIPTORS)
    goes_on(witness, 100)
    assert server[0].num_fds() < DESCRIPTORS
    with subscribe(server[1]) as late, RpcClient(server[2]) as client:
        until(lambda: late.latest() is not None)
        assert client.ask("hello", timeout_s=10)["streams"] == ["main"]
    for connection in idle:
        connection.close()


def test_finished_handshakes_that_ask_for_nothing_make_room(server: Server, witness: Subscriber) -> None:
    with zmq.Context() as context:
        context.set(zmq.MAX_SOCKETS, 1000)
        peers = [context.socket(zmq.SUB) for _ in range(DESCRIPTORS)]
        for peer in peers:
            peer.linger = 0
            peer.connect(server[1])
        goes_on(witness, 100)
        with subscribe(server[1]) as late:
            until(lambda: late.latest() is not None)
        for peer in peers:
            peer.close()


def test_a_message_without_an_end_costs_its_sender_the_connection(server: Server, witness: Subscriber) -> None:
    """By hand: libzmq's own sockets hold a message back until its last part."""
    before = server[0].memory_info().rss
    greeting = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
    ready = b"\x05READY\x0bSocket-Type\0\0\0\x06DEALER"
    [endless] = connections(server[2], 1)
    with endless:
        endless.sendall(greeting + b"\x04" + bytes([len(ready)]) + ready)
        parts = b"\x01\x01x" * 10_000

        def cut() -> bool:
            try:
                endless.sendall(parts)
            except (BrokenPipeError, ConnectionResetError):
                return True
            return False

        until(cut)
    goes_on(witness)
    assert server[0].memory_info().rss - before < 100e6


def test_a_peer_that_asks_and_never_reads_makes_the_publisher_keep_little(
    server: Server, witness: Subscriber
) -> None:
    def ask(peer: zmq.Socket[bytes]) -> Callable[[], None]:
        return lambda: [peer.send_multipart([b"", b'{"op":"status"}']) for _ in range(20)] and None

    with zmq.Context() as context:
        peer = context.socket(zmq.DEALER)
        peer.linger, peer.rcvhwm, peer.sndhwm, peer.rcvbuf = 0, 1, 0, 1024
        peer.connect(server[2])
        until(lambda: peer.poll(0) > 0, ask(peer))
        before, sent = server[0].memory_info().rss, witness.latest().seq
        until(lambda: witness.latest().seq > sent + 300, ask(peer))
        peer.close()
    assert server[0].memory_info().rss - before < 20e6


def test_a_storm_of_connections(server: Server, witness: Subscriber) -> None:
    for _ in range(10):
        for connection in connections(server[1], 300):
            connection.close()
    goes_on(witness, 100)
    with subscribe(server[1]) as late:
        until(lambda: late.latest() is not None)


@pytest.mark.parametrize("which", [1, 2])
def test_other_protocols_and_noise(server: Server, witness: Subscriber, which: int) -> None:
    for noise in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", bytes(range(256)) * 40, b"\xff" + bytes(8) + b"\x7f\x03", b""):
        for connection in connections(server[which], 5):
            with connection:
                connection.sendall(noise)
    goes_on(witness)


def test_a_stopped_subscriber_and_one_that_leaves_while_it_is_behind(server: Server, witness: Subscriber) -> None:
    """The client's side of the abort: its queue is full, the publisher dies, and it must live to read on."""
    program = (
        "import sys, zmq\n"
        "from realtime.wire.endpoints import connect_subscriber\n"
        "context = zmq.Context()\n"
        "socket = connect_subscriber(context, sys.argv[1], [b''], high_water=2)\n"
        "gone = socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)\n"
        "print('behind', socket.poll(10_000) > 0, flush=True)\n"
        "sys.stdin.readline()\n"
        "print('reads', len(socket.recv()) > 0, flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, server[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as behind:  # fmt: skip
        assert behind.stdout.readline() == "behind True\n"
        goes_on(witness, 400)
        behind.send_signal(signal.SIGSTOP)
        goes_on(witness, 100)
        behind.send_signal(signal.SIGCONT)
        assert behind.communicate("\n", timeout=30)[0] == "reads True\n"
