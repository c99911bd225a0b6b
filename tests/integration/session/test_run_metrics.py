"""`realtime run --metrics`: what Prometheus reads of a session, faults included."""

from __future__ import annotations

import re
import urllib.request

import pytest
from mjpeg_server import MjpegServer
from run_process import RunProcess
from waiting import until

from realtime.assets.fetch import fetch

pytest.importorskip("prometheus_client")
WAIT_S = 90.0


def test_a_sessions_figures_follow_what_happens_to_it() -> None:
    with (
        MjpegServer.of_clip(fetch("demo"), fps=15, scale=0.4, frames=40) as camera,
        RunProcess("--source", camera.url, "--no-view", "--detector", "lite", "--metrics", "0") as run,
    ):
        address = run.wait_for(r"figures at (http://127\.0\.0\.1:\d+/metrics)")[1]

        def figure(name: str, **labels: str) -> float:
            with urllib.request.urlopen(address, timeout=60) as answer:
                page = answer.read().decode()
            wanted = {"stream": "main", **labels}
            for given, value in re.findall(rf"^{name}{{(.*)}} (\S+)$", page, re.M):
                if dict(re.findall(r'(\w+)="([^"]*)"', given)) == wanted:
                    return float(value)
            return float("nan")

        until(lambda: figure("realtime_stream_state", state="running") == 1, wait_s=WAIT_S)
        until(lambda: figure("realtime_people") == 1, wait_s=WAIT_S)
        until(lambda: figure("realtime_fps") > 0, wait_s=WAIT_S)
        assert figure("realtime_frames_total") >= figure("realtime_poses_total") > 0
        assert figure("realtime_frames_dropped_total") >= 0
        assert figure("realtime_frames_lost_total") >= 0
        assert 0 < figure("realtime_stage_seconds", stage="total") < 60
        assert figure("realtime_stage_p99_seconds", stage="detect") > 0
        assert figure("realtime_process_resident_bytes", process="lifter") > 1e7
        camera.freeze()
        until(lambda: figure("realtime_stream_state", state="frozen") == 1, wait_s=WAIT_S)
        assert figure("realtime_stream_state", state="running") == 0
        assert figure("realtime_process_state", process="producer", state="frozen") == 1
        run.pid("producer")
        run.pid("lifter")
        run.children[-1].kill()
        until(lambda: figure("realtime_process_restarts_total", process="lifter") == 1, wait_s=WAIT_S)
        until(lambda: figure("realtime_process_state", process="lifter", state="running") == 1, wait_s=WAIT_S)
