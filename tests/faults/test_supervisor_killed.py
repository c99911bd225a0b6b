"""A supervisor that gets signals, or is killed: all of it ends, and nothing is left."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from small_sessions import SESSION, SUPPORT, TIMEOUT_S, run, started, table
from waiting import until

from realtime.config import RunConfig
from realtime.ring.segment import PREFIX, directory

Session = tuple[subprocess.Popen[str], list[psutil.Process]]
pytestmark = pytest.mark.usefixtures("nothing_is_left_behind")

@pytest.fixture
def session(tmp_path: Path, notes: Callable[[], list[str]]) -> Iterator[Session]:
    """A session in a process of its own that can be killed, and its children."""
    popen = started(tmp_path, SESSION)
    assert popen.stdout is not None
    try:
        children = [psutil.Process(int(pid)) for pid in popen.stdout.readline().split()]
        assert len(children) == 3
        yield popen, children
    finally:
        if popen.poll() is None:
            os.killpg(popen.pid, signal.SIGKILL)
        popen.wait()
        popen.stdout.close()


def assert_gone(children: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(children, timeout=TIMEOUT_S)
    assert alive == []


def test_processes_go_on_while_their_supervisor_is_stopped(
    tmp_path: Path, notes: Callable[[], list[str]]
) -> None:
    popen = started(tmp_path, SESSION.replace('"lift", True', '"lift_and_chatter", True'))
    try:
        assert popen.stdout is not None
        assert popen.stdout.readline()
        os.kill(popen.pid, signal.SIGSTOP)
        before = len(notes())
        until(lambda: len(notes()) > before + 200)
        os.kill(popen.pid, signal.SIGCONT)
        os.kill(popen.pid, signal.SIGTERM)
        assert popen.communicate(timeout=TIMEOUT_S)[0] == "ended well\n"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(popen.pid, signal.SIGKILL)
        popen.communicate()


def test_a_signal_in_the_first_moments_reaches_no_child(tmp_path: Path, notes: Callable[[], list[str]]) -> None:
    script = tmp_path / "session.py"
    run_it = "supervisor.run(say)"
    script.write_text(SESSION.replace(run_it, f'print("starts", flush=True)\n        {run_it}'))
    for wait_s in (0.05, 0.15, 0.3):
        popen = subprocess.Popen(
            [sys.executable, str(script), SUPPORT], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip
        assert popen.stdout is not None
        popen.stdout.readline()
        time.sleep(wait_s)  # not a wait for anything: another moment each time
        os.killpg(popen.pid, signal.SIGINT)
        said, complained = popen.communicate(timeout=TIMEOUT_S)
        assert (said.splitlines()[-1], complained) == ("ended well", "")


@pytest.mark.parametrize(
    ("number", "to_the_group"), [(signal.SIGINT, True), (signal.SIGTERM, False), (signal.SIGHUP, True)]
)
def test_a_signal_ends_the_session_in_good_order(
    session: Session, number: signal.Signals, to_the_group: bool, notes: Callable[[], list[str]]
) -> None:
    popen, children = session
    (os.killpg if to_the_group else os.kill)(popen.pid, number)
    assert popen.stdout is not None
    assert popen.stdout.read() == "ended well\n"
    assert popen.wait(TIMEOUT_S) == 0
    assert_gone(children)
    assert any(line.startswith("lifter 0 read") for line in notes())


def test_a_killed_supervisor_leaves_no_process_and_no_memory(session: Session) -> None:
    popen, children = session
    held = {Path(file.path).name for child in children for file in child.memory_maps() if PREFIX + "ring" in file.path}
    assert held, "the children map the ring"
    popen.kill()
    assert_gone(children)
    assert [name for name in held if (directory() / name).exists()] == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux wakes the stopped child of a dead parent")
def test_a_stopped_process_does_not_outlive_a_killed_supervisor(session: Session) -> None:
    popen, children = session
    for child in children:
        child.suspend()
    popen.kill()
    assert_gone(children)


def test_memory_of_a_session_that_was_killed_all_at_once_goes_at_the_next_start(
    session: Session, notes: Callable[[], list[str]]
) -> None:
    popen, children = session
    names = {Path(file.path).name for child in children for file in child.memory_maps() if PREFIX + "ring" in file.path}
    os.killpg(popen.pid, signal.SIGKILL)
    assert_gone(children)
    assert [name for name in names if (directory() / name).exists()], "nobody was left to remove it"
    run(table(), RunConfig(frames=2))
    assert [name for name in names if (directory() / name).exists()] == []
