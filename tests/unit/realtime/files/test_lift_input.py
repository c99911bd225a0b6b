"""Recorded keypoints that cannot be lifted: one sentence that names the field, and nothing lost."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keypoint_files import person, run

from engines.errors import UserError
from realtime.files.lift_file import lift_file


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"keypoints_px": np.zeros((0, 17, 2))}, "keypoints_px is empty"),
        ({"keypoints_px": np.zeros((5, 16, 2))}, "keypoints_px"),
        ({"keypoints_px": np.zeros((5, 17))}, "keypoints_px"),
        ({"keypoints_px": np.full((5, 17, 2), np.inf)}, "keypoints_px"),
        ({"keypoints_px": np.full((5, 17, 2), "x")}, "keypoints_px"),
        ({"keypoints_px": None}, "keypoints_px is missing"),
        ({"keypoints_px": np.full((5, 17, 2), np.nan)}, "keypoints_px"),
        ({"keypoints_px": np.full((5, 17, 2), 1e30)}, "keypoints_px has places beyond"),
        ({"scores": np.ones((4, 17))}, "scores"),
        ({"scores": np.full((5, 17), 87.0)}, "scores has values outside 0 to 1"),
        ({"scores": np.full((5, 17), -np.inf)}, "scores has values outside 0 to 1"),
        ({"fps": 0}, "fps"),
        ({"fps": np.nan}, "fps"),
        ({"fps": [30, 30]}, "fps"),
        ({"fps": None}, "fps or t_s is missing"),
        ({"t_s": [0, 1, 2, 1.5, 3]}, "t_s runs backwards after frame 2"),
        ({"t_s": [0, 1, np.nan, 3, 4]}, "t_s"),
        ({"t_s": np.arange(5) * 1e18}, "t_s spans .* seconds"),
        ({"t_s": [-1.7e308, 0, 1, 2, 1.7e308]}, "t_s spans .* seconds"),
        ({"fps": 1e-10}, "fps of .* give frames a second"),
        ({"fps": 5e-324}, "fps of .* give frames a second"),
        ({"t_s": [0, 1, 2]}, "t_s"),
        ({"image_wh": None}, "image_wh is missing"),
        ({"image_wh": [640, 0]}, "image_wh"),
        ({"image_wh": [640, np.inf]}, "image_wh"),
        ({"image_wh": [640]}, "image_wh"),
        ({"image_wh": [640, 1e30]}, "image_wh"),
        ({"camera_matrix": np.eye(2)}, "camera_matrix"),
        ({"camera_matrix": np.full((3, 3), np.nan)}, "camera_matrix"),
        ({"dist_coeffs": np.zeros(5)}, "dist_coeffs"),
        ({"camera_matrix": np.eye(3), "dist_coeffs": np.zeros(3)}, "dist_coeffs"),
    ],
)
def test_wrong_input_is_refused_with_the_fields_name(change: dict[str, Any], field: str, tmp_path: Path) -> None:
    fields = {key: value for key, value in {**person(5), **change}.items() if value is not None}
    with pytest.raises(UserError, match=field):
        run(fields, tmp_path)
    assert not (tmp_path / "out.npz").exists()


def test_files_that_are_no_npz_are_refused(tmp_path: Path) -> None:
    source = tmp_path / "in.npz"
    with pytest.raises(UserError, match="does not exist"):
        lift_file(source, tmp_path / "out.npz")
    np.savez(source, keypoints_px=np.array([{"a": 1}], dtype=object))
    with pytest.raises(UserError, match="plain arrays: write") as error:
        lift_file(source, tmp_path / "out.npz")
    assert "pickle" not in str(error.value)
    for content in (b"", b"hello", b"PK\x03\x04"):
        source.write_bytes(content)
        with pytest.raises(UserError, match=r"in\.npz"):
            lift_file(source, tmp_path / "out.npz")
    with source.open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(UserError, match="bare array"):
        lift_file(source, tmp_path / "out.npz")


def npy(header: str, version: bytes = b"\x01\x00") -> bytes:
    """An array's member of an .npz with this header and no data."""
    text = header.encode() + b"\n"
    return b"\x93NUMPY" + version + len(text).to_bytes(2, "little") + text


@pytest.mark.parametrize(
    "member",
    [
        b"no array at all",
        b"",
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (10"),
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 17, 2), }"),
        npy(f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({10**30}, 17, 2), }}"),
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (5, 17, 2), }"),
        npy("{'descr': '|O', 'fortran_order': False, 'shape': (5, 17, 2), }"),
        npy("{}", version=b"\x09\x00"),
    ],
)
def test_members_that_are_no_arrays_are_refused(member: bytes, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "in.npz", "w") as archive:
        archive.writestr("keypoints_px.npy", member)
    with pytest.raises(UserError, match=r"in\.npz (is not a readable \.npz of plain arrays|unpacks to more)"):
        lift_file(tmp_path / "in.npz", tmp_path / "out.npz")


@pytest.mark.parametrize(("field", "value"), [(6, b"\x01\x00"), (8, b"\x63\x00")])  # encrypted; an unknown method
def test_archives_that_cannot_be_unpacked_are_refused(field: int, value: bytes, tmp_path: Path) -> None:
    source = tmp_path / "in.npz"
    np.savez(source, keypoints_px=person(5)["keypoints_px"])
    content = bytearray(source.read_bytes())
    for start, at in ((content.index(b"PK\x03\x04"), field), (content.index(b"PK\x01\x02"), field + 2)):
        content[start + at : start + at + 2] = value
    source.write_bytes(content)
    with pytest.raises(UserError, match=r"in\.npz is not a readable \.npz of plain arrays"):
        lift_file(source, tmp_path / "out.npz")


def test_what_is_no_field_is_not_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "in.npz", **person(3))
    with zipfile.ZipFile(tmp_path / "in.npz", "a") as archive:
        archive.writestr("README.txt", b"how this was recorded")
    assert len(lift_file(tmp_path / "in.npz", tmp_path / "out.npz").t_s) == 3


def test_what_is_there_is_not_overwritten_unasked(tmp_path: Path) -> None:
    source, target = tmp_path / "in.npz", tmp_path / "out.npz"
    np.savez(source, **person(3))
    before = source.read_bytes()
    for same in (source, tmp_path / "." / "in.npz"):
        with pytest.raises(UserError, match="keypoints themselves"):
            lift_file(source, same, overwrite=True)
    target.write_bytes(b"mine")
    with pytest.raises(UserError, match="--overwrite"):
        lift_file(source, target)
    assert (source.read_bytes(), target.read_bytes()) == (before, b"mine")
    lift_file(source, target, overwrite=True)
    assert target.read_bytes() != b"mine"


def test_the_command_says_one_line(tmp_path: Path) -> None:
    np.savez(tmp_path / "in.npz", **person(10))
    command = [sys.executable, "-m", "realtime.cli", "lift", "in.npz", "-o", "out.npz"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.startswith("out.npz: 10 frames, 0 of them held")
    assert not any(line == "" for line in done.stderr.splitlines())


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"mode": "batch"}, "stream, window, sequence"),
        ({"lookahead": 3}, "look-ahead 3"),
        ({"engine": "warp"}, "engine"),
        ({"model": "nothing"}, "no model"),
        ({"mode": "sequence", "lookahead": 3}, "look-ahead 3"),
        ({"mode": "sequence", "engine": "tensorrt"}, "engine"),
        ({"align": "foo"}, "align 'foo' is unknown: choose centre or end"),
        ({"align": "end"}, "no window to align in: leave out --align"),
        ({"mode": "sequence", "align": "end"}, "no window to align in: leave out --align"),
        ({"mode": "window", "plan": Path("x.plan")}, "a plan runs in --mode stream: leave out --plan x.plan"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], says: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=says):
        run(person(3), tmp_path, **options)
