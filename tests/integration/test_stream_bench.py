"""`realtime bench stream` runs and ends with one JSON object."""

from __future__ import annotations

import json
import subprocess
import sys


def test_the_benchmark_ends_with_its_figures() -> None:
    options = ["--seconds", "0.5", "--rounds", "1", "--subscribers", "6", "--stalled", "2", "--pause-s", "0.5"]
    done = subprocess.run(
        [sys.executable, "-m", "realtime.cli", "bench", "stream", *options],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["pause_gap"] == result["pause_gap_expected"]
    assert len(result["send_us_p99_ratio"]) == 1
    assert 0 < result["msgpack_bytes"] < result["json_bytes"]
