"""BVH: two other readers (bvhio, and the importer of motion capture) put the joints back where they were."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from figures import in_camera, take_of_people, walk

from engines.motion.importers.bvh import bvh_joints, read_bvh
from realtime.export.export_file import export_file
from realtime.rig.axes import to_y_up
from realtime.rig.nodes import NODES

with warnings.catch_warnings():
    warnings.simplefilter("ignore", PendingDeprecationWarning)  # of how it imports its own dependency
    import bvhio

FRAMES = 60


def placed_cm(path: Path) -> dict[str, np.ndarray]:
    """Joint positions (T, 3) by bvhio, the head's top as the head's tip."""
    root = bvhio.readAsHierarchy(str(path))
    out: dict[str, list[np.ndarray]] = {}
    frames = len(root.Keyframes)
    for frame in range(frames):
        root.loadPose(frame)
        for joint, _, _ in root.layout():
            out.setdefault(joint.Name, []).append(np.array(joint.PositionWorld))
    return {name: np.array(places) for name, places in out.items()}


def written(tmp_path: Path, joints: np.ndarray, **options: object) -> tuple[Path, str]:
    take = tmp_path / "take.mcap"
    if not take.exists():
        take_of_people(take, {1: joints}, changes=options.pop("changes", None))
    (one,) = export_file(take, tmp_path / "out.bvh", **options)
    return one.path, one.said


def error_m(path: Path, joints: np.ndarray, space: str = "camera") -> np.ndarray:
    wanted, placed = to_y_up(joints, space), placed_cm(path)
    assert set(placed) == {node.name for node in NODES}
    return np.stack([np.linalg.norm(placed[n.name] / 100 - wanted[:, n.joint], axis=-1) for n in NODES], 1)


def test_rigid_people_come_back_by_rotations_alone(tmp_path: Path) -> None:
    joints = in_camera(walk(FRAMES))
    path, said = written(tmp_path, joints)
    assert "rotations alone" in said
    text = path.read_text()
    assert text.count("CHANNELS 3") == len(NODES) - 1
    assert f"Frames: {FRAMES}\nFrame Time: 0.0333333" in text
    error = error_m(path, joints)
    assert np.median(error) < 0.003
    assert error.max() < 0.01
    assert error.max() < 1e-4  # nothing but what is rounded away


def stretching() -> np.ndarray:
    """The shins grow by a tenth, as they do while a body is still being learned."""
    joints = walk(FRAMES)
    growth = np.linspace(1, 1.1, FRAMES)[:, None]
    for knee, ankle in ((2, 3), (5, 6)):
        joints[:, ankle] = joints[:, knee] + growth * (joints[:, ankle] - joints[:, knee])
    return in_camera(joints)


def test_bones_that_change_have_position_channels(tmp_path: Path) -> None:
    joints = stretching()
    path, said = written(tmp_path, joints)
    assert "position channels" in said
    assert error_m(path, joints).max() < 1e-4
    fixed, said = written(tmp_path, joints, bones="fixed", overwrite=True)
    assert "rotations alone" in said
    error = error_m(fixed, joints)
    assert 0.015 < error.max() < 0.025
    rigid = [index for index, node in enumerate(NODES) if "Foot" not in node.name]
    assert error[:, rigid].max() < 1e-4


def test_the_importer_of_motion_capture_knows_the_figure(tmp_path: Path) -> None:
    joints = in_camera(walk(FRAMES))
    path, _ = written(tmp_path, joints)
    clip = read_bvh(path)
    assert clip.rate_hz == pytest.approx(30, rel=1e-6)
    found, _ = bvh_joints(path)  # without the first frame: so quick a step may be one from a rest pose
    same = [1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16]
    np.testing.assert_allclose(found[:, same], to_y_up(joints, "camera")[-len(found) :, same], atol=1e-4)
    top = clip.joints["Head.end"] / 100
    assert np.linalg.norm(top - to_y_up(joints, "camera")[:, 10], axis=-1).max() < 1e-4


@pytest.mark.parametrize(("clip", "kind"), [("07_01", "rotations"), ("03_02", "rotations"), ("01_09", "position")])
def test_captured_motion_comes_back(tmp_path: Path, mocap_npz: Path, clip: str, kind: str) -> None:
    """Two walks by rotations alone; who climbs has shoulders that move against the thorax."""
    with np.load(mocap_npz) as clips:
        joints = in_camera(clips[clip][::16][:200].astype(np.float64))
    path, said = written(tmp_path, joints)
    assert kind in said
    error = error_m(path, joints)
    assert np.median(error) < 0.003
    assert error.max() < 0.01


def test_gaps_are_bridged_and_said(tmp_path: Path) -> None:
    changes = {(1, frame): {"held": True} for frame in (20, 21, 22)}
    joints = in_camera(walk(FRAMES))
    path, said = written(tmp_path, joints, changes=changes)
    assert "3 gaps bridged" in said
    assert "rotations alone" in said  # limbs keep their lengths where nobody was seen
    there = np.setdiff1d(np.arange(FRAMES), (20, 21, 22))
    error = error_m(path, joints)
    assert error[there].max() < 1e-4
    assert 1e-4 < error.max() < 0.1


def test_angles_do_not_leap_by_whole_turns(tmp_path: Path) -> None:
    """Somebody who turns round and round, all the time."""
    path, _ = written(tmp_path, in_camera(walk(600)))
    rows = np.array(path.read_text().split("Frame Time:")[1].split("\n", 1)[1].split(), float).reshape(600, -1)
    assert abs(np.diff(rows, axis=0)).max() < 60
