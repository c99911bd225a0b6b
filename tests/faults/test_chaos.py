"""`realtime chaos`: each fault does what it is called, to the session that is meant."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from mjpeg_server import MjpegServer
from run_process import RunProcess
from waiting import until

from engines.errors import UserError
from realtime import subscribe
from realtime.assets.fetch import fetch
from realtime.chaos.faults import FAULTS
from realtime.chaos.matrix import at_start, in_scene
from realtime.chaos.place import Place
from realtime.chaos.ring_trial import as_made, made
from realtime.chaos.scenes import SCENES
from realtime.clock import unix_ns

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds processes as Linux names them")
CLI = [sys.executable, "-m", "realtime.cli"]
TIMEOUT_S = 120


@pytest.fixture(scope="module")
def log_json(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("log") / "events.jsonl"


@pytest.fixture(scope="module")
def session(log_json: Path) -> Iterator[RunProcess]:
    with (
        MjpegServer.of_clip(fetch("demo"), fps=20, scale=0.5, frames=60) as camera,
        RunProcess("--source", camera.url, "--no-view", "--detector", "lite", "--log-json", str(log_json)) as run,
    ):
        run.wait_for("producer ready")
        yield run


def chaos(run: RunProcess, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*CLI, "chaos", *words], capture_output=True, text=True, env=run.env, timeout=TIMEOUT_S)


@pytest.mark.parametrize("words", [("chaos", "--soak", "5"), ("bench", "pipeline")])
def test_a_command_that_is_ended_leaves_nothing_that_it_started(words: tuple[str, ...], tmp_path: Path) -> None:
    env = {**os.environ, "REALTIME_RUNTIME": str(tmp_path)}
    command = subprocess.Popen([*CLI, *words], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        own = psutil.Process(command.pid)
        until(lambda: len(own.children(recursive=True)) > 1, wait_s=TIMEOUT_S)
        started = own.children(recursive=True)
        command.terminate()
        assert command.wait(TIMEOUT_S) == 128 + signal.SIGTERM
        assert psutil.wait_procs(started, timeout=TIMEOUT_S)[1] == []
    finally:
        command.kill()
        command.wait()


@pytest.mark.parametrize("name", FAULTS)
def test_poses_of_new_pictures_come_after_every_fault(session: RunProcess, name: str) -> None:
    with subscribe(session.address, timeout_s=TIMEOUT_S) as subscriber:
        next(subscriber)
        done = chaos(session, name)
        assert (done.returncode, done.stdout) == (0, f"{name}\n"), done.stderr
        over_ns = unix_ns()
        for message in subscriber:
            if message.t_capture_ns > over_ns and any(not person.held for person in message.persons):
                break
    assert session.popen.poll() is None


def test_a_seed_chooses_the_same_fault_again(session: RunProcess) -> None:
    first, second = (chaos(session, "--seed", "9").stdout for _ in range(2))
    assert first == second
    assert first.strip() in FAULTS


def test_a_killed_lifter_is_another_process_and_in_the_log(session: RunProcess, log_json: Path) -> None:
    def lifters() -> list[str]:
        return [line for line in session.said if "lifter started (pid" in line]

    before = len(lifters())
    assert chaos(session, "kill-lifter").returncode == 0
    session.wait_for(r"the lifter failed \(it ended with code -9\)")
    while len(lifters()) == before:
        session.wait_for("lifter started")
    logged = "the lifter failed (it ended with code -9)"
    until(lambda: any(json.loads(line)["event"].startswith(logged) for line in log_json.read_text().splitlines()))


def test_what_is_no_fault_and_no_stream_is_said(session: RunProcess) -> None:
    assert "no fault is called 'rain': choose of kill-producer" in chaos(session, "rain").stderr
    nobody = chaos(session, "junk", "--stream", "nobody")
    assert nobody.returncode == 2
    assert nobody.stderr == "realtime: no stream 'nobody' runs here: 'realtime run' starts it\n"


def test_it_is_not_in_the_help() -> None:
    done = subprocess.run([*CLI, "--help"], capture_output=True, text=True, timeout=TIMEOUT_S,
                          env={**os.environ, "COLUMNS": "120"})  # fmt: skip
    assert "chaos" not in done.stdout
    assert "status" in done.stdout


def test_a_session_of_its_own_survives_leaks_nothing_and_keeps_the_order(tmp_path: Path) -> None:
    faults = ["kill-lifter", "kill-producer", "pause-all", "unlink-memory", "flood-requests", "crowd", "kill-both"]
    done = subprocess.run([*CLI, "chaos", "--matrix", *faults], capture_output=True, text=True, timeout=280,
                          env={**os.environ, "REALTIME_RUNTIME": str(tmp_path)})  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    *table, last = done.stdout.splitlines()
    assert [line.split()[0] for line in table[1:]] == faults
    told = json.loads(last)
    assert told["recovered"] == told["faults"] == len(faults)
    assert (told["twice"], told["out_of_order"], told["invalid"], told["exit_code"]) == (0, 0, 0, 0)
    before, after = told["supervisor_descriptors"]
    assert after <= before
    before, after = told["segments"]
    assert after <= before


def test_a_scene_is_gone_through_fault_by_fault_and_survived(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REALTIME_RUNTIME", str(tmp_path))
    cells = list(in_scene("full disk", tmp_path, random.Random(1)))
    assert [cell.fault for cell in cells] == ["kill-lifter", "kill-producer"]
    assert all(cell.well for cell in cells), cells
    assert "restarting" in [state for state, _ in cells[0].states]
    assert cells[0].sessions == 1
    assert cells[0].gap_ms > 0


def test_a_fault_in_the_first_moments_is_survived(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REALTIME_RUNTIME", str(tmp_path))
    cell = at_start("kill-both", tmp_path, random.Random(1))
    assert cell.well, cell


def test_a_scene_that_cannot_be_is_a_cell_that_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextlib.contextmanager
    def closed(folder: Path) -> Iterator[Place]:
        raise UserError(f"{folder} is no place")
        yield

    monkeypatch.setitem(SCENES, "closed", closed)
    [cell] = in_scene("closed", tmp_path, random.Random(1))
    assert not cell.well
    assert cell.complaint == f"{tmp_path} is no place"


def test_records_go_from_process_to_process_unharmed() -> None:
    done = subprocess.run([*CLI, "chaos", "--ring", "20000"], capture_output=True, text=True, timeout=TIMEOUT_S)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["written"], told["wrong"], told["out_of_order"]) == (20000, 0, 0)
    assert told["read"] + told["lost"] == 20000
    assert told["read"] > 0


def test_a_record_that_is_not_of_one_frame_is_seen() -> None:
    whole, other = made(7), made(9)
    assert as_made(whole)
    assert not as_made(replace(whole, dropped=8))
    assert not as_made(replace(whole, persons=other.persons))
    assert not as_made(replace(whole, image_wh=other.image_wh))


def test_a_soak_chooses_its_faults_itself() -> None:
    done = subprocess.run([*CLI, "chaos", "--soak", "1", "junk"], capture_output=True, text=True, timeout=TIMEOUT_S)
    assert (done.returncode, "leave out their names" in done.stderr) == (2, True)
