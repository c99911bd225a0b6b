"""The faults, by name. Each does its harm to a running session and returns when the harm is over.

The numbers that a fault needs come from the random generator that it is given: the same seed, the same fault.
"""

from __future__ import annotations

import contextlib
import random
import socket
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil
import zmq

from engines.errors import UserError
from realtime.chaos.target import PATIENCE_S, Target
from realtime.clock import NS_PER_S, monotonic_ns

PAUSE_S = 1.0  # less than a watchdog's patience
LONG_PAUSE_S = 5.0  # more than it
_CONNECT_S = 2.0
_LINGER_MS = 2000
Fault = Callable[[Target, random.Random], None]


# ---- processes ----


def kill(name: str, target: Target, _: random.Random) -> None:
    process = target.process(name)
    process.kill()
    _gone(process)


def kill_both(target: Target, rng: random.Random) -> None:
    """Producer and lifter in the same moment."""
    both = [target.process("producer"), target.process("lifter")]
    for process in both:
        process.kill()
    for process in both:
        _gone(process)


def kill_twice(name: str, target: Target, rng: random.Random) -> None:
    """Its next life is killed too, while it is still being set up."""
    for _ in range(2):
        kill(name, target, rng)


def stop(name: str, target: Target, _: random.Random) -> None:
    """It stands still until the session replaces it."""
    process = target.process(name)
    process.suspend()
    _gone(process)


def pause(name: str, target: Target, _: random.Random) -> None:
    """It stands still for a moment, and goes on."""
    _suspended([target.process(name)], PAUSE_S)


def pause_all(target: Target, _: random.Random) -> None:
    """As Ctrl-Z and fg, or a machine that slept."""
    _suspended(target.everybody(), LONG_PAUSE_S)


def pause_supervisor(target: Target, _: random.Random) -> None:
    """The processes go on without it."""
    _suspended([target.session], LONG_PAUSE_S)


def unlink_memory(target: Target, rng: random.Random) -> None:
    """Shared memory is taken away, as a login manager may do; then the lifter dies."""
    for path in target.shared_memory():
        Path(path).unlink(missing_ok=True)
    kill("lifter", target, rng)


# ---- sockets ----


def junk(target: Target, rng: random.Random) -> None:
    """Random bytes on every socket."""
    for address in _addresses(target):
        for _ in range(20):
            _say(address, rng.randbytes(rng.randrange(1, 4096)))


def http(target: Target, rng: random.Random) -> None:
    """A browser on a ZeroMQ port."""
    for address in _addresses(target):
        for _ in range(20):
            _say(address, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")


def crowd(target: Target, rng: random.Random) -> None:
    """Connections that say nothing, and leave together."""
    with contextlib.ExitStack() as stack:
        for address in _addresses(target):
            for _ in range(rng.randrange(100, 200)):
                with contextlib.suppress(OSError):  # it need not let everybody in
                    stack.enter_context(socket.create_connection(_host_port(address), _CONNECT_S))


def flood_requests(target: Target, rng: random.Random) -> None:
    """Peers that ask thousands of questions and leave without an answer."""
    if target.running.rpc_address is None:
        raise UserError("the session answers no questions: choose another fault")
    with zmq.Context() as context:
        for _ in range(rng.randrange(3, 6)):
            peer = context.socket(zmq.DEALER)
            peer.linger, peer.sndhwm = _LINGER_MS, 0
            peer.connect(target.running.rpc_address)
            for _ in range(1000):
                peer.send_multipart([b"", b'{"op":"hello"}'])
            peer.close()


def subscribers(target: Target, _: random.Random) -> None:
    """Two hundred who read, and leave together."""
    with zmq.Context() as context:
        peers = [context.socket(zmq.SUB) for _ in range(200)]
        for peer in peers:
            peer.linger = 0
            peer.connect(target.running.address)
            peer.subscribe(b"")
        end_ns = monotonic_ns() + int(LONG_PAUSE_S * NS_PER_S)
        while monotonic_ns() < end_ns:
            for peer in peers:
                with contextlib.suppress(zmq.Again):
                    peer.recv(zmq.NOBLOCK)
        for peer in peers:
            peer.close()


def deaf(target: Target, _: random.Random) -> None:
    """A subscriber that never reads: its own queue fills, then the system's."""
    with zmq.Context() as context:
        peer = context.socket(zmq.SUB)
        peer.linger, peer.rcvhwm, peer.rcvbuf = 0, 1, 4096
        peer.connect(target.running.address)
        peer.subscribe(b"")
        wait(LONG_PAUSE_S)
        peer.close()


def flood_topics(target: Target, rng: random.Random) -> None:
    """A peer that subscribes to ten thousand topics."""
    with zmq.Context() as context:
        peer = context.socket(zmq.SUB)
        peer.linger = 0
        peer.connect(target.running.address)
        for _ in range(10_000):
            peer.subscribe(rng.randbytes(12).hex())
        wait(PAUSE_S)  # a peer that left at once would send none
        peer.close()


FAULTS: dict[str, Fault] = {
    "kill-producer": partial(kill, "producer"),
    "kill-lifter": partial(kill, "lifter"),
    "kill-both": kill_both,
    "kill-producer-twice": partial(kill_twice, "producer"),
    "kill-lifter-twice": partial(kill_twice, "lifter"),
    "stop-producer": partial(stop, "producer"),
    "stop-lifter": partial(stop, "lifter"),
    "pause-producer": partial(pause, "producer"),
    "pause-lifter": partial(pause, "lifter"),
    "pause-all": pause_all,
    "pause-supervisor": pause_supervisor,
    "unlink-memory": unlink_memory,
    "junk": junk,
    "http": http,
    "crowd": crowd,
    "flood-requests": flood_requests,
    "flood-topics": flood_topics,
    "subscribers": subscribers,
    "deaf": deaf,
}


def fault(name: str) -> Fault:
    """Raises UserError for a name that is none."""
    if name not in FAULTS:
        raise UserError(f"no fault is called '{name}': choose of {', '.join(FAULTS)}")
    return FAULTS[name]


def _gone(process: psutil.Process) -> None:
    try:
        process.wait(PATIENCE_S)
    except psutil.TimeoutExpired:
        process.resume()
        raise UserError(f"process {process.pid} was not replaced in {PATIENCE_S:g} s: end the session") from None


def _suspended(processes: list[psutil.Process], pause_s: float) -> None:
    try:
        for process in processes:
            process.suspend()
        wait(pause_s)
    finally:
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()


def wait(pause_s: float) -> None:
    threading.Event().wait(pause_s)


def _addresses(target: Target) -> list[str]:
    running = target.running
    every = (running.address, running.rpc_address, running.status_address)
    return [address for address in every if address and address.startswith("tcp://")]


def _host_port(address: str) -> tuple[str, int]:
    host, _, port = address.removeprefix("tcp://").rpartition(":")
    return ("127.0.0.1" if host in ("*", "0.0.0.0") else host.strip("[]")), int(port)


def _say(address: str, data: bytes) -> None:
    # It may hang up in the middle of it.
    with contextlib.suppress(OSError), socket.create_connection(_host_port(address), _CONNECT_S) as connection:
        connection.sendall(data)
