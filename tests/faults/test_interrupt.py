"""Ctrl-C ends every command with 130 and no traceback, whatever it is doing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

TIMEOUT_S = 60
CLI = [sys.executable, "-m", "realtime.cli"]


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
