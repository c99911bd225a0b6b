"""`realtime status`, `stop`, `--metrics` and `--detach` of a site: as of one camera, by the name of any stream."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from room_site import NAMES, settled, some, started
from run_process import RunProcess, free_port
from serve_process import WAIT_S
from waiting import until

from realtime.client.subscribe import Subscriber
from realtime.session.instance import find

REALTIME = [sys.executable, "-m", "realtime.cli"]
CAMERAS = [f"camera {name}" for name in NAMES]


def realtime(run: RunProcess, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*REALTIME, *words], env=run.env, capture_output=True, text=True, timeout=WAIT_S)


def status(run: RunProcess, stream: str) -> dict[str, Any]:
    """Without --rpc; {} where nobody answers."""
    said = realtime(run, "status", "--json", "--stream", stream).stdout
    return dict(json.loads(said)) if said else {}


@pytest.mark.timeout(600)
def test_every_stream_is_asked_and_ended_by_its_name(site: Path) -> None:
    with started(site) as run, Subscriber(run.address, timeout_s=WAIT_S) as subscriber:
        pids = {name: run.pid(f"camera {name}") for name in NAMES}
        settled(subscriber)
        until(lambda: status(run, "main").get("state") == "running", wait_s=WAIT_S)
        assert list(status(run, "main")["processes"]) == [*CAMERAS, "lifter"]
        assert list(status(run, "left")["processes"]) == ["camera left", "lifter"]
        said = realtime(run, "status").stdout
        assert all(f"{name} running" in " ".join(said.split()) for name in (*CAMERAS, "lifter")), said
        assert all(f"fused of {name}" in said for name in NAMES), said

        (site / "gone-2").touch()
        os.kill(pids["right"], signal.SIGKILL)
        run.wait_for("no camera right")
        until(lambda: status(run, "right").get("state") == "failed", lambda: some(subscriber, 1), WAIT_S)
        until(lambda: status(run, "main").get("state") == "degraded", lambda: some(subscriber, 1), WAIT_S)
        assert status(run, "main")["processes"]["camera right"]["state"] == "failed"

        ended = realtime(run, "stop", "--stream", "left")
        assert ended.returncode == 0, ended.stderr
        assert "stream 'left' at" in ended.stderr
        assert "the session 'main'" in ended.stderr
        assert run.finish()["published"]["left"] > 0
        assert realtime(run, "stop").returncode == 2


@pytest.mark.timeout(600)
def test_a_killed_lifter_is_told_of_by_name_meanwhile(site: Path) -> None:
    with started(site) as run, Subscriber(run.address, timeout_s=WAIT_S) as subscriber:
        pid = run.pid("lifter")
        settled(subscriber)
        os.kill(pid, signal.SIGSTOP)
        until(lambda: status(run, "left").get("processes", {}).get("lifter", {}).get("state") in
              ("stalled", "restarting"), wait_s=WAIT_S)  # fmt: skip


@pytest.mark.timeout(600)
def test_figures_are_told_of_every_stream_and_process(site: Path) -> None:
    pytest.importorskip("prometheus_client")
    port = free_port()
    metrics = ("--metrics", f"127.0.0.1:{port}")
    with started(site, *metrics) as run, Subscriber(run.address, timeout_s=WAIT_S) as subscriber:
        settled(subscriber)

        def page() -> str:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=WAIT_S) as answer:
                return str(answer.read().decode())

        until(lambda: 'realtime_stream_state{state="running",stream="main"} 1.0' in page(), wait_s=WAIT_S)
        told = page()
        for stream in ("main", *NAMES):
            assert f'realtime_poses_total{{stream="{stream}"}}' in told
        for process in (*CAMERAS, "lifter"):
            assert f'realtime_process_state{{process="{process}",state="running",stream="main"}} 1.0' in told


@pytest.mark.timeout(600)
def test_a_site_goes_on_by_itself(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REALTIME_RUNTIME", str(tmp_path / "runtime"))
    ports = ("--address", "tcp://127.0.0.1:*", "--rpc", "tcp://127.0.0.1:*")
    words = [*REALTIME, "run", "--config", "site.toml", "--detach", *ports]
    begun = subprocess.run(words, cwd=site, capture_output=True, text=True, timeout=WAIT_S)
    assert begun.returncode == 0, begun.stderr
    running = find("middle")
    assert running is not None
    try:
        assert f"stream 'main' at {running.address} is process {running.pid}" in begun.stderr
        with Subscriber(running.address, "middle", timeout_s=WAIT_S) as subscriber:
            assert some(subscriber, 1)
    finally:
        ended = subprocess.run([*REALTIME, "stop"], capture_output=True, text=True, timeout=WAIT_S)
    assert ended.returncode == 0, ended.stderr
    assert find("middle") is None


@pytest.mark.parametrize(("options", "complaint"), [
    (("--model", "no-such"), "no model 'no-such'"),
    (("--engine", "abacus"), "engine 'abacus' is unknown"),
    (("--layout", "side"), "leave out --layout side"),
    (("--dashboard",), "has no --dashboard yet"),
    (("--follow", "nearest"), "leave out stream.follow (--follow)"),
    (("--realtime-priority",), "which have no --realtime-priority yet"),
])  # fmt: skip
def test_what_a_site_cannot_be_told_is_refused_before_anything_starts(
    site: Path, options: tuple[str, ...], complaint: str
) -> None:
    with started(site, *options) as run:
        assert run.popen.wait(WAIT_S) == 2
        run._reader.join(WAIT_S)
    assert complaint in " ".join(run.said)
    assert not any("started (pid" in line for line in run.said)
