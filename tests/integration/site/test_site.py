"""`realtime run` of several cameras as its user has it: real processes, a film for each, one person in the room."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from room import LENS, cameras_round, turn_between_deg
from room_detector import CAMERAS, IMAGE_WH, LATE_S
from room_site import NAMES, off_m, settled, some, started, starts_ns
from serve_process import WAIT_S

from calibration.cameras.cameras_file import load_cameras
from calibration.lens.camera_file import save_camera
from realtime.client.status import StatusListener
from realtime.client.subscribe import Subscriber
from realtime.clock import NS_PER_S, monotonic_ns
from realtime.keys.key_store import KeyStore
from realtime.wire.endpoints import ClientKeys

CALIBRATE = [sys.executable, "-m", "realtime.cli", "calibrate", "cameras"]


@pytest.mark.timeout(600)
def test_three_cameras_are_one_person_where_they_are_and_a_dead_camera_does_not_end_it(site: Path) -> None:
    with (
        started(site) as run,
        Subscriber(run.address, timeout_s=WAIT_S) as subscriber,
        Subscriber(run.address, "middle", timeout_s=WAIT_S) as alone,
        StatusListener(run.address) as status,
    ):
        pids = {name: run.pid(f"camera {name}") for name in NAMES}
        with starts_ns(run.address) as starts:
            settled(subscriber)
            messages = some(subscriber, 60)
            assert {message.space for message in messages} == {"world"}
            assert max(len(message.persons) for message in messages) == 1
            assert np.median([off_m(message, starts["left"]) for message in messages]) < 0.15
            own = settled(alone)  # each camera's stream goes on beside it, in the room's axes
            assert own.space == "world"

            (site / "gone-2").touch()
            os.kill(pids["right"], signal.SIGKILL)
            run.wait_for("no camera right")  # it was tried again, and given up
            end_ns = monotonic_ns() + int(WAIT_S * NS_PER_S)
            while not _sees_without(status.latest(), "right"):
                some(subscriber, 1)
                assert monotonic_ns() < end_ns, status.latest()
            later = some(subscriber, 60)
            assert {message.session for message in later} == {messages[0].session}
            assert later[-1].seq > messages[-1].seq
            assert np.median([off_m(message, starts["left"]) for message in later]) < 0.2
        run.interrupt()
        summary = run.finish()
    assert summary["published"]["main"] > 120
    assert summary["published"].keys() >= {"main", *NAMES}


def _sees_without(status: dict[str, object] | None, name: str) -> bool:
    if status is None or status["state"] != "degraded":
        return False
    cameras = status["cameras"]
    assert isinstance(cameras, dict)
    return not cameras[name]["seeing"] and name in str(status["why"])


@pytest.mark.timeout(600)
def test_running_cameras_are_placed_by_who_walks_before_them(site: Path, films: Path) -> None:
    """As a user does it: a site whose cameras' places are not known, a walk, and then it is fused."""
    path = site / "site.toml"
    path.write_text("\n".join(line for line in path.read_text().splitlines() if not line.startswith("cameras =")))
    save_camera(site / "lens.yaml", LENS.scaled(IMAGE_WH), "lens")
    lenses = [word for name in NAMES for word in ("--lens", f"{name}={site / 'lens.yaml'}")]
    with started(site) as run:
        with starts_ns(run.address):
            calibrate = [*CALIBRATE, *NAMES, "--address", run.address, "--seconds", "15", "--person-height", "1.75",
                         *lenses]  # fmt: skip
            done = subprocess.run(calibrate, cwd=site, capture_output=True, text=True, timeout=WAIT_S)
            assert done.returncode == 0, done.stderr
        run.interrupt()
        assert run.finish()["published"].keys() == set(NAMES)
    placed, true = load_cameras(site / "cameras.yaml"), cameras_round(CAMERAS)
    assert placed.names == NAMES
    for one, camera in zip(placed.placed[1:], true[1:], strict=True):
        assert turn_between_deg(placed.placed[0], one, true[0], camera) < 4
    path.write_text(f'cameras = "cameras.yaml"\n{path.read_text()}')
    with started(site) as run, Subscriber(run.address, timeout_s=WAIT_S) as subscriber:
        message = settled(subscriber)
        assert (message.space, message.scale, message.floor) == ("world", "height", "estimated")
        assert message.calibration == placed.identity
        run.interrupt()
        run.finish()


@pytest.mark.timeout(600)
def test_clocks_that_lie_apart_are_found_and_told(site: Path) -> None:
    with started(site) as run, Subscriber(run.address, timeout_s=WAIT_S) as subscriber:
        with starts_ns(run.address) as starts, StatusListener(run.address) as status:
            true_ms = {name: (starts[NAMES[0]] - starts[name]) / 1e6 + 1000 * (LATE_S[0] - LATE_S[camera])
                       for camera, name in enumerate(NAMES)}  # fmt: skip
            end_ns = monotonic_ns() + int(2 * WAIT_S * NS_PER_S)
            while not _offsets_near(status.latest(), true_ms):
                some(subscriber, 1)
                assert monotonic_ns() < end_ns, ((status.latest() or {}).get("cameras"), true_ms)
        run.interrupt()
        run.finish()


def _offsets_near(status: dict[str, object] | None, true_ms: dict[str, float]) -> bool:
    cameras = (status or {}).get("cameras")
    if not isinstance(cameras, dict):
        return False
    found = [cameras[name]["offset_ms"] for name in NAMES]
    return all(one is not None and abs(one - true) < 12 for one, true in zip(found, true_ms.values(), strict=True))


@pytest.mark.timeout(600)
def test_a_killed_lifter_comes_back_and_the_stream_with_it(site: Path) -> None:
    with started(site) as run, Subscriber(run.address, timeout_s=WAIT_S) as subscriber:
        pid = run.pid("lifter")
        first = settled(subscriber)
        os.kill(pid, signal.SIGKILL)
        again = next(one for one in subscriber if one.session != first.session and one.persons)
        assert again.t_capture_ns > first.t_capture_ns
        run.interrupt()
        assert run.finish()["restarts"] == 1


def test_with_keys_all_streams_are_for_those_who_are_let_in(site: Path) -> None:
    store = KeyStore(site / "keys")
    for name in ("server", "reader"):
        store.new(name)
    store.allow("reader")
    keys = ClientKeys.load(store.directory / "reader.key_secret", store.directory / "server.key")
    with (
        started(site, "--keys", "keys") as run,
        Subscriber(run.address, timeout_s=WAIT_S, keys=keys) as room,
        Subscriber(run.address, "left", timeout_s=WAIT_S, keys=keys) as left,
    ):
        assert some(room, 1)
        assert some(left, 1)
        run.interrupt()
        run.finish()


@pytest.mark.parametrize(("change", "complaint"), [
    (('source = "', 'source = "no-such-'), "no-such"),
    (('name = "left"', 'name = "main"'), "two streams would be named 'main'"),
    (('name = "left"', 'name = "middle"'), "two streams would be named 'middle'"),
    (("[[camera]]", "[place]\nfloor = 'off'\n[[camera]]"), "no setting 'place'"),
    (("[[camera]]", "[lifter]\nlookahead = 2\n[[camera]]"), "leave out --lookahead"),
    (('cameras = "', 'cameras = "no-such-'), "no cameras file at"),
])  # fmt: skip
def test_mistakes_get_one_sentence(site: Path, change: tuple[str, str], complaint: str) -> None:
    path = site / "site.toml"
    path.write_text(path.read_text().replace(*change, 1))
    with started(site) as run:
        assert run.popen.wait(WAIT_S) == 2
        run._reader.join(WAIT_S)
        said = "\n".join(run.said)
    assert complaint in said
    assert "Traceback" not in said


def test_options_of_one_camera_are_refused_for_several(site: Path) -> None:
    with started(site, "--mirror") as run:
        assert run.popen.wait(WAIT_S) == 2
        run._reader.join(WAIT_S)
        assert "several cameras" in run.said[-1]
