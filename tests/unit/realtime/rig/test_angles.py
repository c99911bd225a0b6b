"""Angles as clinicians name them, on figures that were bent by known ones."""

from __future__ import annotations

import numpy as np
import pytest
from figures import figure, turn, walk

from realtime.rig.angles import ANGLES, joint_angles, pelvis_in_turn
from realtime.rig.axes import to_y_up, to_z_up

AWAY = turn("y", 180)  # looks away from the viewer, so that forward is the room's


def told(**bent: object) -> dict[str, float]:
    bent.setdefault("pelvis", AWAY)
    return {name: round(float(value), 6) for name, value in joint_angles(figure(**bent)).items()}


def test_who_stands_upright_has_no_angles() -> None:
    assert {abs(value) for value in told().values()} == {0.0}


@pytest.mark.parametrize(("side", "key", "out"), [("right", "r", -1), ("left", "l", 1)])
def test_each_angle_has_its_sign_on_both_sides(side: str, key: str, out: int) -> None:
    """`out`: a turn about the axis forward (+z of the figure) that brings the limb outwards."""
    seated = told(thighs={key: turn("x", -90)}, knees_deg={key: 90})
    assert seated[f"{side}_hip_flexion"] == pytest.approx(90)
    assert seated[f"{side}_knee_flexion"] == pytest.approx(90)
    abducted = told(thighs={key: turn("z", out * 25)}, arms={key: turn("z", out * 70)})
    assert abducted[f"{side}_hip_adduction"] == pytest.approx(-25)
    assert abducted[f"{side}_shoulder_adduction"] == pytest.approx(-70)
    reaching = told(arms={key: turn("x", -80)}, elbows_deg={key: 30})
    assert reaching[f"{side}_shoulder_flexion"] == pytest.approx(80)
    assert reaching[f"{side}_elbow_flexion"] == pytest.approx(30)
    # inwards: towards the other side, about the axis up
    turned_in = told(
        thighs={key: turn("y", -out * 20)}, knees_deg={key: 60}, arms={key: turn("y", -out * 40)}, elbows_deg={key: 90}
    )
    assert turned_in[f"{side}_hip_rotation"] == pytest.approx(20)
    assert turned_in[f"{side}_shoulder_rotation"] == pytest.approx(40)
    other = {"right": "left", "left": "right"}[side]
    still = [value for name, value in (seated | abducted | reaching | turned_in).items() if name.startswith(other)]
    assert max(map(abs, still)) == 0


def test_trunk_and_pelvis() -> None:
    leaning = told(trunk=turn("x", 20))
    assert leaning["trunk_extension"] == pytest.approx(-20)
    to_the_right = told(trunk=turn("z", 15))  # of who looks along z, right is -x
    assert to_the_right["trunk_bending"] == pytest.approx(15)
    to_the_left = told(trunk=turn("y", 30))
    assert to_the_left["trunk_rotation"] == pytest.approx(30)


@pytest.mark.parametrize("heading_deg", [0.0, 90.0, 180.0, -60.0])
def test_a_lean_is_the_persons_own_wherever_it_faces(heading_deg: float) -> None:
    angles = told(pelvis=turn("y", heading_deg) @ turn("x", 25), trunk=np.eye(3))
    assert angles["pelvis_tilt"] == pytest.approx(-25)
    assert angles["pelvis_list"] == pytest.approx(0, abs=1e-6)
    facing = (heading_deg + 180) % 360  # of the room's forward, away from the viewer
    assert angles["pelvis_rotation"] % 360 == pytest.approx(facing % 360, abs=1e-6)


def test_opensims_order_makes_the_same_turn() -> None:
    joints = figure(turn("y", 130) @ turn("x", 25) @ turn("z", 10))
    tilt, obliquity, rotation = pelvis_in_turn(joints[None])
    angles = joint_angles(joints)
    own = turn("y", angles["pelvis_rotation"]) @ turn("x", angles["pelvis_list"]) @ turn("z", angles["pelvis_tilt"])
    np.testing.assert_allclose(turn("z", tilt[0]) @ turn("x", obliquity[0]) @ turn("y", rotation[0]), own, atol=1e-9)


def test_a_gap_has_no_angles_and_costs_the_others_nothing() -> None:
    joints = walk(6)
    whole = joint_angles(joints)
    joints[2] = np.nan
    holed = joint_angles(joints)
    assert set(holed) == set(ANGLES)
    for name in ANGLES:
        assert np.isnan(holed[name][2])
        np.testing.assert_array_equal(np.delete(holed[name], 2), np.delete(whole[name], 2))


@pytest.mark.parametrize("space", ["camera", "world"])
def test_axes_are_turned_never_mirrored(space: str) -> None:
    up = {"camera": (0, -1, 0), "world": (0, 0, 1)}[space]
    np.testing.assert_array_equal(to_y_up(np.array(up), space), (0, 1, 0))
    np.testing.assert_array_equal(to_z_up(np.array(up), space), (0, 0, 1))
    for turned in (to_y_up(np.eye(3), space), to_z_up(np.eye(3), space)):
        assert np.linalg.det(turned) == pytest.approx(1)
