from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from engines.errors import UserError
from realtime.assets.fetch import fetch
from realtime.bench.pipeline import AloneRound, bench_pipeline, compare
from realtime.pipeline.confirm import CONFIRM_FRAMES

TIMEOUT_S = 120


def test_the_last_line_is_one_object_with_both_sides_of_the_comparison() -> None:
    shared = Path(__file__).resolve().parents[4] / "shared" / "videos" / "tfjs_pose_1.mp4"
    clip = shared if shared.exists() else fetch("demo")
    command = [sys.executable, "-m", "realtime.cli", "bench", "pipeline", "--source", str(clip)]
    done = subprocess.run(
        [*command, "--rounds", "1", "--frames", "15"], capture_output=True, text=True, timeout=TIMEOUT_S, check=True
    )
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["frames"] == 15
    assert result["mediapipe_fps"] > 0 < result["pipeline_fps"]
    assert result["ratio"] == pytest.approx(result["pipeline_fps"] / result["mediapipe_fps"], abs=1e-3)
    assert result["published_ratio"] == pytest.approx(1 - (CONFIRM_FRAMES - 1) / 15, abs=1e-3)
    assert set(result["stages_ms"]) == {"detect", "ring", "lift", "publish", "message", "total"}
    assert result["pipeline_processes"]["lifter"]["rss_mb"] > 10


@pytest.mark.parametrize("source", ["0", "rtsp://127.0.0.1/live"])
def test_what_has_no_second_round_is_refused(source: str) -> None:
    with pytest.raises(UserError, match="gives no second round: give --source a video file"):
        bench_pipeline(source=source)


def test_medians_over_the_rounds_and_the_best_of_each() -> None:
    def whole(fps: float, message_ms: float) -> dict[str, object]:
        stage = {"p50": message_ms, "p99": 2 * message_ms}
        process = {"restarts": 0, "cpu_percent": 10.0, "rss_mb": 100.0}
        return {"fps": fps, "frames": 50, "published_ratio": 1.0, "stages_ms": {"message": stage},
                "processes": {"lifter": process}, "model": "m", "engine": "e"}  # fmt: skip

    alone = [AloneRound(50, fps, 90.0, 300.0) for fps in (40.0, 50.0, 10.0)]
    result = compare("clip", "full", alone, [whole(39.0, 2.0), whole(38.0, 4.0), whole(45.0, 3.0)])
    assert (result["mediapipe_fps"], result["pipeline_fps"]) == (40.0, 39.0)
    assert (result["ratio"], result["best_ratio"]) == (0.975, 0.9)
    assert result["stages_ms"]["message"] == {"p50": 3.0, "p99": 6.0}
