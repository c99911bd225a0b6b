"""`realtime bench serve` on a few streams: figures that belong together."""

from __future__ import annotations

import json
import subprocess
import sys


def test_figures_of_a_short_run_belong_together() -> None:
    command = [sys.executable, "-m", "realtime.cli", "bench", "serve", "--streams", "1,2", "--seconds", "1",
               "--rounds", "1", "--added-ms", "1e9"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert [case["streams"] for case in result["cases"]] == [1, 2]
    for case in (*result["cases"], result["beyond"]):
        assert 0 < case["added_p50_ms"] <= case["added_p99_ms"]
        assert case["cpu_ms"] > 0
    assert result["beyond"]["refused"] == 1
    assert [case["refusals"] for case in result["cases"]] == [0, 0]
