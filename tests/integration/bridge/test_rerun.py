"""The bridge to Rerun as a process: what it records is read by Rerun's own reader."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bridge_process import BridgeProcess
from figures import in_camera, pose, walk
from run_process import free_port
from waiting import until

from realtime.bench.known_poses import known_keypoints
from realtime.clock import monotonic_ns
from realtime.contracts import PoseFrame, Stamp
from realtime.server.publish import Publisher

pytest.importorskip("rerun")
JOINTS = in_camera(walk(1)[0])
FEET = (JOINTS[[3, 3, 6, 6]] - JOINTS[0] + 0.1).astype(np.float32)
HANDS = (JOINTS[[16, 16, 16, 13, 13, 13]] - JOINTS[0] + 0.1).astype(np.float32)
HANDS[0] = np.nan  # not seen


def publish(publisher: Publisher, person: int, held: bool = False) -> None:
    frame, now_ns = publisher.sent(), monotonic_ns()
    publisher.send_keypoints(known_keypoints(0))
    extremities = {} if person == 8 else {
        "feet_m": FEET, "feet_sigma_m": np.full(4, 0.05, np.float32), "hands_m": HANDS,
        "hands_sigma_m": np.where(np.isnan(HANDS[:, 0]), np.nan, 0.05).astype(np.float32),
    }  # fmt: skip
    people = (pose(person, JOINTS, held=held, **extremities),)
    publisher.send(PoseFrame(Stamp(frame, now_ns, now_ns), (640, 480), people), engine="e")


def read(path: Path) -> dict[str, dict[str, list[Any]]]:
    """Path -> component -> a value for each time that it was logged."""
    from rerun.chunk import RrdReader

    out: dict[str, dict[str, list[Any]]] = {}
    for chunk in RrdReader(path).stream().to_chunks():
        batch = chunk.to_record_batch()
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            values = column.cast("int64") if name in ("capture", "log_time") else column
            out.setdefault(chunk.entity_path, {}).setdefault(name, []).extend(values.to_pylist())
    return out


def holds(path: Path, person: int) -> bool:
    """Whether the person is in a recording that may still be written."""
    return path.exists() and f"people/{person}".encode() in path.read_bytes()


def test_a_recording_holds_the_people_of_the_stream(tmp_path: Path) -> None:
    path = tmp_path / "walk.rrd"
    with (
        Publisher("tcp://127.0.0.1:*", None) as publisher,
        BridgeProcess("rerun", publisher.address, "--save", path) as bridge,
    ):
        bridge.wait_for("Ctrl-C ends it")
        for person in (7, 8):
            until(lambda p=person: holds(path, p), lambda p=person: publish(publisher, p))
        assert bridge.end() == 0
    found = read(path)
    for person in (7, 8):
        joints = found[f"/people/{person}"]["Points3D:positions"]
        np.testing.assert_allclose(next(filter(None, joints)), JOINTS, atol=1e-5)
        strips = next(filter(None, found[f"/people/{person}"]["LineStrips3D:strips"]))
        assert np.shape(strips) == (16, 2, 3)
    thin = next(filter(None, found["/people/7/extremities"]["LineStrips3D:strips"]))
    assert np.shape(thin) == (12, 2, 3)
    np.testing.assert_allclose(thin[0], (JOINTS[3], FEET[0] + JOINTS[0]), atol=1e-5)
    assert "/people/8/extremities" not in found
    assert any(found["/people/7"]["Clear:is_recursive"]), "who is gone is cleared"
    np.testing.assert_array_equal(found["/people"]["ViewCoordinates:xyz"], [[[3, 2, 5]]])  # right, down, forward
    seen = known_keypoints(0).persons[0]
    points = found[f"/keypoints/{seen.track_id}"]["Points2D:positions"][0]
    np.testing.assert_allclose(points, seen.xy_px[:16], atol=1e-3)
    frames = [one for one in found["/people/8"]["frame_id"] if one is not None]
    assert frames == sorted(frames)


def test_a_viewer_elsewhere_gets_them(tmp_path: Path) -> None:
    """Rerun's own server in its own process takes what the bridge sends, and writes it down."""
    port, path = free_port(), tmp_path / "got.rrd"
    viewer = subprocess.Popen(
        [sys.executable, "-m", "rerun", "--bind", "127.0.0.1", "--port", str(port), "--save", str(path)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until(lambda: reached(port))
        with (
            Publisher("tcp://127.0.0.1:*", None) as publisher,
            BridgeProcess("rerun", publisher.address, "--connect", f"127.0.0.1:{port}") as bridge,
        ):
            bridge.wait_for("Ctrl-C ends it")
            until(lambda: holds(path, 7), lambda: publish(publisher, 7))
            assert bridge.end() == 0
    finally:
        viewer.terminate()
        viewer.wait(60)


def reached(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--save", "walk.mcap"), "--save walk.rrd"),
        (("--save", "nowhere/walk.rrd"), "make the folder"),
        (("--save", "a.rrd", "--serve", "9876"), "exclude each other"),
        (("--serve", "9876"), "--insecure"),
        (("--connect", "here"), "HOST:PORT"),
    ],
)
def test_a_mistake_is_one_sentence(options: tuple[str, ...], complaint: str) -> None:
    with BridgeProcess("rerun", *options) as bridge:
        assert bridge.popen.wait(60) == 2
        assert complaint in bridge.wait_for("realtime: ")
        assert "Traceback" not in "\n".join(bridge.said)


def test_a_file_that_is_there_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "walk.rrd"
    path.write_bytes(b"mine")
    with BridgeProcess("rerun", "--save", path) as bridge:
        assert bridge.popen.wait(60) == 2
        bridge.wait_for("--overwrite")
    assert path.read_bytes() == b"mine"
