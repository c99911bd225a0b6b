"""What MotionBuilder's conversions leave out is put back."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from engines.motion.importers.bvh import bvh_joints


def motion_builder(path: Path, bend_deg: float, neck_up: float = 0.0) -> Path:
    """A clip of one frame in MotionBuilder's naming (centimetres), the thorax bent forward about x."""

    def joint(name: str, offset: tuple[float, float, float], *inside: str) -> str:
        return (f"JOINT {name} {{ OFFSET {offset[0]} {offset[1]} {offset[2]} CHANNELS 1 Xrotation "
                f"{' '.join(inside) or 'End Site { OFFSET 0 1 0 }'} }}")  # fmt: skip

    def leg(side: str, x: float) -> str:
        foot = joint(f"{side}Foot", (0, -40, 0))
        return joint(f"{side}UpLeg", (x, 0, 0), joint(f"{side}Leg", (0, -40, 0), foot))

    def arm(side: str, x: float) -> str:
        hand = joint(f"{side}ForeArm", (x, 0, 0), joint(f"{side}Hand", (x, 0, 0)))
        return joint(f"{side}Shoulder", (0, neck_up, 0), joint(f"{side}Arm", (x, 0, 0), hand))

    neck = joint("Neck", (0, neck_up, 0), joint("Head", (0, 8, 0)))
    spine = joint("Spine", (0, 12, 0), joint("Spine1", (0, 11, 0), neck, arm("Left", 20), arm("Right", -20)))
    hips = f"ROOT Hips {{ OFFSET 0 90 0 CHANNELS 1 Xrotation {leg('Left', 9)} {leg('Right', -9)} {spine} }}"
    names = [word for before, word in itertools.pairwise(hips.split()) if before in ("ROOT", "JOINT")]
    values = " ".join(str(bend_deg) if name == "Spine1" else "0" for name in names)
    path.write_text(f"HIERARCHY\n{hips}\nMOTION\nFrames: 1\nFrame Time: 0.00833333\n{values}\n")
    return path


@pytest.mark.parametrize("bend_deg", [0.0, 30.0])
def test_the_thorax_that_motion_builder_leaves_out_is_put_back_along_its_axis(tmp_path: Path, bend_deg: float) -> None:
    joints, _ = bvh_joints(motion_builder(tmp_path / "a.bvh", bend_deg))
    along = np.array((0, np.cos(np.radians(bend_deg)), np.sin(np.radians(bend_deg))))
    spine = np.array((0, 1.13, 0))
    np.testing.assert_allclose(joints[0, 7], spine, atol=1e-6)
    np.testing.assert_allclose(joints[0, 8], spine + 1.004 * 0.11 * along, atol=1e-6)
    np.testing.assert_allclose(joints[0, 10] - joints[0, 8], 0.22 * along, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(joints[0, 13] - joints[0, 12]), 0.2, atol=1e-6)


def test_a_thorax_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    joints, _ = bvh_joints(motion_builder(tmp_path / "a.bvh", 0.0, neck_up=15.0))
    np.testing.assert_allclose(joints[0, 8], (0, 1.28, 0), atol=1e-6)
