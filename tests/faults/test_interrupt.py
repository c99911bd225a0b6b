"""Ctrl-C ends every command with 130 and no traceback, whatever it is doing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from mjpeg_server import MjpegServer
from run_process import RunProcess

from realtime import subscribe
from realtime.assets.fetch import fetch

TIMEOUT_S = 60
CLI = [sys.executable, "-m", "realtime.cli"]
MAIN = [sys.executable, "-m", "realtime"]


def at_work(process: psutil.Process) -> bool:
    """It has started a process of its own, or loaded the largest library that it looks at."""
    return bool(process.children()) or any("open3d" in mapped.path for mapped in process.memory_maps())


@pytest.mark.parametrize("command", ["doctor", "bench stream", "bench pipeline"])
def test_ctrl_c_is_130(command: str, tmp_path: Path) -> None:
    popen = subprocess.Popen([*CLI, *command.split()], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                             cwd=tmp_path, start_new_session=True)  # fmt: skip
    process, deadline = psutil.Process(popen.pid), time.monotonic() + TIMEOUT_S
    while not at_work(process):
        assert popen.poll() is None
        assert time.monotonic() < deadline
    os.killpg(popen.pid, signal.SIGINT)
    _, complained = popen.communicate(timeout=TIMEOUT_S)
    assert "Traceback" not in complained
    assert "starting it again" not in complained
    assert popen.returncode == 130


INTERRUPTED_IMPORT = """
import os, signal, sys
class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == os.environ.get("AT"):
            del os.environ["AT"]
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupting())
from realtime.__main__ import main
main()
"""


@pytest.mark.parametrize(
    "module", ["realtime.cli", "typer", "realtime.commands.live.status", "realtime.session.instance"]
)
def test_ctrl_c_in_the_middle_of_an_import(module: str, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", INTERRUPTED_IMPORT, "status"], capture_output=True, text=True,
                          timeout=TIMEOUT_S, cwd=tmp_path, env={**os.environ, "AT": module})  # fmt: skip
    assert (done.returncode, done.stderr) == (130, "")


@pytest.fixture(scope="module")
def session() -> Iterator[RunProcess]:
    with (
        MjpegServer.of_clip(fetch("demo"), fps=5, scale=0.2, frames=4) as camera,
        RunProcess("--no-view", "--detector", "lite", "--source", camera.url) as run,
    ):
        run.pid("producer")
        run.pid("lifter")
        run.wait_for("producer ready")
        yield run


@pytest.mark.parametrize("command", ["status --watch", "listen --address {address}", "doctor"])
def test_ctrl_c_forty_times_in_a_row(command: str, session: RunProcess, tmp_path: Path) -> None:
    words = command.format(address=session.address).split()
    popen = subprocess.Popen([*MAIN, *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                             env=session.env, start_new_session=True, cwd=tmp_path)  # fmt: skip
    process, deadline = psutil.Process(popen.pid), time.monotonic() + TIMEOUT_S
    while not (at_work(process) or any("zmq" in mapped.path for mapped in process.memory_maps())):
        assert popen.poll() is None
        assert time.monotonic() < deadline
    family = process.children(recursive=True)
    for _ in range(40):
        os.killpg(popen.pid, signal.SIGINT)
    _, complained = popen.communicate(timeout=TIMEOUT_S)
    assert "Traceback" not in complained
    assert "Exception ignored" not in complained
    assert popen.returncode == 130
    assert psutil.wait_procs(family, timeout=TIMEOUT_S)[1] == []


def test_ctrl_c_forty_times_in_a_session(session: RunProcess) -> None:
    with subscribe(session.address, timeout_s=TIMEOUT_S) as subscriber:
        next(subscriber)
    for _ in range(40):
        session.interrupt()
    session.finish()  # with code 0, one summary, and nothing left behind
    assert not [line for line in session.said if "Traceback" in line or "Exception ignored" in line]


def test_ctrl_c_before_the_first_frame(tmp_path: Path) -> None:
    popen = subprocess.Popen([*CLI, "run", "--no-view", "--verbose", "--address", "tcp://127.0.0.1:0", "--rpc-address",
                              "tcp://127.0.0.1:0"], stderr=subprocess.PIPE, text=True, cwd=tmp_path,
                             start_new_session=True)  # fmt: skip
    assert popen.stderr is not None
    said = ""
    while "lifter started" not in said:
        said = popen.stderr.readline()
        assert said
    os.killpg(popen.pid, signal.SIGINT)
    _, complained = popen.communicate(timeout=TIMEOUT_S)
    assert "Traceback" not in complained
    assert "Fatal Python error" not in complained
    assert "starting it again" not in complained
    assert popen.returncode == 130
