"""A session learns the floor by itself, says so on the stream, and the command keeps it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from run_process import TIMEOUT_S, RunProcess

from calibration.floor.ground import load_ground, rotation_from_up
from engines.errors import UserError
from realtime import subscribe
from realtime.calibrate.keep import learned_ground
from realtime.server.publish import Publisher
from realtime.wire.messages import PoseMessage

CLIP = Path(__file__).resolve().parents[4] / "shared" / "videos" / "sports2d_demo.mp4"
CALIBRATE = [sys.executable, "-m", "realtime.cli", "calibrate", "ground"]


def keep(rpc_address: str, path: Path) -> subprocess.CompletedProcess[str]:
    command = [*CALIBRATE, "--keep", "--rpc", rpc_address, "-o", str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)


@pytest.mark.skipif(not CLIP.exists(), reason=f"not here: {CLIP}")
def test_a_session_without_a_calibration_comes_to_stand_on_its_floor_and_it_can_be_kept(tmp_path: Path) -> None:
    path = tmp_path / "ground.yaml"
    options = ("--source", str(CLIP), "--people", "2", "--max-speed", "--loop", "--no-view")
    with RunProcess(*options) as run:
        run.wait_for("lifter ready")
        messages: list[PoseMessage] = []
        with subscribe(run.address, timeout_s=TIMEOUT_S) as subscriber:
            while not messages or messages[-1].space == "camera":
                messages.append(subscriber.receive())
        kept = keep(run.rpc_address, path)
    assert kept.returncode == 0, kept.stderr
    assert {(message.space, message.floor) for message in messages[:-1]} == {("camera", "none")}
    before, after = messages[-2:]
    assert after.floor == "estimated"
    assert (after.session, after.scale, after.calibration) == (before.session, before.scale, before.calibration)
    fill = {person.id: person.window_fill for person in before.persons}
    assert all(person.window_fill >= fill[person.id] for person in after.persons if person.id in fill)
    assert fill.keys() & {person.id for person in after.persons}, "who was in view is so still"
    ground = load_ground(path)
    assert (ground.source, ground.scale) == ("person", "assumed")
    assert 0.3 < ground.height_m < 5


def test_what_a_stream_has_learned_comes_back_as_it_was() -> None:
    rotation = rotation_from_up([0.05, -0.98, -0.15])
    found = {
        "camera_to_world_rotation": rotation.tolist(), "camera_height_m": 1.5, "normal_sigma_deg": 2.0,
        "camera_height_sigma_m": 0.25, "scale": "assumed", "camera_identity": "lens",
    }  # fmt: skip
    with Publisher("tcp://127.0.0.1:*", "tcp://127.0.0.1:*") as publisher:
        assert publisher.rpc_address is not None
        with pytest.raises(UserError, match="learns no floor"):
            learned_ground(publisher.rpc_address)
        with pytest.raises(UserError, match="no stream 'other'"):
            learned_ground(publisher.rpc_address, "other")
        publisher.status({"floor_learned": None})
        with pytest.raises(UserError, match="walk about"):
            learned_ground(publisher.rpc_address)
        publisher.status({"floor_learned": found})
        ground = learned_ground(publisher.rpc_address)
        publisher.status({"floor_learned": {**found, "camera_height_m": "high"}})
        with pytest.raises(UserError, match="cannot be read"):
            learned_ground(publisher.rpc_address)
    np.testing.assert_allclose(ground.rotation, rotation, atol=1e-6)
    assert (ground.height_m, ground.normal_sigma_deg, ground.height_sigma_m) == (1.5, 2.0, 0.25)
    assert (ground.scale, ground.source, ground.camera_identity) == ("assumed", "person", "lens")


def test_nobody_to_ask_is_one_clear_sentence(tmp_path: Path) -> None:
    kept = keep("tcp://127.0.0.1:9", tmp_path / "ground.yaml")
    assert kept.returncode == 2
    assert "no answer" in kept.stderr
    assert "Traceback" not in kept.stderr
    both = subprocess.run([*CALIBRATE, "--keep", "--height", "1"], capture_output=True, text=True, timeout=TIMEOUT_S)
    assert both.returncode == 2
    assert "--keep asks a running stream" in both.stderr
