"""`realtime bench upright`: leans and speeds that are known beforehand come back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from view_walker import STANDING_M

from calibration.person.body_scale import ANKLES
from engines.errors import UserError
from realtime.bench.placing.upright import HZ, bench_upright, stance_speeds, up_errors
from realtime.contracts import Array

FRAMES = 60
STANDING = STANDING_M.astype(np.float64) * (1, -1, -1) + (0, 1, 0)  # y up, on the floor


def leaning(degrees: float) -> Array:
    """Stands for two seconds, turned sideways about the ankles' middle."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    feet = STANDING[list(ANKLES)].mean(0)
    pose = (STANDING - feet) @ np.array(((c, s, 0), (-s, c, 0), (0, 0, 1))).T + feet
    return np.tile(pose, (FRAMES, 1, 1))


def test_people_who_all_lean_alike_are_put_upright_by_the_others() -> None:
    clips = {f"{number:02}_01": leaning(4.0) for number in range(4)}
    rows = {row["guess"]: row for row in up_errors(clips, FRAMES)}
    assert rows["ankles to thorax"]["median_deg"] == pytest.approx(4.0, abs=1.0)
    assert rows["the same, leant as other people"]["median_deg"] == pytest.approx(0, abs=1e-3)
    assert {row["people"] for row in rows.values()} == {4}


def test_a_lean_of_ones_own_is_nobody_elses_to_tell() -> None:
    clips = {f"{number:02}_01": leaning(degrees) for number, degrees in enumerate((-6.0, 6.0, -6.0, 6.0))}
    rows = {row["guess"]: row for row in up_errors(clips, FRAMES)}
    assert rows["the same, leant as other people"]["median_deg"] == pytest.approx(8.0, abs=1.0)
    assert rows["the same, leant as other people"]["within_2_deg_percent"] == 0


def test_only_the_foot_that_carries_a_walker_counts() -> None:
    t = np.arange(4 * HZ) / HZ
    walk = np.tile(STANDING, (len(t), 1, 1))
    walk[..., 2] += 1.0 * t[:, None]
    walk[:, ANKLES[0], 2] = 0.1 * t  # as if it slid at 0.1 m/s
    walk[:, ANKLES[1], 1] += 0.3
    speeds = stance_speeds(walk)
    assert len(speeds) > HZ
    np.testing.assert_allclose(speeds, 0.1, atol=1e-6)
    assert len(stance_speeds(np.tile(STANDING, (4 * HZ, 1, 1)))) == 0


def test_the_command_says_both_and_refuses_too_few_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clips = {f"{number:02}_01": np.repeat(leaning(number).astype(np.float32), 4, 0) for number in range(2)}
    np.savez(tmp_path / "two.npz", **clips)
    bench_upright([tmp_path / "two.npz"], seconds=2.0)
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert len(told["up"]) == 4
    np.savez(tmp_path / "one.npz", **{"01_01": clips["01_01"]})
    with pytest.raises(UserError, match="fewer than two people"):
        bench_upright([tmp_path / "one.npz"], seconds=2.0)
