"""Programs that faults are done to, each as its user starts it: on free ports, ended by Ctrl-C."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from engines.errors import UserError
from realtime.chaos.target import PATIENCE_S, Target
from realtime.clock import NS_PER_S, monotonic_ns
from realtime.session.instance import Running, find
from realtime.wire.endpoints import chosen

ANY_PORT = "tcp://127.0.0.1:0"
_POLL_S = 0.05


@contextlib.contextmanager
def program(
    *words: str, inside: Sequence[str] = (), more_env: Mapping[str, str] | None = None, log: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """`realtime WORDS`; `inside`: the words before it that make its surroundings and then become the program.

    What it says goes to `log`, else where ours does.
    """
    command = [*inside, sys.executable, "-m", "realtime", *words]
    env = {**os.environ, **(more_env or {})}
    with contextlib.ExitStack() as stack:
        said = None if log is None else stack.enter_context(log.open("ab"))
        popen = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said, start_new_session=True, env=env)
        try:
            yield popen
        finally:
            end(popen)


def after(script: str) -> list[str]:
    """Words for `inside`: the program of this process id starts once a line of shell has been run."""
    return ["/bin/sh", "-c", f'{script} && exec "$@"', "sh"]


@dataclass(frozen=True, slots=True)
class Door:
    """`realtime serve` with one `realtime produce`. `intake`: the server again, where keypoints come in."""

    target: Target
    intake: Target
    producer: psutil.Process
    stream: str


@contextlib.contextmanager
def serving(
    folder: Path, *, serve_env: Mapping[str, str] | None = None, produce_env: Mapping[str, str] | None = None
) -> Iterator[Door]:
    intake, address, rpc_address = free_addresses(3)
    stream, log = "door", folder / "served.log"
    serve = ["serve", "--bind", intake, "--address", address, "--rpc", rpc_address]
    produce = ["produce", "--to", intake, "--stream", stream, "--source", "demo", "--loop", "--detector", "lite"]
    with (
        program(*serve, more_env=serve_env, log=log) as server,
        program(*produce, more_env=produce_env, log=log) as producer,
    ):
        yield Door(
            publisher(stream, address, rpc_address, server), publisher(stream, intake, intake, server),
            psutil.Process(producer.pid), stream,
        )  # fmt: skip


def end(popen: subprocess.Popen[bytes]) -> None:
    """By Ctrl-C; one that does not hear it is killed."""
    popen.send_signal(signal.SIGINT)
    try:
        popen.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        popen.kill()
        popen.wait()


def run_words(source: str, stream: str, *more: str, address: str = ANY_PORT, view: bool = False) -> list[str]:
    """`realtime run` on a source; a file is looped, and so it does not end."""
    loop = [] if "://" in source or source.isdigit() else ["--loop"]
    words = ["run", "--source", source, *loop, "--detector", "lite", "--stream", stream, "--json"]
    words += [*more, "--address", address, "--rpc-address", ANY_PORT]
    return words if view else [*words, "--no-view"]


def found(stream: str, popen: subprocess.Popen[bytes]) -> Target:
    """The session, once it holds its stream's name. Raises UserError where it ends instead."""
    end_ns = monotonic_ns() + int(PATIENCE_S * NS_PER_S)
    while find(stream) is None:
        if popen.poll() is not None or monotonic_ns() > end_ns:
            raise UserError("the session did not start: see above what it says")
        time.sleep(_POLL_S)
    return Target.find(stream)


def publisher(stream: str, address: str, rpc_address: str, popen: subprocess.Popen[bytes]) -> Target:
    """A program that publishes and is no session: it has sockets, and no processes of its own."""
    return Target(Running(popen.pid, stream, address, rpc_address), psutil.Process(popen.pid))


def free_addresses(count: int) -> Sequence[str]:
    return chosen([ANY_PORT] * count)


def new_stream(what: str) -> str:
    return f"chaos-{os.getpid()}-{what}"
