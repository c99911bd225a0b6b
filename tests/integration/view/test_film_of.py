"""Recordings drawn to files by the command."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from takes import take_of
from view_walker import STANDING_M, walking
from waiting import until

from realtime.plot.film_of import _beside, film_of, poses_of

pytest.importorskip("mcap")

FRAMES = 12


def realtime(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "realtime.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=240)


def poses(path: Path, off_m: float = 0.0) -> Path:
    """As `realtime lift` writes them: a person who walks, the first frame with nobody."""
    joints = np.stack([walking(index) for index in range(FRAMES)])
    joints[:, 13] += np.float32(off_m)
    joints[0] = np.nan
    np.savez(
        path, joints_m=joints, root_m=np.tile(np.float32((0, 0, 4)), (FRAMES, 1)), t_s=np.arange(FRAMES) / 60,
        sigma_m=np.full((FRAMES, 17), 0.03, np.float32), held=np.zeros(FRAMES, bool), model="stream-243",
        window_fill=np.ones(FRAMES, np.float32), lag_frames=0, engine="onnxruntime", mode="stream",
    )  # fmt: skip
    return path


def test_a_take_becomes_a_film_of_its_own_length(tmp_path: Path) -> None:
    take, film = take_of(tmp_path / "a.mcap", FRAMES), tmp_path / "a.mp4"
    done = realtime("view", take, "--render", film, "--size", "320x240")
    assert done.returncode == 0, done.stderr
    with av.open(str(film)) as video:
        times_s = [frame.time for frame in video.decode(video=0)]
    assert times_s == pytest.approx([index / 30 for index in range(FRAMES)], abs=1e-3)


def test_poses_of_a_file_become_a_gif_and_a_sheet(tmp_path: Path) -> None:
    recording = poses(tmp_path / "poses.npz")
    done = realtime("view", recording, "--render", tmp_path / "a.png", "--size", "320x240", "--no-panel")
    assert done.returncode == 0, done.stderr
    sheet = cv2.imread(str(tmp_path / "a.png")).astype(int)
    assert sheet.shape[1] == 1920
    assert (sheet[..., 2] - sheet[..., 0] > 60).sum() > 1000  # warm limbs
    gif = ("--render", tmp_path / "a.gif", "--size", "160x120", "--fps", 30, "--turntable", 1)
    done = realtime("view", recording, *gif)
    assert done.returncode == 0, done.stderr
    from PIL import Image

    with Image.open(tmp_path / "a.gif") as film:
        assert film.n_frames == FRAMES // 2


def test_a_second_recording_is_drawn_in_grey_with_its_distance(tmp_path: Path) -> None:
    from realtime.plot.film_of import _beside, poses_of

    ours, theirs = poses(tmp_path / "ours.npz"), poses(tmp_path / "theirs.npz", off_m=0.17)
    compared = list(_beside(list(poses_of(ours)), list(poses_of(theirs))))
    message, state = compared[5]
    assert state == f"the other is {1000 * 0.17 * 3**0.5 / 17:.0f} mm off"
    assert [person.held for person in message.persons] == [False, True]
    assert compared[0][1] == "the other has no pose here"
    assert STANDING_M.shape == message.persons[1].joints_m.shape
    done = realtime("view", ours, "--compare", theirs, "--render", tmp_path / "both.png", "--size", "320x240")
    assert done.returncode == 0, done.stderr


def test_recordings_in_different_axes_are_not_compared(tmp_path: Path) -> None:
    ours, theirs = poses(tmp_path / "ours.npz"), poses(tmp_path / "theirs.npz")
    with np.load(theirs) as archive:
        fields = dict(archive)
    np.savez(theirs, **fields, space="world", root_sigma_m=np.zeros(FRAMES), unseen=np.zeros((FRAMES, 17), bool),
             ids=np.zeros(1, int), scale=np.full(FRAMES, "assumed"), calibration="")
    done = realtime("view", ours, "--compare", theirs, "--render", tmp_path / "both.png")
    assert done.returncode == 2
    assert "lift both with the same --ground" in " ".join(done.stderr.split())


def test_who_went_out_of_sight_leaves_the_film_as_they_leave_the_stream(tmp_path: Path) -> None:
    from realtime.plot.film_of import poses_of

    path = poses(tmp_path / "poses.npz")
    with np.load(path) as archive:
        fields = dict(archive)
    fields["t_s"] = np.arange(FRAMES) / 10.0
    fields["held"] = np.arange(FRAMES) >= 3
    fields["joints_m"][3:] = fields["joints_m"][2]
    np.savez(path, **fields)
    shown = [[person.held for person in message.persons] for message in poses_of(path)]
    assert shown == [[], [False], [False], *([[True]] * 5), *([[]] * 4)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nothing.mcap", "--render", "a.mp4"), "there is no file"),
        (("bad.npz", "--render", "a.mp4"), "'realtime lift' wrote"),
        (("good.npz",), "good.npz is a recording, which is drawn to a file: add --render OUT.mp4"),
        (("good.npz", "--render", "a.mp4", "--stream", "b"), "has no streams: leave out --stream b"),
        (("bad.npz", "--render", "no/a.mp4"), "make the folder"),
        (("bad.npz", "--compare", "none.npz", "--render", "a.mp4"), "there is no file none.npz"),
    ],
)
def test_what_cannot_be_drawn_is_told_in_a_sentence(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    poses(tmp_path / "good.npz")
    np.savez(tmp_path / "bad.npz", x=1)
    first, *rest = arguments
    rest = [str(tmp_path / word) if word.endswith(".mp4") else word for word in rest]
    done = realtime("view", tmp_path / first, *rest)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_replaying_is_advised_for_what_can_be_replayed_alone(tmp_path: Path) -> None:
    take = take_of(tmp_path / "good.mcap", FRAMES)
    advice = f"add --render OUT.mp4, or run 'realtime replay {take} --loop' and 'realtime view' beside it for a window"
    assert advice in realtime("view", take).stderr
    assert "realtime replay" not in realtime("view", poses(tmp_path / "good.npz")).stderr


@pytest.mark.parametrize(("words", "frames"), [(("--frames", "5"), 5), (("--duration", "0.09"), 3)])
def test_a_part_of_a_take_is_drawn(tmp_path: Path, words: tuple[str, ...], frames: int) -> None:
    take = take_of(tmp_path / "a.mcap", FRAMES)
    done = realtime("view", take, "--render", tmp_path / "stills", "--size", "160x120", *words)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "stills").iterdir())) == frames


def test_a_film_that_is_stopped_is_told_how_far_it_goes(tmp_path: Path) -> None:
    take, film = take_of(tmp_path / "a.mcap", FRAMES), tmp_path / "a.mp4"
    drawn: list[int] = []
    told = film_of(take, film, size_wh=(160, 120), supersample=1, progress=lambda done, _: drawn.append(done),
                   stopped=lambda: len(drawn) == 4)  # fmt: skip
    assert told == (4, FRAMES)
    with av.open(str(film)) as video:
        assert len(list(video.decode(video=0))) == 4


def test_ctrl_c_says_how_many_poses_are_in_the_film(tmp_path: Path) -> None:
    take, film = take_of(tmp_path / "a.mcap", 2000), tmp_path / "a.mp4"
    command = [sys.executable, "-m", "realtime.cli", "view", take, "--render", film, "--size", "320x240"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as drawing:
        until(lambda: any(path.stat().st_size > 4096 for path in tmp_path.glob(".a.*.mp4")), wait_s=240)
        drawing.send_signal(signal.SIGINT)
        _, said = drawing.communicate(timeout=240)
    assert drawing.returncode == 130, said
    with av.open(str(film)) as video:
        frames = len(list(video.decode(video=0)))
    assert 0 < frames < 2000
    assert f"a.mp4 holds {frames} of 2000 poses of" in "".join(said.split("\n")[-2:])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mcap", "a.mp4"]


def test_people_in_another_order_are_compared_with_themselves(tmp_path: Path) -> None:
    one = np.stack([np.stack([walking(index), -walking(index)]) for index in range(FRAMES)])
    rest = {
        "root_m": np.tile(np.float32([(0, 0, 4), (1, 0, 4)]), (FRAMES, 1, 1)), "t_s": np.arange(FRAMES) / 60,
        "sigma_m": np.full((FRAMES, 2, 17), 0.03, np.float32), "held": np.zeros((FRAMES, 2), bool),
        "root_sigma_m": np.ones((FRAMES, 2), np.float32), "unseen": np.zeros((FRAMES, 2, 17), bool),
        "window_fill": np.ones((FRAMES, 2), np.float32), "lag_frames": 0, "engine": "onnxruntime", "mode": "stream",
        "model": "stream-243", "ids": np.arange(2),
    }  # fmt: skip
    np.savez(tmp_path / "a.npz", joints_m=one, **rest)
    np.savez(tmp_path / "b.npz", joints_m=one[:, ::-1], **rest)
    messages, others = list(poses_of(tmp_path / "a.npz")), list(poses_of(tmp_path / "b.npz"))
    assert {state for _, state in _beside(messages, others)} == {"the other is 0 mm off"}
