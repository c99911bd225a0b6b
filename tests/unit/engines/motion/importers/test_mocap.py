"""ASF/AMC and BVH against the published clips, small files by hand, and files that are wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy")

from engines.errors import UserError
from engines.models.skeleton import PARENTS
from engines.motion.importers.asf_amc import amc_joints, read_amc, read_asf
from engines.motion.importers.bvh import bvh_joints, read_bvh
from engines.motion.importers.load_motion import load_clips

ARM_BVH = """HIERARCHY
ROOT base
{
  OFFSET 0 0 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT arm
  {
    OFFSET 0 2 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    End Site
    {
      OFFSET 1 0 0
    }
  }
}
MOTION
Frames: 3
Frame Time: 0.02
0 0 0 0 0 0 0 0 0
5 0 0 90 0 0 0 0 0
0 0 0 0 0 0 90 90 0
"""
ARM_ASF = """:units
  mass 1.0
  length 0.45
  angle deg
:root
  order TX TY TZ RX RY RZ
  axis XYZ
  position 0 0 0
  orientation 0 0 0
:bonedata
  begin
    id 1
    name arm
    direction 1 0 0
    length 4.5
    axis 0 0 90 XYZ
    dof rx ry
  end
:hierarchy
  begin
    root arm
  end
"""
UNIT_M = 0.0254 / 0.45


def test_bvh_turns_each_axis_about_those_before_it(tmp_path: Path) -> None:
    file = tmp_path / "arm.bvh"
    file.write_text(ARM_BVH)
    clip = read_bvh(file)
    assert clip.rate_hz == pytest.approx(50)
    np.testing.assert_allclose(clip.joints["arm"], [[0, 2, 0], [3, 0, 0], [0, 2, 0]], atol=1e-9)
    # a turn about z takes x to y; the next turn, about the new x axis, leaves it there
    np.testing.assert_allclose(clip.joints["arm.end"], [[1, 2, 0], [3, 1, 0], [0, 3, 0]], atol=1e-9)


def test_asf_turns_about_the_axes_of_the_bone(tmp_path: Path) -> None:
    (tmp_path / "1.asf").write_text(ARM_ASF)
    (tmp_path / "1_1.amc").write_text(":DEGREES\n1\nroot 9 0 0 0 0 0\narm 0 0\n2\nroot 0 0 0 0 0 0\narm 90 0\n")
    at = read_amc(tmp_path / "1_1.amc", read_asf(tmp_path / "1.asf"))
    length = 4.5 * UNIT_M
    np.testing.assert_allclose(at["arm"][:, 0], [9 * UNIT_M, 0], atol=1e-9)
    # the bone's own x axis is the world's y: turning about it by 90 degrees takes x to -z
    np.testing.assert_allclose(at["arm.end"][1], [0, 0, -length], atol=1e-9)


@pytest.mark.parametrize("clip", ["03_01", "03_02"])
def test_amc_is_the_published_clip(mocap_raw: Path, mocap_npz: Path, clip: str) -> None:
    joints_m = amc_joints(mocap_raw / f"{clip}.amc", read_asf(mocap_raw / "03.asf"))
    with np.load(mocap_npz) as clips:
        np.testing.assert_allclose(joints_m, clips[clip], atol=1e-6)


@pytest.mark.parametrize("clip", ["07_01", "08_01"])
def test_bvh_is_the_published_clip_without_its_rest_pose(mocap_raw: Path, mocap_npz: Path, clip: str) -> None:
    joints_m, rate_hz = bvh_joints(mocap_raw / f"{clip}.bvh")
    assert rate_hz == pytest.approx(120, rel=1e-5)
    with np.load(mocap_npz) as clips:
        np.testing.assert_allclose(joints_m, clips[clip], atol=1e-6)


def test_a_folder_of_both_formats_is_searched(mocap_raw: Path) -> None:
    seen: list[str] = []
    clips = load_clips(mocap_raw, rate_hz=60.0, progress=seen.append)
    assert sorted(clips) == sorted(seen) == ["03_01", "03_02", "07_01", "08_01"]
    assert clips["03_01"].shape == (216, 17, 3)
    shins = np.linalg.norm(clips["07_01"][:, 3] - clips["07_01"][:, PARENTS[3]], axis=-1)
    np.testing.assert_allclose(shins, 0.4541, atol=2e-3)


def test_bvh_in_inches_gives_the_same_metres(mocap_raw: Path, tmp_path: Path) -> None:
    def inches(line: str) -> str:
        words = line.split()
        if words[:1] == ["OFFSET"]:
            return " ".join(["OFFSET", *(str(float(word) / 2.54) for word in words[1:])])
        if len(words) > 60:
            return " ".join([*(str(float(word) / 2.54) for word in words[:3]), *words[3:]])
        return line

    source = (mocap_raw / "08_01.bvh").read_text()
    (tmp_path / "08_01.bvh").write_text("\n".join(inches(line) for line in source.splitlines()))
    np.testing.assert_allclose(
        bvh_joints(tmp_path / "08_01.bvh")[0], bvh_joints(mocap_raw / "08_01.bvh")[0], atol=1e-4
    )


@pytest.mark.parametrize("broken", [ARM_BVH[:-20], "", ARM_BVH.replace("Frames: 3", "Frames: 4")])
def test_a_broken_bvh_is_named(tmp_path: Path, broken: str) -> None:
    (tmp_path / "x.bvh").write_text(broken)
    with pytest.raises(UserError, match=r"x\.bvh"):
        load_clips(tmp_path)


def test_a_bvh_of_strangers_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.bvh").write_text(ARM_BVH)
    with pytest.raises(UserError, match="naming"):
        load_clips(tmp_path)


def test_an_amc_without_its_skeleton_says_which(tmp_path: Path) -> None:
    (tmp_path / "07_01.amc").write_text("1\nroot 0 0 0 0 0 0\n")
    with pytest.raises(UserError, match=r"put 07\.asf beside it"):
        load_clips(tmp_path)


def test_an_amc_cut_short_is_named(tmp_path: Path) -> None:
    (tmp_path / "1.asf").write_text(ARM_ASF)
    (tmp_path / "1_1.amc").write_text("1\nroot 0 0 0 0 0 0\narm 0 0\n2\nroot 0 0 0 0 0 0\n")
    with pytest.raises(UserError, match=r"1_1\.amc"):
        load_clips(tmp_path)


@pytest.mark.parametrize("name", ["nothing", "nothing.npz"])
def test_no_motion_says_what_to_give(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="give"):
        load_clips(tmp_path / name)
    with pytest.raises(UserError, match="give"):
        load_clips(tmp_path)
