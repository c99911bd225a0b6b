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
    for what in ("send_us", "send_cpu_us", "receive_us"):
        assert len(result[f"{what}_p99_ratio"]) == len(result[f"{what}_p99_ratio_to_alone"]) == 1
        assert {f"{block}_{what}_p99" for block in ("one", "busy", "many")} <= result.keys()
    assert "receive_us_p99_ratio" in done.stderr
    assert 0 < result["msgpack_bytes"] < result["json_bytes"]
