"""A machine that gives little."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from engines.errors import UserError
from realtime.takes.take import Recorded, TakeWriter

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no such limits on this system")
RUN = "-m realtime.cli run --no-view --json --address tcp://127.0.0.1:0 --rpc-address tcp://127.0.0.1:0 --frames 5"


def run_with_descriptors(count: int, folder: Path) -> subprocess.CompletedProcess[str]:
    command = f"ulimit -n {count}; exec {sys.executable} {RUN} --max-speed"
    return subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, cwd=folder, timeout=90)


def test_too_few_files_to_begin_with_are_said_in_one_sentence(tmp_path: Path) -> None:
    done = run_with_descriptors(20, tmp_path)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "realtime: only 20 files may be open at once, which is too few: run 'ulimit -n 1024' first"
    ]


@pytest.mark.parametrize("command", ["doctor", "lift keypoints.npz", "assets", "status"])
def test_too_few_files_are_said_by_every_command(command: str, tmp_path: Path) -> None:
    shell = ["/bin/sh", "-c", f"ulimit -n 20; exec {sys.executable} -m realtime {command}"]
    done = subprocess.run(shell, capture_output=True, text=True, cwd=tmp_path, timeout=90)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("realtime: only 20 files may be open at once")


def test_few_files_are_enough(tmp_path: Path) -> None:
    done = run_with_descriptors(64, tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["published"] == 5


def test_a_recording_that_is_removed_while_it_is_written_is_no_success(tmp_path: Path) -> None:
    path = tmp_path / "take.mcap"
    fields = {"v": 1, "seq": 1, "t_publish_ns": 1, "session": "s", "stream": "main", "state": "running"}
    take = TakeWriter(path)
    take.add(Recorded("status", "main", 1, fields))
    path.unlink()
    with pytest.raises(UserError, match="was removed while it was written"):
        take.close()
