"""The main job with everything real: processes, shared memory, sockets, the detector, the lifter, the viewer."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from mjpeg_server import MjpegServer
from numpy.typing import NDArray
from run_process import COMMAND, TIMEOUT_S, RunProcess
from waiting import until

from realtime.assets.fetch import fetch
from realtime.client.subscribe import Subscriber
from realtime.pipeline.confirm import CONFIRM_FRAMES
from realtime.ring.segment import sweep
from realtime.wire.messages import PersonPose, PoseMessage


@pytest.fixture(scope="module")
def clip() -> Path:
    """One person, the whole body, in every frame."""
    shared = Path(__file__).resolve().parents[4] / "shared" / "videos" / "tfjs_pose_1.mp4"
    return shared if shared.exists() else fetch("demo")


@pytest.fixture(autouse=True)
def _no_memory_is_left_behind() -> Iterator[None]:
    sweep()  # what another session holds stays, and is nobody's fault
    yield
    assert not sweep()


def pictures(clip: Path, count: int) -> list[NDArray[np.uint8]]:
    """The first ones of a clip, at most 420 pixels wide."""
    video = cv2.VideoCapture(str(clip))
    images = [video.read()[1] for _ in range(count)]
    video.release()
    scale = min(1.0, 420 / images[0].shape[1])
    return [cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) for image in images]


def receive(subscriber: Subscriber) -> PoseMessage:
    return subscriber.receive(timeout_s=TIMEOUT_S)


def test_at_full_speed_every_frame_is_published_and_the_film_shows_them(clip: Path, tmp_path: Path) -> None:
    film = tmp_path / "out.mp4"
    with RunProcess("--source", str(clip), "--max-speed", "--frames", "40", "--render", str(film)) as run:
        summary = run.finish()
    assert (summary["frames"], summary["published"], summary["dropped"], summary["lost"]) == (40, 40, 0, 0)
    assert summary["published"] == pytest.approx(summary["fps"] * summary["published_s"], rel=0.01)
    assert summary["published_s"] <= summary["elapsed_s"]
    unconfirmed = CONFIRM_FRAMES - 1
    shown, seen = summary["published_with_person"], summary["frames_with_person"]
    assert 0 < shown <= seen - unconfirmed
    assert clip.stem != "tfjs_pose_1" or shown == seen - unconfirmed, "one person, once confirmed"
    assert set(summary["stages_ms"]) == {"detect", "ring", "lift", "publish", "message", "total"}
    assert summary["processes"].keys() == {"producer", "lifter", "viewer"}
    video = cv2.VideoCapture(str(film))
    images = []
    while (frame := video.read())[0]:
        images.append(frame[1])
    video.release()
    assert len(images) >= 10
    assert np.ptp(images[-1]) > 100, "an empty picture"
    assert any(np.abs(image.astype(int) - images[0]).max() > 50 for image in images[1:]), "nothing moves"


def test_a_late_subscriber_gets_moving_poses_in_front_of_the_camera(clip: Path) -> None:
    with RunProcess("--source", str(clip), "--loop", "--no-view") as run:
        run.wait_for("producer ready")
        with Subscriber(run.address) as first:
            receive(first)
            with Subscriber(run.address) as late:
                messages: list[PoseMessage] = []
                persons: list[PersonPose] = []
                while len(persons) < 10:  # a frame in between may have nobody
                    messages.append(receive(late))
                    persons += messages[-1].persons
        run.interrupt()
        summary = run.finish()
    assert summary["published"] >= len(messages) <= 20
    assert all(0.3 < person.root_m[2] < 30 for person in persons if np.isfinite(person.root_m[2]))
    assert {"detect", "ring", "lift", "total"} <= messages[-1].latency_ms.keys()
    assert messages[-1].engine == summary["engine"] != ""
    spread = np.ptp(np.stack([person.joints_m for person in persons]), axis=0)
    assert spread.max() > 1e-3


def test_a_person_who_leaves_is_held_for_half_a_second_and_comes_back(clip: Path) -> None:
    images = pictures(clip, 12)
    nobody = [np.full_like(images[0], 90)] * 40
    with MjpegServer([*images, *nobody], fps=12) as camera, RunProcess("--source", camera.url, "--no-view") as run:
        run.wait_for("producer ready")
        with Subscriber(run.address) as subscriber:
            def until(wanted: str) -> list[PoseMessage]:
                """Messages up to the first one that is like this."""
                taken: list[PoseMessage] = []
                while not taken or state(taken[-1]) != wanted:
                    taken.append(receive(subscriber))
                return taken

            seen = until("seen")[-1]
            leaving = until("empty")
            back = until("seen")[-1]
        run.interrupt()
        summary = run.finish()
    known = [seen, *leaving]
    last = max(at for at, message in enumerate(known) if state(message) == "seen")
    held = [message for message in known[last:] if state(message) == "held"]
    assert held, "the last pose is held"
    last_seen = known[last]
    assert held[-1].t_capture_ns - last_seen.t_capture_ns <= 0.51e9
    np.testing.assert_array_equal(held[0].persons[0].joints_m, held[-1].persons[0].joints_m)
    assert back.session == seen.session
    assert summary["published_with_person"] < summary["frames_with_person"] < summary["published"]


def state(message: PoseMessage) -> str:
    if not message.persons:
        return "empty"
    return "held" if all(person.held for person in message.persons) else "seen"


def test_killing_the_viewer_changes_nothing_for_the_publisher(clip: Path, tmp_path: Path) -> None:
    with RunProcess("--source", str(clip), "--loop", "--render", str(tmp_path / "out.mp4")) as run:
        viewer = run.pid("viewer")
        run.wait_for("viewer ready")
        with Subscriber(run.address) as subscriber:
            before = receive(subscriber)
            os.kill(viewer, signal.SIGKILL)
            run.wait_for("starting it again")
            after = [receive(subscriber) for _ in range(10)]
            assert subscriber.gaps == 0
        again = run.pid("viewer")
        until(lambda: any(tmp_path.glob(f".out.{again}.*.mp4")))  # it draws: a film of nothing is a failure
        run.interrupt()
        summary = run.finish()
    assert {message.session for message in after} == {before.session}
    assert summary["processes"]["viewer"]["restarts"] == 1
    assert summary["processes"]["lifter"]["restarts"] == summary["processes"]["producer"]["restarts"] == 0


def test_a_restarted_lifter_continues_with_a_filled_window(clip: Path) -> None:
    there = pictures(clip, 40)
    camera = MjpegServer([*there, *reversed(there)], fps=15)  # without a seam at which the window starts anew
    with camera, RunProcess("--source", camera.url, "--no-view") as run:
        lifter = run.pid("lifter")
        with Subscriber(run.address) as subscriber:
            while not (before := receive(subscriber)).persons or before.persons[0].window_fill < 0.2:
                pass
            os.kill(lifter, signal.SIGKILL)
            while (after := receive(subscriber)).session == before.session or not after.persons:
                pass
        run.interrupt()
        summary = run.finish()
    assert after.frame_id > before.frame_id
    assert after.persons[0].window_fill >= before.persons[0].window_fill
    assert summary["processes"]["lifter"]["restarts"] == 1


def test_a_restarted_producer_keeps_counting_frames(clip: Path) -> None:
    with RunProcess("--source", str(clip), "--loop", "--no-view") as run:
        producer = run.pid("producer")
        with Subscriber(run.address) as subscriber:
            while not (before := receive(subscriber)).persons:
                pass
            os.kill(producer, signal.SIGKILL)
            run.wait_for("the producer failed")
            ids = {before.persons[0].id}
            frames = [before.frame_id]
            while ids == {before.persons[0].id}:
                message = receive(subscriber)
                frames.append(message.frame_id)
                ids |= {person.id for person in message.persons}
        run.interrupt()
        run.finish()
    assert frames == sorted(set(frames))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--source", "nowhere.mp4"), "there is no file nowhere.mp4"),
        (("--source", "37"), "there is no camera 37"),
        (("--detector", "huge"), "'huge' is none of lite, full, heavy"),
        (("--model", "no-such-model"), "no-such-model"),
        (("--camera", "no-such.yaml"), "no-such.yaml"),
        (("--plan", "nothere.plan"), "there is no plan nothere.plan"),
        (("--plan", __file__), "beside it, so what it holds is unknown"),
        (("--plan", "."), "plan"),
        (("--source", "demo", "--start", "1e9"), "s long: give a --start before its end"),
        (("--engine", "steam"), "'steam' is unknown"),
        (("--lookahead", "3"), "no look-ahead 3"),
        (("--align", "end"), "no window to align in"),
        (("--encoding", "xml"), "'xml' is none of"),
        (("--person", "nobody-known"), "nobody-known"),
        (("--address", "tcp://0.0.0.0:0"), "can be reached by other machines"),
        (("--render", "out.mp4"), "leave out either --no-view"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(options: tuple[str, ...], says: str, tmp_path: Path) -> None:
    command = [*COMMAND, "--no-view", "--address", "tcp://127.0.0.1:0", "--rpc-address", "tcp://127.0.0.1:0", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert says in done.stderr.splitlines()[-1].replace("\n", " ")
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def refused(*options: str, cwd: Path) -> str:
    """The last line of a run that does not begin."""
    command = [*COMMAND, "--address", "tcp://127.0.0.1:0", "--rpc-address", "tcp://127.0.0.1:0", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, cwd=cwd, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    return done.stderr.splitlines()[-1]


def test_no_film_replaces_a_video_unasked_and_none_the_source(clip: Path, tmp_path: Path) -> None:
    own, other, link = tmp_path / "own.mp4", tmp_path / "other.mp4", tmp_path / "link.mp4"
    shutil.copy(clip, own)
    link.symlink_to(own)
    other.write_bytes(b"mine")
    kept = own.read_bytes()
    render = ("--source", "own.mp4", "--render")
    assert "own.mp4 exists: choose another name" in refused(*render, "own.mp4", cwd=tmp_path)
    assert "other.mp4 exists: choose another name" in refused(*render, "other.mp4", cwd=tmp_path)
    for same in ("own.mp4", str(own), "link.mp4"):
        assert "is the video that is looked at" in refused(*render, same, "--overwrite", cwd=tmp_path)
    assert (own.read_bytes(), other.read_bytes()) == (kept, b"mine")


def test_a_film_that_was_asked_for_and_not_made_is_an_error(clip: Path, tmp_path: Path) -> None:
    folder = tmp_path / "films"
    folder.mkdir()
    film = folder / "out.mp4"
    with RunProcess("--source", str(clip), "--loop", "--render", str(film)) as run:
        run.wait_for("viewer ready")
        shutil.rmtree(folder)
        with Subscriber(run.address) as subscriber:
            receive(subscriber)
        run.interrupt()
        assert run.popen.wait(TIMEOUT_S) == 2
        run.wait_for(f"{film} was not made")


def test_a_port_left_open_is_chosen_and_the_viewer_finds_it(clip: Path, tmp_path: Path) -> None:
    open_ports = ("--address", "tcp://127.0.0.1:0", "--rpc-address", "tcp://127.0.0.1:*")
    film = tmp_path / "out.mp4"
    with RunProcess("--source", str(clip), "--max-speed", "--frames", "15", "--render", str(film), *open_ports) as run:
        port = int(run.wait_for(r"publishing at tcp://127\.0\.0\.1:(\d+)")[1])
        assert run.finish()["render"] == str(film)
    assert port > 0


def test_a_busy_port_is_said_in_one_sentence(clip: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        command = [*COMMAND, "--no-view", "--source", str(clip), "--address", address]
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode == 2
    assert f"cannot listen at {address}" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
