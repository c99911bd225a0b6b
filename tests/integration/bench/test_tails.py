"""`realtime bench tails` with real processes."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from engines.errors import UserError
from realtime.bench.tails import bench_tails

TIMEOUT_S = 280
FRAMES, FIRST = 60, 30


def test_every_frame_of_both_rates_is_noted() -> None:
    command = [sys.executable, "-m", "realtime.cli", "bench", "tails", "--rounds", "1", "--frames", str(FRAMES)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)
    cases = {case["source"]: case for case in json.loads(done.stdout.splitlines()[-1])["cases"]}
    assert set(cases) == {"flat out", "at its rate"}
    assert cases["flat out"]["frames"] == FRAMES - FIRST
    for case in cases.values():
        assert 0 < case["p50_ms"] <= case["p95_ms"] <= case["p99_ms"]
        assert case["usual"]["processor_ms"] > 0


def test_what_has_no_second_round_is_refused() -> None:
    with pytest.raises(UserError, match="is no video file, and has no second round"):
        bench_tails(source="0")
