"""/dev/shm without room, at the start and while a session runs. The machine's own is not filled: each session has a
small one in a mount namespace of its own, made with `unshare`."""

from __future__ import annotations

import logging
import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

from engines.errors import UserError
from realtime.chaos import full_memory
from realtime.chaos.full_memory import OwnMemory, in_own_memory, why_not
from realtime.chaos.matrix import in_scene

RUN = [sys.executable, "-m", "realtime.cli", "run", "--source", "demo", "--detector", "lite", "--frames", "5",
       "--address", "tcp://127.0.0.1:0", "--rpc-address", "tcp://127.0.0.1:0"]  # fmt: skip
# Runs a program, then lists what is in its /dev/shm.
AND_LIST = ["/bin/sh", "-c", '"$@"; code=$?; ls /dev/shm; exit $code', "sh"]


@pytest.fixture(autouse=True)
def own_memory() -> None:
    if why := why_not():
        pytest.skip(why)


def run_in(size_kib: int, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [*in_own_memory(size_kib), *AND_LIST, *RUN, *options]
    env = {**os.environ, "REALTIME_RUNTIME": str(folder)}
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=env, timeout=180)


@pytest.mark.parametrize("size_kib", [64, 1600])  # not even the ring fits in; the ring does, the picture does not
def test_a_session_without_room_for_its_memory_says_so_in_one_sentence(size_kib: int, tmp_path: Path) -> None:
    done = run_in(size_kib, tmp_path, "--render", "film.mp4")
    assert done.returncode == 2, done.stderr
    [line] = done.stderr.splitlines()
    assert re.match(r"realtime: /dev/shm has no room for \d+ KiB of shared memory: free some$", line)
    assert done.stdout == ""  # nothing is left there
    assert not (tmp_path / "film.mp4").exists()


def test_the_ring_alone_is_enough_where_nobody_looks(tmp_path: Path) -> None:
    done = run_in(1600, tmp_path, "--no-view", "--max-speed")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_a_session_goes_on_while_its_memory_is_full_whoever_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REALTIME_RUNTIME", str(tmp_path))
    cells = list(in_scene("full memory", tmp_path, random.Random(1)))
    assert [cell.fault for cell in cells] == ["kill-viewer", "kill-lifter", "kill-producer", "kill-both"]
    assert all(cell.well for cell in cells), cells


def test_a_filled_memory_is_full() -> None:
    with subprocess.Popen([*in_own_memory(64), "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as popen:
        assert popen.stdin is not None
        assert popen.stdout is not None
        popen.stdin.write(b"it has begun\n")
        popen.stdin.flush()
        popen.stdout.readline()
        memory = OwnMemory(popen.pid)
        memory.fill()
        with pytest.raises(OSError, match="No space left"):
            Path(f"/proc/{popen.pid}/root/dev/shm/more").write_bytes(b"one byte")
        memory.close()


def test_the_machines_own_memory_is_not_filled() -> None:
    with pytest.raises(UserError, match=r"has no /dev/shm of its own"):
        OwnMemory(os.getpid())


def test_a_machine_without_namespaces_leaves_the_scene_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(full_memory, "why_not", lambda: "no mounts of one's own: not permitted")
    with caplog.at_level(logging.WARNING, "realtime.chaos"):
        assert list(in_scene("full memory", tmp_path, random.Random(1))) == []
    assert "full memory is left out: no mounts of one's own: not permitted" in caplog.text
