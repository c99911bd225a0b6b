"""The viewer off screen: a real publisher and socket, real Open3D, the pictures looked at."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from view_walker import FRAME_NS, IMAGE_WH, Walker, pictures, walking

from calibration.floor.ground import from_angles
from engines.errors import UserError
from engines.models.skeleton import LEFT, RIGHT
from realtime.contracts import CameraPlace
from realtime.view.scene.follow import Follow, upright
from realtime.view.scene.mark import frustum
from realtime.view.scene.stage import Stage
from realtime.view.view import view
from realtime.wire.messages import PersonPose, PoseMessage

SIZE = (320, 240)
ONES = np.ones(17, np.float32)
COMMAND = "import typer; from realtime.commands.live.view import view; typer.run(view)"


def limbs(image_bgr: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Masks of the warm (left) and cool (right) limbs; background, floor, shadow and text are nearly grey."""
    blue, red = image_bgr[..., 0].astype(int), image_bgr[..., 2].astype(int)
    return red - blue > 60, blue - red > 60


def message(index: int) -> PoseMessage:
    root_m = np.array((0, 0.1, 4.0), np.float32)
    person = PersonPose(0, walking(index), root_m, ONES * 0.03, ONES, 0, 1.0, held=False)
    return PoseMessage("main", "s", index, index, index * FRAME_NS, index * FRAME_NS, IMAGE_WH, "camera", "assumed",
                       "h36m-17", "", "onnxruntime", "stream-243", 0, 0, (person,))  # fmt: skip


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> list[np.ndarray]:
    """The pictures of the first 20 frames of a walk, seen from the front."""
    folder = tmp_path_factory.mktemp("view") / "pictures"
    stop = threading.Event()

    def enough() -> bool:  # the walk begins once the viewer draws
        return bool(pictures(folder))

    with Walker(enough, count=20) as walker:
        view(walker.address, render=folder, size_wh=SIZE, angle_deg=(0, 0), supersample=1, wait_s=1.0, stop=stop,
             panel=False)
    images = [cv2.imread(str(path)) for path in pictures(folder)]
    return [image for image in images if any(mask.any() for mask in limbs(image))]


def test_every_frame_is_drawn(walk: list[np.ndarray]) -> None:
    assert len(walk) == 20
    assert walk[0].shape == (SIZE[1], SIZE[0], 3)


def test_left_and_right_joints_are_drawn_in_their_colours_where_the_camera_projects_them(
    walk: list[np.ndarray],
) -> None:
    follow = Follow()
    with Stage(SIZE, window=False, angle_deg=(0, 0), supersample=1) as stage:
        for index, image in enumerate(walk):
            follow.update(message(index))
            stage.draw(follow)
            pixels = stage.project(follow.figures[0].joints_m).round().astype(int)
            warm, cool = limbs(image)
            for joints, mask in ((LEFT, warm), (RIGHT, cool)):
                drawn = [mask[y - 1 : y + 2, x - 1 : x + 2].any() for x, y in pixels[list(joints)]]
                assert all(drawn), f"frame {index}: {drawn}"


def test_the_camera_is_drawn_where_it_stands_in_the_world() -> None:
    ground = from_angles(1.2, -10.0)
    seen = replace(message(0), space="world", floor="measured", camera=CameraPlace(60.0, ground.rotation, 1.2))
    seen.persons[0].root_m[:] = (0.3, 1.5, 0.9)
    follow = Follow()
    follow.update(seen)
    pictures = []
    with Stage((640, 480), window=False, angle_deg=(60, 20), supersample=1) as stage:
        stage.eye.wheel(-6)  # further away: the camera is in the picture, too
        for stage.marks in (True, False):
            stage.draw(follow)
            stage.draw(follow)
            pictures.append(stage.image().astype(int))
        corners = upright(ground.to_world(frustum(seen.image_wh, 60.0)[0]), "world")
        pixels = stage.project(corners).round().astype(int)
    drawn = np.abs(pictures[0] - pictures[1]).max(-1) > 20
    assert all(drawn[y - 2 : y + 3, x - 2 : x + 3].any() for x, y in pixels)
    assert np.nonzero(drawn)[1].min() >= pixels[:, 0].min() - 60  # nothing else changed but the axes beside it


def test_feet_and_hands_are_drawn_where_they_are_in_the_message_and_can_be_left_out() -> None:
    seen = message(0)
    (person,) = seen.persons
    aside_m = np.array((0.15, 0.03, 0), np.float32)
    hands_m = np.full((6, 3), np.nan, np.float32)
    hands_m[:3] = person.joints_m[16] - aside_m
    whole = replace(person, feet_m=person.joints_m[[3, 3, 6, 6]] + aside_m, hands_m=hands_m)
    pictures = []
    with Stage((640, 480), window=False, angle_deg=(0, 0), supersample=1) as stage:
        for stage.extremities, one in ((True, person), (True, whole), (False, whole), (True, person)):
            follow = Follow()
            follow.update(replace(seen, persons=(one,)))
            stage.draw(follow)
            pictures.append(stage.image().astype(int))
        figure = follow.figures[0]
        tips_m = figure.joints_m[[3, 6, 16]] + upright(np.array((aside_m, aside_m, -aside_m), float), "camera")
        pixels = stage.project(tips_m).round().astype(int)
    drawn = np.abs(pictures[1] - pictures[0]).max(-1) > 20
    assert all(drawn[y - 3 : y + 4, x - 3 : x + 4].any() for x, y in pixels)
    np.testing.assert_array_equal(pictures[2], pictures[0])
    np.testing.assert_array_equal(pictures[3], pictures[0])


def test_the_person_stands_upright_and_faces_the_viewer(walk: list[np.ndarray]) -> None:
    warm, cool = limbs(walk[0])
    assert np.nonzero(warm)[1].mean() > np.nonzero(cool)[1].mean()  # the left arm is on the picture's right
    rows = np.nonzero(warm | cool)[0]
    widths = [(warm | cool)[row].sum() for row in (rows.min() + 3, rows.max() - 3)]
    assert widths[0] > widths[1]  # shoulders above, two thin ankles below


def test_the_person_moves(walk: list[np.ndarray]) -> None:
    moved = np.abs(walk[0].astype(int) - walk[8].astype(int)).max(-1) > 40
    assert moved.sum() > 100


def test_the_video_keeps_the_streams_time(tmp_path: Path) -> None:
    out = tmp_path / "walk.mp4"
    with Walker(lambda: True) as walker:
        summary = view(walker.address, render=out, size_wh=SIZE, supersample=1, frames=45)
    assert summary.frames == 45
    assert list(tmp_path.iterdir()) == [out]
    with av.open(str(out)) as video:
        shown = [(frame.time, frame.to_ndarray(format="bgr24")) for frame in video.decode(video=0)]
    assert len(shown) == 45
    steps_s = np.diff([time_s for time_s, _ in shown])
    assert np.median(steps_s) == pytest.approx(FRAME_NS / 1e9, abs=1e-4)
    assert steps_s.sum() == pytest.approx((44 + summary.missed) * FRAME_NS / 1e9, abs=0.01)
    assert all(any(mask.sum() > 100 for mask in limbs(image)) for _, image in shown)


def test_several_people_wear_different_tints(tmp_path: Path) -> None:
    with Walker(lambda: True, people=3) as walker:
        view(walker.address, render=tmp_path / "three", size_wh=SIZE, supersample=1, frames=2)
    hsv = cv2.cvtColor(cv2.imread(str(pictures(tmp_path / "three")[1])), cv2.COLOR_BGR2HSV)
    hues = np.bincount(hsv[hsv[..., 1] > 110][:, 0] // 10, minlength=18)
    assert (hues > 20).sum() >= 4


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_broken_off_run_leaves_a_video_that_plays(tmp_path: Path, number: signal.Signals) -> None:
    out = tmp_path / "out.mp4"
    with Walker(lambda: True) as walker:
        command = [sys.executable, "-c", COMMAND, walker.address, "--render", str(out), "--size", "320x240"]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        try:
            while not any(path.stat().st_size > 4096 for path in tmp_path.glob(".out.*")):
                assert process.poll() is None, "the viewer ended early"
            process.send_signal(number)
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
            process.wait()
    assert process.returncode == 0, said
    assert list(tmp_path.iterdir()) == [out]
    video = cv2.VideoCapture(str(out))
    count = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
    assert count > 0
    assert all(video.read()[0] for _ in range(count))
    video.release()


def test_a_silent_address_is_told_with_what_to_do(tmp_path: Path) -> None:
    ready = threading.Event()
    with pytest.raises(UserError, match=r"within 0\.2 s: start 'realtime run'"):
        view("tcp://127.0.0.1:9", render=tmp_path / "none.mp4", size_wh=SIZE, wait_s=0.2, on_ready=ready.set)
    assert ready.is_set()
    assert not list(tmp_path.iterdir())


def test_without_egl_the_error_names_the_packages(tmp_path: Path) -> None:
    script = (
        "from pathlib import Path\nfrom engines.errors import UserError\nfrom realtime.view.view import view\n"
        "try:\n    view(render=Path('x.mp4'))\nexcept UserError as error:\n    raise SystemExit(f'told: {error}')\n"
    )
    env = {"PATH": "/usr/bin:/bin", "__EGL_VENDOR_LIBRARY_FILENAMES": "/nonexistent"}
    done = subprocess.run([sys.executable, "-c", script], env=env, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert "told: Open3D cannot draw off screen (EGL)" in done.stderr
    assert "libegl1" in done.stderr
    assert done.stdout == ""


def test_without_a_display_a_window_is_refused_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(UserError, match=r"--render OUT\.mp4"):
        view()
