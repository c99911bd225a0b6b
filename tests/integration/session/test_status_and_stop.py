"""`realtime status` and `realtime stop` beside a running session."""

from __future__ import annotations

import json
import subprocess
import sys

from mjpeg_server import MjpegServer
from run_process import RunProcess
from waiting import until

from realtime.assets.fetch import fetch

CLI = [sys.executable, "-m", "realtime.cli"]


def test_a_session_is_asked_how_it_is_refuses_a_second_one_and_is_stopped() -> None:
    with (
        MjpegServer.of_clip(fetch("demo"), fps=15, scale=0.3, frames=30) as camera,
        RunProcess("--source", camera.url, "--no-view", "--detector", "lite") as run,
    ):

        def command(*words: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run([*CLI, *words], capture_output=True, text=True, env=run.env, timeout=90)

        run.wait_for("producer ready")
        until(lambda: command("status").returncode == 0)
        told = json.loads(command("status", "--json").stdout)
        assert told["processes"].keys() == {"producer", "lifter"}
        said = command("status").stdout.splitlines()
        assert said[0].startswith("main  ")
        assert any(line.strip().startswith("producer") for line in said)
        camera.freeze()
        until(lambda: command("status").returncode == 1)
        second = command("run", "--source", camera.url, "--no-view", "--address", "tcp://127.0.0.1:0", "--rpc-address",
                         "tcp://127.0.0.1:0")  # fmt: skip
        assert second.returncode == 2
        assert f"published already by process {run.popen.pid}" in second.stderr
        assert command("stop").returncode == 0
        assert run.finish()["published"] > 0
        assert command("stop").returncode == 2
