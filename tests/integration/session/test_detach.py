"""`realtime run --detach`: a session of its own, found by its name."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from realtime import subscribe
from realtime.session.instance import find, runtime_dir

TIMEOUT_S = 180
REALTIME = [sys.executable, "-m", "realtime.cli"]
OPEN_PORTS = ["--address", "tcp://127.0.0.1:*", "--rpc", "tcp://127.0.0.1:*"]
DEPLOY = Path(__file__).resolve().parents[3] / "docs" / "deploy"


@pytest.fixture(autouse=True)
def _own_runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REALTIME_RUNTIME", str(tmp_path / "runtime"))


def realtime(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*REALTIME, *arguments], capture_output=True, text=True, timeout=TIMEOUT_S)


def test_a_session_goes_on_by_itself_until_it_is_stopped() -> None:
    begun = realtime("run", "--source", "demo", "--loop", "--stream", "alone", "--detach", *OPEN_PORTS)
    assert begun.returncode == 0, begun.stderr
    running = find("alone")
    assert running is not None
    assert f"process {running.pid}" in begun.stderr
    try:
        with subscribe(running.address, stream="alone", timeout_s=TIMEOUT_S) as poses:
            first = poses.receive()
        log = runtime_dir() / "alone.log"
        said = log.read_text()
        again = realtime("run", "--source", "demo", "--stream", "alone", "--detach", *OPEN_PORTS)
        assert (again.returncode, "is published already" in again.stderr) == (2, True)
        assert log.read_text().startswith(said), "the log of the one that runs stays"
    finally:
        ended = realtime("stop", "--stream", "alone")
    assert ended.returncode == 0, ended.stderr
    assert first.stream == "alone"
    assert find("alone") is None


@pytest.mark.parametrize(("source", "why"), [("no such file.mp4", "there is no file"), ("-", "no video is piped in")])
def test_what_cannot_begin_is_said_here_and_nothing_is_left(source: str, why: str) -> None:
    begun = subprocess.run([*REALTIME, "run", "--source", source, "--stream", "never", "--detach", *OPEN_PORTS],
                           capture_output=True, text=True, timeout=TIMEOUT_S, stdin=subprocess.DEVNULL)  # fmt: skip
    assert begun.returncode == 2
    assert why in " ".join(begun.stderr.split())
    assert find("never") is None


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
@pytest.mark.parametrize("wrong", [False, True])
def test_the_unit_is_one_that_systemd_takes(wrong: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    text = (DEPLOY / "realtime.service").read_text()
    unit = tmp_path / "realtime.service"
    unit.write_text(text.replace("on-failure", "sometimes") if wrong else text)
    checked = subprocess.run(["systemd-analyze", "verify", "--user", str(unit)], capture_output=True, text=True,
                             timeout=60)  # fmt: skip
    assert checked.returncode == 0
    assert ("realtime.service" in checked.stderr) == wrong, "it is heard where something is wrong"


@pytest.mark.skipif(
    shutil.which("docker") is None or subprocess.run(["docker", "info"], capture_output=True).returncode != 0,
    reason="no docker that runs here",
)
@pytest.mark.timeout(1800)
def test_the_image_is_built_and_runs() -> None:
    built = subprocess.run(["docker", "build", "-q", "-f", str(DEPLOY / "Dockerfile"), str(DEPLOY.parents[1])],
                           capture_output=True, text=True, timeout=1700)  # fmt: skip
    assert built.returncode == 0, built.stderr
    said = subprocess.run(["docker", "run", "--rm", built.stdout.strip(), "--version"], capture_output=True, text=True)
    assert said.stdout.startswith("realtime")
