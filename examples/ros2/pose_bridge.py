"""A ROS 2 node: a stream's joints as tf frames and as a marker. Needs rclpy and the package realtime-pose.

Usage: python3 pose_bridge.py --ros-args -p address:=tcp://127.0.0.1:5556 -p stream:=main
Publishes /tf: <frame_id> -> person_<id>/<joint>, and /poses (visualization_msgs/Marker, the bones as lines).
Without the parameter frame_id it is the poses' own space, camera or world, turned to ROS axes.
"""

from __future__ import annotations

import numpy as np
import rclpy
from geometry_msgs.msg import Point, TransformStamped
from rclpy.node import Node
from rclpy.time import Time
from tf2_ros import TransformBroadcaster
from visualization_msgs.msg import Marker

from engines.models.skeleton import JOINT_NAMES, PARENTS
from realtime import PersonPose, PoseMessage, subscribe


def to_ros(points_m: np.ndarray, space: str) -> np.ndarray:
    """(..., 3) in ROS axes: x forward, y left, z up. World axes have z up already."""
    if space == "world":
        return points_m
    return np.stack([points_m[..., 2], -points_m[..., 0], -points_m[..., 1]], -1)


class PoseBridge(Node):
    def __init__(self) -> None:
        super().__init__("realtime_pose_bridge")
        address = self.declare_parameter("address", "tcp://127.0.0.1:5556").value
        stream = self.declare_parameter("stream", "main").value
        self.frame_id = self.declare_parameter("frame_id", "").value
        self.broadcaster = TransformBroadcaster(self)
        self.markers = self.create_publisher(Marker, "poses", 1)
        self.subscriber = subscribe(address, stream)
        self.seen = (-1, "")
        self.create_timer(1 / 60, self.tick)

    def tick(self) -> None:
        message = self.subscriber.latest()
        if message is None or (message.seq, message.session) == self.seen:
            return
        self.seen = (message.seq, message.session)
        # t_capture_ns is Unix time, as ROS time is outside of simulation: on another machine keep the clocks in step.
        stamp = Time(nanoseconds=message.t_capture_ns).to_msg()
        for person in message.persons:
            if np.isfinite(person.root_m).all():
                self.publish(message, person, stamp)

    def publish(self, message: PoseMessage, person: PersonPose, stamp: object) -> None:
        joints = to_ros(person.positions_m, message.space).astype(float)
        frame_id = self.frame_id or message.space
        transforms = []
        for name, position in zip(JOINT_NAMES, joints, strict=True):
            transform = TransformStamped()
            transform.header.stamp, transform.header.frame_id = stamp, frame_id
            transform.child_frame_id = f"person_{person.id}/{name}"
            translation = transform.transform.translation
            translation.x, translation.y, translation.z = position
            transform.transform.rotation.w = 1.0  # positions only: the protocol carries no orientations
            transforms.append(transform)
        self.broadcaster.sendTransform(transforms)
        marker = Marker(ns="realtime", id=person.id % 2**31, type=Marker.LINE_LIST, action=Marker.ADD)
        marker.header.stamp, marker.header.frame_id = stamp, frame_id
        marker.scale.x, marker.color.g, marker.color.a = 0.03, 1.0, 1.0
        marker.pose.orientation.w = 1.0
        marker.lifetime.nanosec = 500_000_000
        for joint, parent in enumerate(PARENTS):
            if parent >= 0:
                marker.points += [Point(x=x, y=y, z=z) for x, y, z in (joints[joint], joints[parent])]
        self.markers.publish(marker)


def main() -> None:
    rclpy.init()
    node = PoseBridge()
    try:
        rclpy.spin(node)
    finally:
        node.subscriber.close()
        node.destroy_node()


if __name__ == "__main__":
    main()
