"""What `realtime lift` reads besides .npz: OpenPose's JSON, .csv and videos, each to the same people upright."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from keypoint_files import SIZE, person

import realtime
from calibration.floor.ground import from_angles, save_ground
from calibration.person.body_scale import BodyScale, save_person
from engines.errors import UserError
from engines.models.skeleton import JOINT_NAMES
from engines.models.source_skeletons import SKELETONS
from realtime.assets.fetch import fetch
from realtime.files.lift_file import LiftOptions, lift_file
from realtime.files.read_source import Told, read_source, size_of
from realtime.files.watch_video import watch_video
from realtime.sources.open_source import open_source

HIP, HEAD = JOINT_NAMES.index("hip"), JOINT_NAMES.index("head")
TOLD = Told(fps=30, image_wh=SIZE)


def body_25(xy: np.ndarray, score: np.ndarray) -> list[float]:
    """Our joints (17, 2) as OpenPose writes a person: what it lacks is 0, ears and nose lie in the head's middle."""
    rows = np.zeros((25, 3))
    base = (xy[JOINT_NAMES.index("left_shoulder")] + xy[JOINT_NAMES.index("right_shoulder")]) / 2
    middle = base + (xy[JOINT_NAMES.index("neck")] - base) / 0.7
    for name, place in SKELETONS["body25"].joints.items():
        joint = JOINT_NAMES.index(name if name in JOINT_NAMES else "neck")
        at = xy[joint] if name in JOINT_NAMES else middle
        if np.isfinite(at).all() and score[joint] > 0:
            rows[place] = *at, score[joint]
    return [round(float(value), 3) for value in rows.ravel()]


def write_json(folder: Path, frames: list[list[list[float]]]) -> None:
    folder.mkdir()
    for number, people in enumerate(frames):
        content = {"version": 1.3, "people": [{"person_id": [-1], "pose_keypoints_2d": one} for one in people]}
        (folder / f"clip_{number:012d}_keypoints.json").write_text(json.dumps(content))


def write_csv(path: Path, fields: dict[str, Any], head: list[str], rows: list[list[Any]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([head, *rows])


def test_a_folder_of_openpose_json_is_lifted_to_two_people(tmp_path: Path) -> None:
    left, right = (person(40, seed=row)["keypoints_px"] + np.array((shift, 0)) for row, shift in ((0, -160), (1, 160)))
    frames = [[body_25(one, np.full(17, 0.8)) for one in ((a, b) if i % 2 else (b, a))]
              for i, (a, b) in enumerate(zip(left, right, strict=True))]  # fmt: skip
    frames[20] = []  # nobody found
    write_json(tmp_path / "json", frames)
    poses = lift_file(tmp_path / "json", tmp_path / "out.npz", told=Told(fps=30, image_wh=SIZE, people=2))
    assert poses.joints_m.shape == (40, 2, 17, 3)
    assert poses.held.sum() == 2
    sides = np.sign(np.nanmedian(poses.root_m[..., 0], 0))
    assert set(sides) == {-1, 1}
    assert (np.sign(poses.root_m[1:, :, 0]) == sides).all()  # nobody changes places, however they are listed
    for column, native in ((sides.tolist().index(-1), left), (sides.tolist().index(1), right)):
        ours = realtime.lift(native, fps=30, image_wh=SIZE)
        assert np.median(np.linalg.norm(poses.joints_m[5:, column] - ours.joints_m[5:], axis=-1)) < 0.08
    alone = lift_file(tmp_path / "json", tmp_path / "one.npz", told=TOLD)
    assert alone.joints_m.shape == (40, 17, 3)


def test_openpose_json_of_a_real_clip_stands_upright(tmp_path: Path) -> None:
    shared = Path(__file__).resolve().parents[4] / "shared" / "videos" / "tfjs_pose_1.mp4"
    seen = watch_video(shared if shared.exists() else fetch("demo"), 1, "full", None).recording
    frames = [[body_25(xy, score) for xy, score in zip(people, scores, strict=True) if (score > 0.1).any()]
              for people, scores in zip(seen.xy_px, seen.score, strict=True)]  # fmt: skip
    write_json(tmp_path / "json", frames)
    poses = lift_file(tmp_path / "json", tmp_path / "out.npz", told=Told(fps=30, image_wh=seen.image_wh))
    found = ~poses.held
    assert found.mean() > 0.5
    up = poses.joints_m[found, HEAD, 1] - poses.joints_m[found, HIP, 1]
    assert (up < -0.3).mean() > 0.9
    native = realtime.lift(seen.xy_px, seen.score, seen.t_s, image_wh=seen.image_wh).merged()
    both = found & ~native.held
    assert np.median(np.linalg.norm(poses.joints_m[both] - native.joints_m[both], axis=-1)) < 0.06


def test_a_folder_of_pictures_is_lifted_as_their_film_is(tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    with open_source("demo", max_speed=True) as film:
        for number in range(15):
            frame = film.read()
            assert frame is not None
            cv2.imwrite(str(tmp_path / "frames" / f"{number}.png"), frame.image_bgr)
    pictures = read_source(tmp_path / "frames", Told(fps=10)).recording
    np.testing.assert_allclose(pictures.t_s, np.arange(15) / 10, atol=1e-6)
    assert pictures.image_wh == (frame.image_bgr.shape[1], frame.image_bgr.shape[0])
    with pytest.raises(UserError, match="taken for a video"):
        read_source(tmp_path / "frames", Told(fps=10, image_wh=SIZE))


def test_frames_that_are_missing_from_a_folder_leave_a_gap(tmp_path: Path) -> None:
    write_json(tmp_path / "json", [[body_25(xy, np.ones(17))] for xy in person(20)["keypoints_px"]])
    for number in (7, 8):
        (tmp_path / "json" / f"clip_{number:012d}_keypoints.json").unlink()
    poses = lift_file(tmp_path / "json", tmp_path / "out.npz", told=TOLD)
    np.testing.assert_allclose(np.diff(poses.t_s)[6], 3 / 30)


@pytest.mark.parametrize("numbered", [False, True])
def test_a_csv_is_lifted_as_an_npz_is(numbered: bool, tmp_path: Path) -> None:
    fields = person(20)
    expected = realtime.lift(fields["keypoints_px"], fps=30, image_wh=SIZE)
    if numbered:
        head = ["frame", *(f"{axis}{joint}" for joint in range(17) for axis in "xy")]
    else:
        head = ["frame", *(f"{name}_{axis}" for name in JOINT_NAMES for axis in "xy")]
    rows = [[i, *xy.ravel().tolist()] for i, xy in enumerate(fields["keypoints_px"])]
    write_csv(tmp_path / "in.csv", fields, head, rows)
    poses = lift_file(tmp_path / "in.csv", tmp_path / "out.npz", told=TOLD)
    np.testing.assert_allclose(poses.joints_m, expected.joints_m, atol=1e-5)


def test_a_csv_of_several_people_with_holes(tmp_path: Path) -> None:
    one, other = (person(12, seed=seed)["keypoints_px"] for seed in (0, 1))
    limbs = [name for name in JOINT_NAMES if name in SKELETONS["coco17"].joints]
    head = ["t_s", "id", *(f"{name}_{part}" for name in limbs for part in ("x", "y", "score"))]
    rows = []
    for i in range(12):
        for number, xy in ((4, one[i]), (9, other[i] + (120, 0))):
            if (i, number) == (5, 9):
                continue
            cells = [cell for name in limbs for cell in (*xy[JOINT_NAMES.index(name)], 0.9)]
            cells[:3] = ["", "", ""] if i == 3 else cells[:3]
            rows.append([i / 30, number, *cells])
    write_csv(tmp_path / "in.csv", {}, head, rows)
    poses = lift_file(tmp_path / "in.csv", tmp_path / "out.npz", told=Told(image_wh=SIZE))
    assert poses.ids.tolist() == [4, 9]
    assert np.flatnonzero(poses.held[:, 1]).tolist() == [5]
    assert poses.unseen[:, :, HEAD].all()  # no head among the columns


@pytest.mark.parametrize(
    ("name", "content", "told", "says"),
    [
        ("in.csv", "t_s,nose_x,nose_y\n0,1,2\n", Told(), "give --size"),
        ("in.csv", "", TOLD, "no rows"),
        ("in.csv", "t_s,hand,foot\n0,1,2\n", TOLD, "no joints among its columns"),
        ("in.csv", "t_s,nose_x\n0,1\n", TOLD, "joint nose has not both an x and a y"),
        ("in.csv", "nose_x,nose_y\n0,1\n", TOLD, "neither a t_s nor a frame column"),
        ("in.csv", "frame,nose_x,nose_y\n0,1,1\n", Told(image_wh=SIZE), "give --fps"),
        ("in.csv", "t_s,nose_x,nose_y\n0,1\n", TOLD, "rows of another length"),
        ("in.csv", "t_s,nose_x,nose_y\n0,one,2\n", TOLD, "no numbers"),
        ("in.mp4", "x", TOLD, "taken for a video"),
        ("json", {}, Told(image_wh=SIZE), "give --fps"),
        ("json", {}, Told(fps=30), "give --size"),
        ("json", {}, TOLD, "has no .json file"),
        ("json", {"a.json": "{}"}, TOLD, "not what OpenPose writes"),
        ("json", {"a.json": '{"people": []}'}, TOLD, "nobody is in any"),
        ("json", {"a.json": json.dumps({"people": [{"pose_keypoints_2d": [1, 2, 1] * 18}]})}, TOLD, "18 joints"),
        ("json", {"a.json": json.dumps({"people": [{"pose_keypoints_2d": [0.3, 0.4, 1] * 25}]})}, TOLD, "parts of the"),
    ],
)  # fmt: skip
def test_sources_that_cannot_be_read_are_refused(
    name: str, content: Any, told: Told, says: str, tmp_path: Path
) -> None:
    source = tmp_path / name
    if isinstance(content, dict):
        source.mkdir()
        for file, text in content.items():
            (source / file).write_text(text)
    else:
        source.write_text(content)
    with pytest.raises(UserError, match=says):
        lift_file(source, tmp_path / "out.npz", told=told)
    assert not (tmp_path / "out.npz").exists()


@pytest.mark.parametrize("text", ["1280", "1280x", "x720", "1280x720x3", "0x720", "-1x5", "ax b"])
def test_a_size_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="such as 1280x720"):
        size_of(text)


def test_what_is_written_is_named_npz(tmp_path: Path) -> None:
    np.savez(tmp_path / "in.npz", **person(5))
    with pytest.raises(UserError, match=r"o\.csv is not an \.npz, which is what is written: give -o .*o\.npz"):
        lift_file(tmp_path / "in.npz", tmp_path / "o.csv")


def test_floor_camera_and_person_of_calibrations_are_used(tmp_path: Path) -> None:
    np.savez(tmp_path / "in.npz", **person(20))
    save_ground(tmp_path / "floor.yaml", from_angles(1.3))
    poses = lift_file(tmp_path / "in.npz", tmp_path / "out.npz", LiftOptions(ground=tmp_path / "floor.yaml"))
    assert poses.space == "world"
    assert poses.joints_m[-1, HEAD, 2] > 0.3
    save_person(tmp_path / "me.yaml", BodyScale("me", 1.9))
    options = LiftOptions(person=str(tmp_path / "me.yaml"))
    assert set(lift_file(tmp_path / "in.npz", tmp_path / "b.npz", options).scale) == {"height"}
    with pytest.raises(UserError, match="leave out --person"):
        lift_file(tmp_path / "in.npz", tmp_path / "c.npz", options, Told(people=2))


def test_the_command_warns_on_stderr(tmp_path: Path) -> None:
    fields = person(20)
    np.savez(tmp_path / "in.npz", **{**fields, "keypoints_px": np.array((0, 480)) + fields["keypoints_px"] * (1, -1)})
    command = [sys.executable, "-m", "realtime.cli", "lift", "in.npz", "-o", "out.npz", "--skeleton", "h36m17"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.startswith("out.npz: 20 frames, 0 of them held")
    assert "in.npz: people are upside down" in done.stderr
