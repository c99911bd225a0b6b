"""Rotations from joints: they are turns, they give the joints back, and the twist is that of the bent limb."""

from __future__ import annotations

import numpy as np
import pytest
from figures import figure, turn, walk
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from realtime.rig.nodes import INDEX, NODES
from realtime.rig.rotations import euler_zxy, local_rotations, node_offsets, node_rotations, place_nodes, quaternions

POSES = arrays(np.float64, (3, 17, 3), elements=st.floats(-2, 2, width=32))
ANGLES = st.tuples(*[st.floats(-180, 180)] * 3)


def t_pose() -> np.ndarray:
    return figure(arms={"r": turn("z", -90), "l": turn("z", 90)})


def test_the_rest_pose_turns_nothing_but_the_neck_that_leans() -> None:
    turned = node_rotations(t_pose())
    others = [index for index, node in enumerate(NODES) if node.name not in ("Neck", "Head")]
    np.testing.assert_allclose(turned[others], np.broadcast_to(np.eye(3), (17, 3, 3)), atol=1e-12)


@settings(max_examples=200, deadline=None)
@given(POSES)
def test_any_joints_give_turns_and_are_given_back(joints: np.ndarray) -> None:
    joints = joints + np.random.default_rng(1).normal(0, 0.05, joints.shape)  # no two in one place
    turned = node_rotations(joints)
    np.testing.assert_allclose(turned @ turned.swapaxes(-1, -2), np.broadcast_to(np.eye(3), turned.shape), atol=1e-9)
    np.testing.assert_allclose(np.linalg.det(turned), 1, atol=1e-9)
    placed = place_nodes(node_offsets(joints, turned), local_rotations(turned))
    np.testing.assert_allclose(placed, joints[:, [node.joint for node in NODES]], atol=1e-9)


@settings(max_examples=200, deadline=None)
@given(arrays(np.float64, (17, 3), elements=st.sampled_from((-0.5, 0.0, 0.5))))
def test_joints_in_one_place_or_in_line_give_turns_too(joints: np.ndarray) -> None:
    turned = node_rotations(joints)
    np.testing.assert_allclose(turned @ turned.swapaxes(-1, -2), np.broadcast_to(np.eye(3), turned.shape), atol=1e-9)
    np.testing.assert_allclose(np.linalg.det(turned), 1, atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(quaternions(turned), axis=-1), 1)


@settings(max_examples=100, deadline=None)
@given(ANGLES)
def test_a_person_who_turns_turns_every_node_alike(angles: tuple[float, float, float]) -> None:
    whole = turn("y", angles[0]) @ turn("x", angles[1]) @ turn("z", angles[2])
    joints = walk(20)
    np.testing.assert_allclose(node_rotations(joints @ whole.T), whole @ node_rotations(joints), atol=1e-7)


@pytest.mark.parametrize("side", ["r", "l"])
@pytest.mark.parametrize("about_deg", [-60.0, -20.0, 0.0, 45.0, 80.0])
def test_a_bent_elbow_tells_how_the_upper_arm_is_turned(side: str, about_deg: float) -> None:
    """An arm that hangs and is turned about itself: the node is the rest pose's, swung down and turned as much."""
    sign, name = (-1, "RightArm") if side == "r" else (1, "LeftArm")
    joints = figure(arms={side: turn("y", about_deg)}, elbows_deg={side: 90})
    wanted = turn("y", about_deg) @ turn("z", -90 * sign)
    np.testing.assert_allclose(node_rotations(joints)[INDEX[name]], wanted, atol=1e-9)


def test_a_straight_limb_has_no_twist_and_none_leaps_in_between() -> None:
    bends = np.linspace(0, 60, 601)
    joints = figure(thighs={"r": turn("y", 35.0)}, knees_deg={"r": bends})
    thigh = node_rotations(joints)[:, INDEX["RightUpLeg"]]
    twist = np.degrees(np.arctan2(thigh[:, 0, 2], thigh[:, 2, 2]))
    assert abs(twist[bends < 10]).max() < 1e-6
    np.testing.assert_allclose(twist[bends > 45], 35, atol=1e-6)
    assert abs(np.diff(twist)).max() < 0.5
    assert (np.diff(twist) > -1e-6).all()


def test_a_knee_that_seems_to_bend_forward_keeps_its_thigh() -> None:
    joints = figure(knees_deg={"l": np.array([25.0, -25.0])})
    thigh = node_rotations(joints)[:, INDEX["LeftUpLeg"]]
    np.testing.assert_allclose(thigh[0], thigh[1], atol=1e-9)


@settings(max_examples=100, deadline=None)
@given(ANGLES)
def test_euler_angles_make_the_turn_again_also_where_they_lock(angles: tuple[float, float, float]) -> None:
    for x in (angles[1], 90.0, -90.0):
        wanted = turn("z", angles[0]) @ turn("x", x) @ turn("y", angles[2])
        z, x_back, y = np.degrees(euler_zxy(wanted))
        np.testing.assert_allclose(turn("z", z) @ turn("x", x_back) @ turn("y", y), wanted, atol=1e-5)
