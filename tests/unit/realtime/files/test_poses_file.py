"""Poses in a file come back as they went, and what is no such file is refused by name."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifted_poses import lifted_poses, write_lifted

from engines.errors import UserError
from realtime.files.poses_file import read_poses
from realtime.library.poses import PERSONAL, Poses

NAMES = [field.name for field in fields(Poses)]


def poses(frames: int, seed: int = 0) -> Poses:
    numbers = np.random.default_rng(seed)
    made = lifted_poses(
        numbers.normal(size=(frames, 17, 3)).astype(np.float32), numbers.normal(size=(frames, 3)).astype(np.float32),
        numbers.random((frames, 17), np.float32), np.ones(frames, np.float32), numbers.random(frames) < 0.5,
        np.sort(numbers.random(frames)), 2, "stream-243", "onnxruntime", "stream",
    )  # fmt: skip
    feet_m, feet_sigma_m = numbers.normal(size=(frames, 4, 3)), numbers.random((frames, 4))
    hands_m, hands_sigma_m = numbers.normal(size=(frames, 6, 3)), numbers.random((frames, 6))
    hands_m[::2, 1], hands_sigma_m[::2, 1] = np.nan, np.nan  # not seen
    extremities = {"feet_m": feet_m, "feet_sigma_m": feet_sigma_m, "hands_m": hands_m, "hands_sigma_m": hands_sigma_m}
    return replace(made, **{name: values.astype(np.float32) for name, values in extremities.items()})


@given(frames=st.integers(1, 20), seed=st.integers(0, 1000))
def test_what_lift_writes_is_read(tmp_path_factory: pytest.TempPathFactory, frames: int, seed: int) -> None:
    path = tmp_path_factory.mktemp("poses") / "poses.npz"
    written = poses(frames, seed)
    write_lifted(written, path)
    read = read_poses(path)
    for name in NAMES:
        np.testing.assert_array_equal(getattr(read, name), getattr(written, name))
    assert isinstance(read.model, str)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"joints_m": None}, "holds no poses (joints_m is missing)"),
        ({"joints_m": np.zeros((5, 16, 3))}, "joints_m has shape (5, 16, 3), expected (5, 17, 3)"),
        ({"feet_m": np.zeros((5, 2, 3))}, "feet_m has shape (5, 2, 3), expected (5, 4, 3)"),
        ({"hands_sigma_m": np.zeros((5, 4))}, "hands_sigma_m has shape (5, 4), expected (5, 6)"),
        ({"held": np.zeros(4, bool)}, "held has shape (4,), expected (5,)"),
        ({"sigma_m": np.full((5, 17), "a")}, "sigma_m holds <U1, not numbers"),
        ({"t_s": np.array([0, 1, 3, 2, 4.0])}, "t_s is empty, not finite or runs backwards"),
        ({"t_s": np.array([0, 1, np.nan, 2, 4.0])}, "t_s is empty, not finite or runs backwards"),
        ({"model": np.array(["a", "b"])}, "model has shape (2,), expected ()"),
    ],
)
def test_a_file_that_is_wrong_is_refused_by_its_field(tmp_path: Path, changes: dict[str, Any], complaint: str) -> None:
    wrong = {name: np.asarray(getattr(poses(5), name)) for name in NAMES} | changes
    np.savez(tmp_path / "poses.npz", **{name: value for name, value in wrong.items() if value is not None})
    with pytest.raises(UserError) as refused:
        read_poses(tmp_path / "poses.npz")
    assert complaint in str(refused.value)


def test_what_is_no_npz_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "poses.npz"
    with pytest.raises(UserError, match="does not exist"):
        read_poses(path)
    path.write_bytes(b"PK not really")
    with pytest.raises(UserError, match=r"is not a readable \.npz: give one"):
        read_poses(path)
    np.save(tmp_path / "bare.npy", np.zeros(3))
    with pytest.raises(UserError, match=r"is not a readable \.npz"):
        read_poses(tmp_path / "bare.npy")


def test_several_people_are_read_each(tmp_path: Path) -> None:
    one, other = poses(6, 1), poses(6, 2)
    stacked = {name: np.stack([getattr(one, name), getattr(other, name)], 1) for name in PERSONAL}
    write_lifted(replace(one, **stacked, ids=np.array([4, 9])), tmp_path / "two.npz")
    read = read_poses(tmp_path / "two.npz").each()
    assert [person.ids.tolist() for person in read] == [[4], [9]]
    np.testing.assert_array_equal(read[1].joints_m, other.joints_m)
    np.testing.assert_array_equal(read[1].feet_m, other.feet_m)


@pytest.mark.parametrize(("name", "other"), [("feet", "hands"), ("hands", "feet")])
def test_what_nobody_asked_for_is_not_in_the_file(tmp_path: Path, name: str, other: str) -> None:
    write_lifted(replace(poses(5), **{f"{name}_m": None, f"{name}_sigma_m": None}), tmp_path / "poses.npz")
    with np.load(tmp_path / "poses.npz") as archive:
        assert not any(name in field for field in archive.files)
    read = read_poses(tmp_path / "poses.npz")
    assert getattr(read, f"{name}_m") is None
    assert getattr(read, f"{other}_m") is not None


def test_a_file_of_before_is_read_as_one_person_in_camera_axes(tmp_path: Path) -> None:
    before = ("joints_m", "root_m", "sigma_m", "window_fill", "held", "t_s", "lag_frames", "model", "engine", "mode")
    np.savez(tmp_path / "old.npz", **{name: np.asarray(getattr(poses(5), name)) for name in before})
    read = read_poses(tmp_path / "old.npz")
    assert (read.space, read.calibration, read.ids.tolist(), set(read.scale)) == ("camera", "", [0], {"assumed"})
    assert np.isnan(read.root_sigma_m).all()
