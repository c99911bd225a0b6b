"""Frames in Foxglove's own words, live and in recordings.

A scene (`/people`, SceneUpdate): a figure a person, in the stream's own axes, frame `camera` or `world`. Transforms
(`/tf`, FrameTransforms): the frame `room` above them, z up, which is the one to display in; and for each person the
frames `person-ID/Hips`, `person-ID/Spine` ..., turned by the same rule as in exports. Annotations (`/keypoints`,
ImageAnnotations): the keypoints, to lay over the picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engines.models.skeleton import JOINTS, PARENTS
from realtime.bridge.colours import BONES, MIDDLE_RGB, joint_rgb
from realtime.bridge.figure import in_y_up
from realtime.clock import NS_PER_S
from realtime.rig.axes import Y_UP, Z_UP
from realtime.rig.extremities import ON, known_lines, points_of
from realtime.rig.nodes import NODES
from realtime.rig.rotations import local_rotations, node_offsets, node_rotations, quaternions
from realtime.wire.messages import KeypointsMessage, PersonPose, PoseMessage

if TYPE_CHECKING:
    from foxglove.messages import (
        Color,
        FrameTransform,
        FrameTransforms,
        ImageAnnotations,
        SceneEntity,
        SceneUpdate,
        Timestamp,
    )

Double = NDArray[np.float64]

SHOWN_NS = 500_000_000  # a figure that is not sent again goes
_BONE_M, _THIN_M, _JOINT_M, _POINT_PX = 0.03, 0.012, 0.05, 5.0


def scene(message: PoseMessage) -> SceneUpdate:
    from foxglove.messages import SceneUpdate

    at = _timestamp(message.t_capture_ns)
    return SceneUpdate(entities=[_figure(person, message.space, at) for person in _placed(message)])


def transforms(message: PoseMessage) -> FrameTransforms:
    from foxglove.messages import FrameTransforms

    at = _timestamp(message.t_capture_ns)
    bones = [bone for person in _placed(message) for bone in _bones(person, message.space, at)]
    return FrameTransforms(transforms=[_room(message.space, at), *bones])


def image_annotations(message: KeypointsMessage) -> ImageAnnotations:
    """Joints that have a place in the picture, and the bones between them."""
    from foxglove.messages import ImageAnnotations, Point2, PointsAnnotation, PointsAnnotationType

    at = _timestamp(message.t_capture_ns)
    drawn: list[PointsAnnotation] = []
    for person in message.persons:
        seen = np.asarray(np.isfinite(person.xy_px).all(1))
        points = [Point2(x=float(x), y=float(y)) for x, y in np.nan_to_num(person.xy_px).tolist()]
        joints = [joint for joint in range(len(PARENTS)) if seen[joint]]
        bones = [(parent, joint) for parent, joint in BONES if seen[parent] and seen[joint]]
        drawn.append(PointsAnnotation(
            timestamp=at, type=PointsAnnotationType.Points, points=[points[joint] for joint in joints],
            outline_colors=[_colour(joint, False) for joint in joints], thickness=_POINT_PX,
        ))  # fmt: skip
        drawn.append(PointsAnnotation(
            timestamp=at, type=PointsAnnotationType.LineList, points=[points[end] for bone in bones for end in bone],
            outline_colors=[_colour(joint, False) for _, joint in bones], thickness=_POINT_PX / 2,
        ))  # fmt: skip
        whole = points_of(person.xy_px, *(None if one is None else one[:, :2] for one in (person.feet, person.hands)))
        if whole is not None:
            lines = known_lines(whole)
            drawn.append(PointsAnnotation(
                timestamp=at, type=PointsAnnotationType.LineList, thickness=_POINT_PX / 4,
                points=[Point2(x=float(whole[end, 0]), y=float(whole[end, 1])) for line in lines for end in line],
                outline_colors=[_colour(ON[end - JOINTS], False) for _, end in lines],
            ))  # fmt: skip
    return ImageAnnotations(timestamp=at, points=drawn)


def _placed(message: PoseMessage) -> list[PersonPose]:
    return [person for person in message.persons if np.isfinite(person.root_m).all()]


def _timestamp(at_ns: int) -> Timestamp:
    from foxglove.messages import Timestamp

    return Timestamp(sec=at_ns // NS_PER_S, nsec=at_ns % NS_PER_S)


def _figure(person: PersonPose, space: str, at: Timestamp) -> SceneEntity:
    from foxglove.messages import (
        Duration,
        LinePrimitive,
        LinePrimitiveLineType,
        Point3,
        Pose,
        Quaternion,
        SceneEntity,
        SpherePrimitive,
        TextPrimitive,
        Vector3,
    )

    upright = Quaternion(x=0, y=0, z=0, w=1)
    places = person.positions_m.astype(float).tolist()
    points = [Point3(x=x, y=y, z=z) for x, y, z in places]
    colours = [_colour(joint, person.held) for joint in range(len(PARENTS))]
    origin = Pose(position=Vector3(x=0, y=0, z=0), orientation=upright)
    line = LinePrimitive(
        type=LinePrimitiveLineType.LineList, pose=origin, thickness=_BONE_M,
        points=[points[end] for bone in BONES for end in bone],
        colors=[colours[joint] for _, joint in BONES for _ in range(2)],
    )  # fmt: skip
    lines = [line]
    if (extremities := points_of(person.joints_m, person.feet_m, person.hands_m)) is not None:
        thin, ends_m = known_lines(extremities), (extremities + person.root_m).astype(float).tolist()
        lines.append(LinePrimitive(
            type=LinePrimitiveLineType.LineList, pose=origin, thickness=_THIN_M,
            points=[Point3(x=x, y=y, z=z) for ends in thin for x, y, z in (ends_m[end] for end in ends)],
            colors=[colours[ON[end - JOINTS]] for _, end in thin for _ in range(2)],
        ))  # fmt: skip
    spheres = [
        SpherePrimitive(
            pose=Pose(position=Vector3(x=x, y=y, z=z), orientation=upright),
            size=Vector3(x=_JOINT_M, y=_JOINT_M, z=_JOINT_M), color=colour,
        )
        for (x, y, z), colour in zip(places, colours, strict=True)
    ]  # fmt: skip
    above = np.array(places[10]) + 0.25 * Y_UP[space][1]
    label = TextPrimitive(
        pose=Pose(position=Vector3(x=above[0], y=above[1], z=above[2]), orientation=upright), billboard=True,
        font_size=0.12, color=_rgb(MIDDLE_RGB), text=f"{person.id}{' (held)' if person.held else ''}",
    )  # fmt: skip
    return SceneEntity(
        timestamp=at, frame_id=space, id=f"person-{person.id}", lifetime=Duration(sec=0, nsec=SHOWN_NS),
        lines=lines, spheres=spheres, texts=[label],
    )  # fmt: skip


def _colour(joint: int, held: bool) -> Color:
    return _rgb(joint_rgb(joint, held))


def _rgb(colour: tuple[float, float, float]) -> Color:
    from foxglove.messages import Color

    return Color(r=colour[0], g=colour[1], b=colour[2], a=1.0)


def _room(space: str, at: Timestamp) -> FrameTransform:
    return _transform(at, "room", space, np.zeros(3), quaternions(Z_UP[space]))


def _bones(person: PersonPose, space: str, at: Timestamp) -> list[FrameTransform]:
    joints, feet, hands = in_y_up(person, space)
    turned = node_rotations(joints, feet, hands)
    places, turns = node_offsets(joints, turned), local_rotations(turned)
    back = Y_UP[space].T  # the hips stand in the stream's own axes
    places[0], turns[0] = back @ places[0], back @ turns[0]
    names = [f"person-{person.id}/{node.name}" for node in NODES]
    parents = [space, *(names[node.parent] for node in NODES[1:])]
    return [_transform(at, *row) for row in zip(parents, names, places, quaternions(turns), strict=True)]


def _transform(at: Timestamp, parent: str, child: str, place: Any, turn: Any) -> FrameTransform:
    from foxglove.messages import FrameTransform, Quaternion, Vector3

    x, y, z = (float(value) for value in place)
    qx, qy, qz, qw = (float(value) for value in turn)
    return FrameTransform(
        timestamp=at, parent_frame_id=parent, child_frame_id=child, translation=Vector3(x=x, y=y, z=z),
        rotation=Quaternion(x=qx, y=qy, z=qz, w=qw),
    )  # fmt: skip
