"""The publisher is gone or stands still: who subscribes hears of it all the same, and from whom."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from mjpeg_server import MjpegServer
from run_process import RunProcess
from waiting import until as until_within

from realtime.assets.fetch import fetch
from realtime.client.status import StatusListener
from realtime.process.states import RESTARTING, RUNNING, STALLED

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="no SIGSTOP on every system")
CLI = [sys.executable, "-m", "realtime.cli"]
WAIT_S = 90.0


def until(done: Callable[[], bool]) -> None:
    until_within(done, wait_s=WAIT_S)


@pytest.fixture(scope="module")
def session() -> Iterator[RunProcess]:
    with (
        MjpegServer.of_clip(fetch("demo"), fps=15, scale=0.4, frames=40) as camera,
        RunProcess("--source", camera.url, "--no-view", "--detector", "lite") as run,
    ):
        run.pid("producer")
        run.pid("lifter")
        yield run


@pytest.fixture
def status(session: RunProcess) -> Iterator[StatusListener]:
    with StatusListener(session.address) as listener:
        until(lambda: state(listener) == RUNNING)
        yield listener


def state(listener: StatusListener) -> str:
    told = listener.latest()
    return str(told["state"]) if told else ""


def test_a_subscriber_hears_that_a_stopped_lifter_stands_still_and_is_replaced(
    session: RunProcess, status: StatusListener
) -> None:
    session.children[-1].suspend()
    until(lambda: state(status) == STALLED)
    assert status.trouble() == "stalled, lifter: it does not move"
    until(lambda: state(status) == RESTARTING)
    assert "has not moved" in status.trouble()
    session.pid("lifter")
    until(lambda: state(status) == RUNNING)


def test_the_supervisor_says_by_itself_that_a_killed_lifter_is_started_again(
    session: RunProcess, status: StatusListener
) -> None:
    port = status.latest()["status_port"]
    with StatusListener(f"tcp://127.0.0.1:{port}") as supervisor:
        until(lambda: state(supervisor) == RUNNING)
        session.children[-1].kill()
        until(lambda: state(supervisor) == RESTARTING)
        assert supervisor.trouble() == "restarting, lifter: it ended with code -9"
        session.pid("lifter")
        until(lambda: state(supervisor) == RUNNING)


def test_the_command_answers_while_the_publisher_does_not(session: RunProcess, status: StatusListener) -> None:
    session.children[-1].suspend()
    told: list[dict[str, object]] = []

    def asked() -> bool:
        done = subprocess.run([*CLI, "status", "--json"], capture_output=True, text=True, env=session.env, timeout=90)
        assert done.returncode in (0, 1), done.stderr
        told.append(json.loads(done.stdout))
        return done.returncode == 1 and told[-1]["state"] in (STALLED, RESTARTING)

    until(asked)
    session.pid("lifter")
    until(lambda: state(status) == RUNNING)


def test_listen_says_why_nothing_comes(session: RunProcess, status: StatusListener) -> None:
    words = ["listen", "--address", session.address]
    with subprocess.Popen([*CLI, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as listen:
        assert listen.stdout is not None
        assert listen.stderr is not None
        for _ in range(40):  # long enough to have heard a status
            listen.stdout.readline()
        session.children[-1].suspend()
        said = first(listen.stderr.readline, lambda line: "(" in line)
        assert f"at {session.address} (" in said
        assert "lifter: " in said
        listen.kill()
        listen.stdout.read()
    session.pid("lifter")
    until(lambda: state(status) == RUNNING)


def first(read: Callable[[], str], wanted: Callable[[str], bool]) -> str:
    while not wanted(line := read()):
        assert line, "it ended"
    return line
