"""Every design that is compared trains and is scored; the streaming one within its time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")


from engines.evaluation.protocols import prepared
from engines.motion.mocap import Bank
from engines.training.compare import PROTOCOLS, plan_stages, train_variant

STANDING = np.float32([
    (0, 1, 0), (-0.1, 1, 0), (-0.1, 0.55, 0.02), (-0.1, 0.1, 0), (0.1, 1, 0), (0.1, 0.55, 0.02), (0.1, 0.1, 0),
    (0, 1.25, 0), (0, 1.45, 0), (0, 1.6, 0.02), (0, 1.7, 0),
    (0.15, 1.45, 0), (0.17, 1.17, 0), (0.18, 0.92, 0.02), (-0.15, 1.45, 0), (-0.17, 1.17, 0), (-0.18, 0.92, 0.02),
])  # fmt: skip


def walk(seconds: float) -> np.ndarray:
    """Slowly along x, at 120 Hz."""
    t = np.arange(round(120 * seconds))[:, None, None] / 120
    return np.asarray(STANDING + 0.3 * t * np.float32((1, 0, 0)), np.float32)


@pytest.mark.parametrize("name", ["stream-243", "paper-27", "tcn-81", "single-frame", "not-dilated"])
def test_every_kind_of_variant_trains_and_is_scored(name: str, tmp_path: Path) -> None:
    clips = prepared({"03_01": walk(1)}, 120)
    bank = Bank.of({"99_01": walk(10)}, 120)
    stages = plan_stages([name], bank, 0.2, tmp_path)[name]
    result = train_variant(name, stages, bank, clips, tmp_path)
    assert set(result.metrics) == set(PROTOCOLS)
    assert all(0 < metrics.mpjpe_mm < np.inf for metrics in result.metrics.values())
    assert result.samples > 0
    assert result.parameters > 10_000


def test_the_command_ends_with_one_json_object(tmp_path: Path) -> None:
    np.savez(tmp_path / "mocap.npz", **{"03_01": walk(1), "99_01": walk(10)})
    command = [sys.executable, "-m", "realtime.cli", "bench", "training", "--data", "mocap.npz", "--minutes", "0.1"]
    command.append("--only")
    done = subprocess.run([*command, "single-frame"], capture_output=True, text=True, cwd=tmp_path, check=True)
    (result,) = json.loads(done.stdout.splitlines()[-1])["results"]
    assert result["name"] == "single-frame"
    wrong = subprocess.run([*command, "nothing"], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert wrong.returncode != 0
    assert "no variant 'nothing'" in wrong.stderr
    assert "Traceback" not in wrong.stderr
