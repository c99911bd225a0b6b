"""Tiny files in the datasets' formats, made here: what went in as world poses comes out in camera axes and rays."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

h5py = pytest.importorskip("h5py")
scipy_io = pytest.importorskip("scipy.io")
Rotation = pytest.importorskip("scipy.spatial.transform").Rotation

from engines.errors import UserError  # noqa: E402
from engines.models.skeleton import LEFT, RIGHT  # noqa: E402
from engines.motion.importers import plain  # noqa: E402
from engines.motion.importers.load_motion import load_clips, load_evaluation_set  # noqa: E402
from engines.motion.importers.mpi_inf_3dhp import TEST_17_TO_17, TRAIN_28_TO_17  # noqa: E402
from engines.motion.importers.object_npz import load_object  # noqa: E402
from engines.motion.importers.recordings import fit_camera, fit_intrinsics  # noqa: E402
from engines.motion.importers.videopose3d import H36M_32_TO_17, HUMANEVA_15_TO_17, recordings  # noqa: E402

Double = NDArray[np.float64]
MATRIX = np.array(((1145.0, 0, 512), (0, 1143.0, 515), (0, 0, 1)))


def walk(frames: int, joints: int, seed: int = 0) -> Double:
    """(T, J, 3) metres, z up: a cloud of joints about a person's size that wanders."""
    rng = np.random.default_rng(seed)
    body = rng.normal((0, 0, 1), 0.4, (1, joints, 3))
    return body + rng.normal(0, 0.02, (frames, joints, 3)).cumsum(0) + np.linspace(0, 1, frames)[:, None, None]


def camera(seed: int) -> tuple[Double, Double]:
    """World (z up) to camera axes: rotation and shift, a few metres away."""
    turn = Rotation.from_euler("zx", (70.0 * seed, 80), degrees=True).as_matrix()
    rotation = np.diag((1.0, -1.0, -1.0)) @ turn.T
    return rotation, np.array((0.1, 0.9, 5.0 + seed))


def seen(points_m: Double) -> Double:
    return (points_m @ MATRIX.T)[..., :2] / points_m[..., 2:]


def write_h36m(folder: Path, world: dict[str, dict[str, Double]], **metadata: Any) -> tuple[Path, Path]:
    pixels = {
        subject: {
            action: [seen(values[:, H36M_32_TO_17] @ turn.T + shift) for turn, shift in (camera(0), camera(1))]
            for action, values in actions.items()
        }
        for subject, actions in world.items()
    }
    about = {"layout_name": "h36m", "num_joints": 17, "keypoints_symmetry": [list(LEFT), list(RIGHT)], **metadata}
    np.savez(folder / "data_3d_h36m.npz", positions_3d=world)
    np.savez(folder / "data_2d_h36m_gt.npz", positions_2d=pixels, metadata=about)
    return folder / "data_3d_h36m.npz", folder / "data_2d_h36m_gt.npz"


def test_h36m_poses_come_out_in_the_axes_of_cameras_that_no_file_names(tmp_path: Path) -> None:
    world = {"S1": {"Walking": walk(50, 32)}, "S9": {"Walking 1": walk(60, 32, 1), "Eating": walk(40, 32, 2)}}
    found = recordings(*write_h36m(tmp_path, world))
    assert {(item.subject, item.action, item.camera) for item in found} == {
        ("S9", "Walking", "0"), ("S9", "Eating", "0"), ("S9", "Walking", "1"), ("S9", "Eating", "1"),
    }  # fmt: skip
    for item in found:
        rotation, shift = camera(int(item.camera))
        true = world["S9"]["Walking 1" if item.action == "Walking" else "Eating"][:, H36M_32_TO_17] @ rotation.T + shift
        np.testing.assert_allclose(item.joints_m, true, atol=1e-3)
        np.testing.assert_allclose(item.camera_matrix, MATRIX, atol=0.5)
        np.testing.assert_allclose(item.rays(), true[..., :2] / true[..., 2:], atol=1e-4)


def test_h36m_is_evaluated_at_30_hz_about_the_hip(tmp_path: Path) -> None:
    data = load_evaluation_set(*write_h36m(tmp_path, {"S11": {"Posing": walk(101, 32)}}))
    assert data.pose_m.shape == (2, 61, 17, 3)
    assert data.actions == ("Posing", "Posing")
    assert not data.pose_m[:, :, 0].any()


def test_keypoints_of_another_layout_are_refused(tmp_path: Path) -> None:
    coco = [[1, 3, 5, 7, 9, 11, 13, 15], [2, 4, 6, 8, 10, 12, 14, 16]]
    files = write_h36m(tmp_path, {"S9": {"Eating": walk(20, 32)}}, layout_name="coco", keypoints_symmetry=coco)
    with pytest.raises(UserError, match="coco"):
        recordings(*files)


def test_h36m_trains_with_y_up(tmp_path: Path) -> None:
    world = walk(50, 32)
    path, _ = write_h36m(tmp_path, {"S1": {"Walking 1": world}})
    clips = load_clips(path, rate_hz=50.0)
    assert list(clips) == ["S1_Walking 1"]
    np.testing.assert_allclose(clips["S1_Walking 1"][..., 1], world[:, H36M_32_TO_17, 2], atol=1e-6)


def test_humaneva_scores_only_the_joints_it_has(tmp_path: Path) -> None:
    world = {"Validate/S1": {"Jog 1 chunk0": walk(61, 15)}, "Train/S1": {"Jog 1": walk(30, 15)}}
    rotation, shift = camera(1)
    pixels = {s: {a: [seen(v @ rotation.T + shift)] for a, v in actions.items()} for s, actions in world.items()}
    np.savez(tmp_path / "data_3d_humaneva15.npz", positions_3d=world)
    np.savez(tmp_path / "data_2d_humaneva15_gt.npz", positions_2d=pixels, metadata={"num_joints": 15})
    data = load_evaluation_set(tmp_path / "data_3d_humaneva15.npz", tmp_path / "data_2d_humaneva15_gt.npz")
    assert data.actions == ("Jog",)
    assert data.joints.tolist() == [joint not in (7, 9) for joint in range(17)]
    true = world["Validate/S1"]["Jog 1 chunk0"][::2] @ rotation.T
    for joint, source in HUMANEVA_15_TO_17.items():
        np.testing.assert_allclose(data.pose_m[0, :, joint], true[:, source] - true[:, 0], atol=1e-3)


def test_3dhp_training_sequence(tmp_path: Path) -> None:
    rotation, shift = camera(0)
    points = walk(50, 28) @ rotation.T + shift
    cells = np.empty((2, 1), object), np.empty((2, 1), object)
    for camera_number in range(2):
        cells[0][camera_number, 0] = (points * 1000).reshape(50, -1)
        cells[1][camera_number, 0] = seen(points).reshape(50, -1)
    folder = tmp_path / "S3" / "Seq1"
    folder.mkdir(parents=True)
    scipy_io.savemat(folder / "annot.mat", {"annot3": cells[0], "annot2": cells[1]})
    data = load_evaluation_set(tmp_path)
    assert data.pose_m.shape == (2, 30, 17, 3)  # S3/Seq1 is at 50 Hz
    true = points[:, TRAIN_28_TO_17]
    np.testing.assert_allclose(data.pose_m[1, 0], true[0] - true[0, 0], atol=1e-5)
    np.testing.assert_allclose(data.rays[1, 0], true[0, :, :2] / true[0, :, 2:], atol=1e-5)


def test_3dhp_test_sequence_leaves_out_invalid_frames(tmp_path: Path) -> None:
    rotation, shift = camera(0)
    points = walk(100, 17) @ rotation.T + shift
    valid = np.ones((100, 1))
    valid[40:50] = 0
    (tmp_path / "TS2").mkdir()
    with h5py.File(tmp_path / "TS2" / "annot_data.mat", "w") as file:
        file["univ_annot3"] = points[:, None] * 1000
        file["annot2"] = seen(points)[:, None]
        file["valid_frame"] = valid
        file["activity_annotation"] = np.repeat((1.0, 3.0), 50)[:, None]
    data = load_evaluation_set(tmp_path / "TS2" / "annot_data.mat")
    assert data.actions == ("standing and walking", "sitting")
    assert data.valid.sum(1).tolist() == [47, 59]  # 40 and 50 frames at 25 Hz
    true = points[50, TEST_17_TO_17]
    np.testing.assert_allclose(data.pose_m[1, 0], true - true[0], atol=1e-5)


def test_plain_npz_round_trip_and_its_mistakes(tmp_path: Path) -> None:
    rotation, shift = camera(0)
    points = walk(45, 17) @ rotation.T + shift
    good = {"keypoints_px": seen(points), "joints_m": points, "camera_matrix": MATRIX}
    good |= {"rate_hz": 15.0, "action": "wave"}
    np.savez(tmp_path / "mine.npz", **good)
    data = load_evaluation_set(tmp_path / "mine.npz")
    assert data.actions == ("wave",)
    np.testing.assert_allclose(data.pose_m[0, ::2], points - points[:, :1], atol=1e-5)
    np.savez(tmp_path / "mine.npz", **{key: good[key] for key in good if key != "joints_m"})
    with pytest.raises(UserError, match="joints_m"):
        load_evaluation_set(tmp_path / "mine.npz")
    np.savez(tmp_path / "mine.npz", **{**good, "camera_matrix": MATRIX[:2]})
    with pytest.raises(UserError, match=r"camera_matrix has the shape \(2, 3\)"):
        load_evaluation_set(tmp_path / "mine.npz")
    for key, wrong in (("score", np.ones((45, 16))), ("joints", np.ones(16, bool))):
        np.savez(tmp_path / "mine.npz", **good, **{key: wrong})
        with pytest.raises(UserError, match="score must have the shape"):
            load_evaluation_set(tmp_path / "mine.npz")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive", b"text"])
def test_a_damaged_file_is_no_plain_one(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mine.npz"
    path.write_bytes(content)
    for read in (plain.names, plain.arrays, load_clips, load_evaluation_set):
        with pytest.raises(UserError, match=r"not a plain npz of arrays: write it with numpy\.savez"):
            read(path)


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.write_text, (Path("boom"), "boom")


def test_a_file_that_carries_code_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez(tmp_path / "data_3d_h36m.npz", positions_3d={"S9": Bomb()})
    with pytest.raises(UserError, match="no plain data"):
        load_object(tmp_path / "data_3d_h36m.npz", "positions_3d")
    assert not (tmp_path / "boom").exists()


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_pickles_of_every_age_are_read(tmp_path: Path, protocol: int) -> None:
    held = np.array({"a": [np.float32(3), np.arange(3.0)], "b": "x"}, dtype=object)
    with (tmp_path / "o.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": ()})
        pickle.dump(held, file, protocol=protocol)
    import zipfile

    with zipfile.ZipFile(tmp_path / "o.npz", "w") as archive:
        archive.write(tmp_path / "o.npy", "o.npy")
    loaded = load_object(tmp_path / "o.npz", "o")
    assert loaded["b"] == "x"
    np.testing.assert_array_equal(loaded["a"][1], np.arange(3.0))


def test_missing_keypoints_are_asked_for(tmp_path: Path) -> None:
    path, _ = write_h36m(tmp_path, {"S9": {"Eating": walk(20, 32)}})
    with pytest.raises(UserError, match="--keypoints"):
        load_evaluation_set(path)
    with pytest.raises(UserError, match="no file"):
        load_evaluation_set(path, tmp_path / "absent.npz")


@settings(max_examples=25, deadline=None)
@given(st.floats(400, 3000), st.floats(-180, 180), st.floats(3, 12), st.integers(0, 99))
def test_any_camera_is_found_from_what_it_saw(focal: float, yaw: float, away: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrix = np.array(((focal, 0, 640.0), (0, focal * 1.01, 350.0), (0, 0, 1)))
    rotation = Rotation.from_euler("yxz", (yaw, 100, 5), degrees=True).as_matrix()
    world = rng.normal(0, 0.7, (200, 3))
    points = world @ rotation.T + (0.2, -0.3, away)
    pixels = (points @ matrix.T)[:, :2] / points[:, 2:]
    found, turn, shift = fit_camera(world, pixels)
    np.testing.assert_allclose(found, matrix, rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose(turn, rotation, atol=1e-6)
    np.testing.assert_allclose(shift, (0.2, -0.3, away), atol=1e-5)
    np.testing.assert_allclose(fit_intrinsics(points, pixels), matrix, rtol=1e-6, atol=1e-4)
