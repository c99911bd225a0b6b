"""`realtime train` as its user has it, killed: nothing of it goes on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
from view_walker import STANDING_M
from waiting import until

pytest.importorskip("torch")
WAIT_S = 120.0


def test_who_draws_its_batches_ends_with_a_training_that_is_killed(tmp_path: Path) -> None:
    standing = STANDING_M * np.float32((1, -1, -1)) + np.float32((0, 1, 0))
    np.savez(tmp_path / "mocap.npz", **{"99_01": np.tile(standing, (600, 1, 1))})
    command = [sys.executable, "-m", "realtime.cli", "train", "mocap.npz", "--run", "run", "--threads", "1"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL) as training:
        try:
            log = tmp_path / "run" / "log.jsonl"
            until(lambda: log.exists() and log.stat().st_size > 0, wait_s=WAIT_S)  # batches come
            beside = psutil.Process(training.pid).children(recursive=True)
            assert any("spawn_main" in " ".join(child.cmdline()) for child in beside)
        finally:
            training.kill()
    assert psutil.wait_procs(beside, timeout=WAIT_S)[1] == []
