"""VMC: decoded by another decoder and put on an avatar in Unity's axes, its joints are where the person's were."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from figures import ARM, COLLAR, FOREARM, NECK, PELVIS, SHIN, THIGH, TRUNK, figure, in_camera, turn, walk
from osc_reader import Message, OscReceiver
from waiting import until

from engines.errors import UserError
from realtime.bridge.osc import PlainOsc
from realtime.bridge.osc_out import Osc, OscOut
from realtime.bridge.vmc import Vmc
from realtime.wire.messages import PersonPose, PoseMessage

# An avatar as Unity has it: left-handed, facing +z, so that its right is +x; offsets in the parent's axes, arms out.
AVATAR: dict[str, tuple[str | None, tuple[float, float, float]]] = {
    "Hips": (None, (0, 0, 0)), "Spine": ("Hips", (0, 0, 0)), "Chest": ("Spine", (0, TRUNK, 0)),
    "Neck": ("Chest", (0, TRUNK, 0)), "Head": ("Neck", (0, float(np.hypot(NECK, 0.02)), 0)),
    **{f"{side}{name}": (f"{side}{parent}" if own else parent, place) for side, sign in (("Left", -1), ("Right", 1))
       for name, parent, own, place in (
           ("UpperLeg", "Hips", False, (sign * PELVIS, 0, 0)), ("LowerLeg", "UpperLeg", True, (0, -THIGH, 0)),
           ("Foot", "LowerLeg", True, (0, -SHIN, 0)), ("Shoulder", "Chest", False, (0, TRUNK, 0)),
           ("UpperArm", "Shoulder", True, (sign * COLLAR, 0, 0)), ("LowerArm", "UpperArm", True, (sign * ARM, 0, 0)),
           ("Hand", "LowerArm", True, (sign * FOREARM, 0, 0)))},
}  # fmt: skip
JOINTS = {
    "Hips": 0, "RightUpperLeg": 1, "RightLowerLeg": 2, "RightFoot": 3, "LeftUpperLeg": 4, "LeftLowerLeg": 5,
    "LeftFoot": 6, "Chest": 7, "Neck": 8, "Head": 9, "LeftUpperArm": 11, "LeftLowerArm": 12, "LeftHand": 13,
    "RightUpperArm": 14, "RightLowerArm": 15, "RightHand": 16,
}  # fmt: skip


def matrix(quaternion: list[float]) -> np.ndarray:
    x, y, z, w = quaternion
    return np.array((
        (1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)),
        (2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)),
        (2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)),
    ))  # fmt: skip


def moved_avatar(messages: list[Message]) -> dict[str, np.ndarray]:
    """The avatar's own offsets, turned by what was received; the hips placed too. Unity's axes."""
    bones = {values[0]: values[1:] for address, values in messages if address == "/VMC/Ext/Bone/Pos"}
    assert set(bones) == set(AVATAR)
    placed: dict[str, np.ndarray] = {}
    turned: dict[str, np.ndarray] = {}
    for name, (parent, offset) in AVATAR.items():
        own = matrix(bones[name][3:])
        np.testing.assert_allclose(own @ own.T, np.eye(3), atol=1e-5)
        if parent is None:
            placed[name], turned[name] = np.array(bones[name][:3]), own
        else:
            placed[name] = placed[parent] + turned[parent] @ offset
            turned[name] = turned[parent] @ own
            np.testing.assert_allclose(bones[name][:3], offset, atol=2e-3)  # the person's bones are as long
    return placed


def message(people: dict[int, np.ndarray], seq: int = 0, space: str = "camera", **changes: Any) -> PoseMessage:
    persons = []
    for person, joints in people.items():
        own, root = (joints - joints[0]).astype(np.float32), joints[0].astype(np.float32)
        about = {"lag_frames": 0, "window_fill": 1.0, "held": False} | changes
        persons.append(PersonPose(person, own, root, np.full(17, 0.02, np.float32), np.ones(17, np.float32), **about))
    at_ns = seq * 33_333_333
    return PoseMessage("main", "s", seq, seq, at_ns, at_ns, (640, 480), space, "assumed", "h36m-17", "", "e", "m", 0, 0,
                       tuple(persons))  # fmt: skip


def sent(poses: list[PoseMessage], person: int | None = None, sink: Any = Vmc) -> list[list[Message]]:
    """What comes for each message."""
    out: list[list[Message]] = []
    with OscReceiver() as receiver, OscOut(f"127.0.0.1:{receiver.port}") as osc:
        bridge = sink(osc, person)
        end = OscOut(f"127.0.0.1:{receiver.port}")
        for one in poses:
            first = len(receiver.messages())
            bridge(one)
            end.send([Osc("/end", ())])
            until(lambda: receiver.messages()[-1:] == [("/end", [])])
            out.append(receiver.messages()[first:-1])
            assert all(len(packet) <= 1500 for packet in receiver.packets)
            receiver.packets.clear()
        end.close()
    return out


def test_an_avatar_moves_as_the_person_does() -> None:
    """Within 2 cm, which leaves room for nothing but an avatar of other proportions; here they are the same."""
    joints = walk(30)
    start = np.array((joints[0, 0, 0], joints[0, [3, 6], 1].min() - 0.08, joints[0, 0, 2]))
    for frame, messages in enumerate(sent([message({1: pose}, i) for i, pose in enumerate(in_camera(joints))])):
        wanted = (joints[frame] - start) * (-1, 1, 1)  # Unity's x is the other way
        placed = moved_avatar(messages)
        off = [np.linalg.norm(placed[name] - wanted[joint]) for name, joint in JOINTS.items()]
        assert max(off) < 0.005
        values = dict(messages)
        assert values["/VMC/Ext/OK"] == [1]
        assert values["/VMC/Ext/T"] == [pytest.approx(frame / 30, abs=1e-4)]
        assert values["/VMC/Ext/Root/Pos"] == ["root", 0, 0, 0, 0, 0, 0, 1]


def test_time_goes_on_where_the_publishers_clock_was_set_back() -> None:
    one = message({1: in_camera(walk(1)[0])})
    poses = [replace(one, t_capture_ns=at_ns) for at_ns in (10**12, 2 * 10**12, 0, 10**9)]
    told = [dict(messages)["/VMC/Ext/T"] for messages in sent(poses)]
    assert told == [[0], [1000], [1000], [1001]]


def test_who_looks_at_the_camera_with_arms_out_turns_nothing() -> None:
    joints = figure(arms={"r": turn("z", -90), "l": turn("z", 90)})
    (messages,) = sent([message({1: in_camera(joints)})])
    for address, values in messages:
        if address == "/VMC/Ext/Bone/Pos" and values[0] not in ("Neck", "Head"):
            np.testing.assert_allclose(np.abs(values[4:]), (0, 0, 0, 1), atol=1e-6, err_msg=values[0])


def test_in_world_axes_the_height_is_the_floors() -> None:
    z_up = walk(1)[0] @ np.array(((1, 0, 0), (0, 0, 1), (0, -1, 0)))
    (messages,) = sent([message({1: z_up + np.array((0, 0, 0.5))}, space="world")])
    hips = next(values for address, values in messages if values[:1] == ["Hips"])
    np.testing.assert_allclose(hips[1:4], (0, walk(1)[0, 0, 1] + 0.5, 0), atol=1e-6)


def test_one_person_is_followed_while_in_the_frame() -> None:
    one, two = in_camera(walk(1)[0]), in_camera(figure())
    frames = [{4: one, 9: two}, {9: two, 4: one}, {9: two}, {}]
    shown = [message(people, seq) for seq, people in enumerate(frames)] + [message(frames[0], 4, held=True)]
    bones = [
        [values[1:] for address, values in messages if address == "/VMC/Ext/Bone/Pos"] for messages in sent(shown)
    ]
    assert len(bones[0]) == 19
    np.testing.assert_allclose(bones[0], bones[1], atol=1e-6)
    assert np.abs(np.array(bones[2]) - bones[1]).max() > 0.1
    assert [len(rows) for rows in bones[3:]] == [0, 0]
    chosen = sent([message({4: one, 9: two}, 0), message({4: one}, 1)], person=9)
    assert [sum(address == "/VMC/Ext/Bone/Pos" for address, _ in messages) for messages in chosen] == [19, 0]


def test_plain_osc_sends_every_joint_in_metres() -> None:
    joints = walk(2)
    frame = message({3: in_camera(joints[0]), 8: in_camera(joints[1])})
    ((people, *rest),) = sent([frame], sink=PlainOsc)
    assert people == ("/realtime/people", [3, 8])
    values = dict(rest)
    assert values["/realtime/8/seen"] == [1]
    np.testing.assert_allclose(values["/realtime/8/left_wrist"], joints[1, 13] - (0, 1, 5), atol=1e-5)
    assert len(values) == 2 * 18
    (messages,) = sent([frame], 3, PlainOsc)
    assert messages[0] == ("/realtime/people", [3])
    assert len(messages) == 19


@pytest.mark.parametrize("target", ["", "here", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:70000", ":9000", "a:b:9000"])
def test_a_target_that_is_none_is_said(target: str) -> None:
    with pytest.raises(UserError, match="--to"):
        OscOut(target)
