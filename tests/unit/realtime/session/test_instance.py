"""One session a stream name, and how others find it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from engines.errors import UserError
from realtime.session.instance import Instance, Running, find, runtime_dir, stop

RUNNING = Running(4711, "main", "tcp://127.0.0.1:5556", None)
HOLDER = """
import os, signal, sys, threading
from realtime.session.instance import Instance, Running
signal.signal(signal.SIGTERM, lambda *_: done.set())
done = threading.Event()
instance = Instance(Running(os.getpid(), sys.argv[1], "tcp://127.0.0.1:1", None))
print("held", flush=True)
done.wait()
instance.close()
"""


@pytest.fixture(autouse=True)
def _a_place_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REALTIME_RUNTIME", str(tmp_path / "runtime"))


def test_a_name_is_held_once_and_free_again_after_its_end() -> None:
    with Instance(RUNNING):
        assert find("main") == RUNNING
        with pytest.raises(UserError, match=r"published already by process 4711 at tcp://127\.0\.0\.1:5556.*--stream"):
            Instance(RUNNING)
        with Instance(Running(4712, "other", "tcp://127.0.0.1:1", None)):
            assert find("other") is not None
    assert find("main") is None
    Instance(RUNNING).close()


def test_a_session_elsewhere_is_found_stopped_and_forgotten_when_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER, "stage"], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert stop("stage", 30).pid == holder.pid
        assert holder.wait(30) == 0
    with subprocess.Popen([sys.executable, "-c", HOLDER, "stage"], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        holder.kill()
        holder.wait()
        assert find("stage") is None
        Instance(Running(1, "stage", "tcp://127.0.0.1:1", None)).close()


def test_what_does_not_run_cannot_be_stopped() -> None:
    with pytest.raises(UserError, match="no stream 'main' runs here"):
        stop("main", 1)
    runtime_dir().mkdir(parents=True)
    (runtime_dir() / "main.json").write_text('{"pid": 1}')  # left behind by who was killed
    with pytest.raises(UserError, match="no stream 'main' runs here"):
        stop("main", 1)
