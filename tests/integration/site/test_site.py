"""`realtime run` of several cameras as its user has it: real processes, a film for each, one person in the room."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import zmq
from room import LENS, cameras_round, turn_between_deg, wandering
from room_detector import CAMERAS, IMAGE_WH, LATE_S, SEED, write_film
from room_detector import __file__ as detector_file
from run_process import RunProcess
from serve_process import WAIT_S

from calibration.cameras.cameras_file import Cameras, load_cameras, save_cameras
from calibration.lens.camera_file import save_camera
from calibration.lens.placed import PlacedCamera
from realtime.client.status import StatusListener
from realtime.client.subscribe import Subscriber
from realtime.clock import NS_PER_S, monotonic_ns
from realtime.wire.decode import decode_keypoints
from realtime.wire.endpoints import connect_subscriber
from realtime.wire.framing import KEYPOINTS, topic
from realtime.wire.messages import PoseMessage

NAMES = ("left", "middle", "right")
CALIBRATE = [sys.executable, "-m", "realtime.cli", "calibrate", "cameras"]
FILM_S = 240
SETTLED = 90  # frames of a person until the model's memory is filled, more or less


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    for camera, name in enumerate(NAMES):
        write_film(folder / f"{name}.avi", camera, FILM_S * 30)
    lens = LENS.scaled(IMAGE_WH)
    placed = [PlacedCamera(name, lens, one.rotation, one.shift_m)
              for name, one in zip(NAMES, cameras_round(CAMERAS), strict=True)]  # fmt: skip
    save_cameras(folder / "cameras.yaml", Cameras(tuple(placed)))
    return folder


@pytest.fixture
def site(films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to run in; the detector's module is found from it."""
    support = str(Path(detector_file).parent)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([support, os.environ.get("PYTHONPATH", "")]))
    tables = "".join(f'[[camera]]\nname = "{name}"\nsource = "{films / name}.avi"\n' for name in NAMES)
    (tmp_path / "site.toml").write_text(
        f'cameras = "{films / "cameras.yaml"}"\n[detector]\nsize = "room_detector:RoomDetector"\n{tables}'
    )
    return tmp_path


def started(site: Path) -> RunProcess:
    return RunProcess("--config", "site.toml", "--no-view", cwd=site)


@contextmanager
def starts_ns(address: str) -> Iterator[dict[str, int]]:
    """When each camera's film began, by its keypoints: filled when the context begins."""
    found: dict[str, int] = {}
    with zmq.Context() as context:
        socket = connect_subscriber(context, address, [topic(KEYPOINTS, name) for name in NAMES])
        try:
            while len(found) < len(NAMES):
                assert socket.poll(int(WAIT_S * 1000)), f"keypoints came from {list(found)} alone"
                message = decode_keypoints(socket.recv())
                found[message.stream] = message.t_capture_ns - message.source_ns
            yield found
        finally:
            socket.close(linger=0)


def off_m(message: PoseMessage, start_ns: int) -> float:
    """How far the joints of the message's person are from where they were, mean; the first camera's film began at
    `start_ns`."""
    film_s = (message.t_capture_ns - start_ns) / NS_PER_S
    truth = wandering(np.array([film_s - LATE_S[0] + 10.0]), SEED)[0]
    return min(float(np.linalg.norm(person.positions_m - truth, axis=1).mean()) for person in message.persons)


def settled(subscriber: Subscriber) -> PoseMessage:
    return next(one for one in subscriber if any(person.window_fill > 0.3 for person in one.persons))


def some(subscriber: Subscriber, count: int) -> list[PoseMessage]:
    """Messages with somebody freshly seen."""
    return [next(one for one in subscriber if any(not person.held for person in one.persons)) for _ in range(count)]


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
    with RunProcess("--config", "site.toml", "--no-view", "--mirror", cwd=site) as run:
        assert run.popen.wait(WAIT_S) == 2
        run._reader.join(WAIT_S)
        assert "several cameras" in run.said[-1]
