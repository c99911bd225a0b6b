"""Foxglove's protocol by a client of its own: what is advertised has a schema, and what comes is by it."""

from __future__ import annotations

import base64
import json
import struct
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from bridge_process import BridgeProcess
from figures import in_camera, pose, walk
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from run_process import free_port
from waiting import until
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from realtime.bench.known_poses import known_keypoints
from realtime.clock import monotonic_ns
from realtime.contracts import PoseFrame, Stamp
from realtime.rig.axes import to_z_up
from realtime.rig.nodes import NODES
from realtime.server.publish import Publisher

JOINTS = in_camera(walk(1)[0])
FEET = (JOINTS[[3, 3, 6, 6]] - JOINTS[0] + np.array([(0, 0.05, 0.03), (0, 0.08, -0.15)] * 2)).astype(np.float32)
SUBPROTOCOL = "foxglove.sdk.v1"


def publish(publisher: Publisher, held: bool = False) -> None:
    frame, now_ns = publisher.sent(), monotonic_ns()
    people = (pose(7, JOINTS, held=held, feet_m=FEET, feet_sigma_m=np.full(4, 0.05, np.float32)),)
    points = known_keypoints(0)
    feet = np.concatenate((points.persons[0].xy_px[[3, 3, 6, 6]] + 9, np.full((4, 1), 0.9)), 1).astype(np.float32)
    publisher.send_keypoints(replace(points, persons=(replace(points.persons[0], feet=feet),)))
    publisher.send(PoseFrame(Stamp(frame, now_ns, now_ns), (640, 480), people), engine="e")


class Client:
    """Subscribes to every channel; `latest` holds the newest message of each topic, decoded by its schema."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self.channels: dict[str, Any] = {}
        self._types: dict[int, Any] = {}
        self.latest: dict[str, Any] = {}
        self.text: dict[str, Any] = {}

    def pump(self) -> None:
        try:
            raw = self._socket.recv(timeout=0.02)
        except TimeoutError:
            return
        if isinstance(raw, str):
            self._told(json.loads(raw))
        elif raw[0] == 1:
            subscription, _ = struct.unpack_from("<IQ", raw, 1)
            name, kind = self._types[subscription]
            self.latest[name] = kind.FromString(raw[13:])

    def drain(self) -> None:
        """Until the server is gone, which raises."""
        while True:
            self._socket.recv(timeout=10)

    def _told(self, said: dict[str, Any]) -> None:
        self.text[said["op"]] = said
        if said["op"] != "advertise":
            return
        for channel in said["channels"]:
            pool, files = descriptor_pool.DescriptorPool(), descriptor_pb2.FileDescriptorSet()
            files.ParseFromString(base64.b64decode(channel["schema"]))
            for file in files.file:
                pool.Add(file)
            kind = message_factory.GetMessageClass(pool.FindMessageTypeByName(channel["schemaName"]))
            self.channels[channel["topic"]] = channel
            self._types[channel["id"]] = (channel["topic"], kind)
            wanted = [{"id": channel["id"], "channelId": channel["id"]}]
            self._socket.send(json.dumps({"op": "subscribe", "subscriptions": wanted}))


def vector(value: Any) -> np.ndarray:
    return np.array((value.x, value.y, value.z))


def turned(quaternion: Any, at: np.ndarray) -> np.ndarray:
    own = vector(quaternion)
    return at + 2 * np.cross(own, np.cross(own, at) + quaternion.w * at)


@pytest.fixture
def port() -> int:
    return free_port()


def test_a_client_gets_people_and_transforms_by_their_schemas(port: int) -> None:
    with (
        Publisher("tcp://127.0.0.1:*", None) as publisher,
        BridgeProcess("foxglove", publisher.address, "--listen", f"127.0.0.1:{port}") as bridge,
    ):
        bridge.wait_for("Ctrl-C ends it")
        with connect(f"ws://127.0.0.1:{port}", subprotocols=[SUBPROTOCOL]) as socket:
            client = Client(socket)
            until(lambda: len(client.latest) == 3, lambda: (publish(publisher), client.pump()))
            assert client.text["serverInfo"]["name"] == "realtime"
            assert {topic: channel["schemaName"] for topic, channel in client.channels.items()} == {
                "/people": "foxglove.SceneUpdate", "/tf": "foxglove.FrameTransforms",
                "/keypoints": "foxglove.ImageAnnotations",
            }  # fmt: skip
            (figure,) = client.latest["/people"].entities
            assert (figure.id, figure.frame_id) == ("person-7", "camera")
            spheres = np.array([vector(sphere.pose.position) for sphere in figure.spheres])
            np.testing.assert_allclose(spheres, JOINTS, atol=1e-5)
            assert len(figure.lines[0].points) == 2 * 16
            thin = figure.lines[1]
            assert (len(thin.points), len(thin.colors)) == (2 * 6, 2 * 6)
            ends = np.array([vector(point) for point in thin.points[:2]])
            np.testing.assert_allclose(ends, (JOINTS[3], FEET[0] + JOINTS[0]), atol=1e-5)
            over = client.latest["/keypoints"].points[2]
            assert (len(over.points), len(over.outline_colors)) == (2 * 6, 6)
            points = client.latest["/keypoints"].points[0].points
            seen = known_keypoints(0).persons[0].xy_px[:16]  # the last joint is never seen
            np.testing.assert_allclose([(point.x, point.y) for point in points], seen, atol=1e-4)
            check_transforms(client.latest["/tf"].transforms)
            until(
                lambda: "held" in client.latest["/people"].entities[0].texts[0].text,
                lambda: (publish(publisher, held=True), client.pump()),
            )
            assert bridge.end() == 0
            with pytest.raises(ConnectionClosed):
                client.drain()


def check_transforms(transforms: Any) -> None:
    """Each bone's frame, carried up to the room's, is where its joint is, z up."""
    by_child = {transform.child_frame_id: transform for transform in transforms}
    wanted = to_z_up(JOINTS, "camera")
    for node in NODES:
        at, frame = np.zeros(3), f"person-7/{node.name}"
        while frame != "room":
            transform = by_child[frame]
            at = turned(transform.rotation, at) + vector(transform.translation)
            frame = transform.parent_frame_id
        np.testing.assert_allclose(at, wanted[node.joint], atol=1e-5, err_msg=node.name)


def test_it_goes_on_when_the_publisher_comes_back(port: int) -> None:
    address = f"tcp://127.0.0.1:{free_port()}"
    with BridgeProcess("foxglove", address, "--listen", f"127.0.0.1:{port}") as bridge:
        bridge.wait_for("Ctrl-C ends it")
        with connect(f"ws://127.0.0.1:{port}", subprotocols=[SUBPROTOCOL]) as socket:
            client = Client(socket)
            for _ in range(2):
                client.latest.clear()
                with Publisher(address, None) as publisher:
                    until(lambda: len(client.latest) == 3, lambda to=publisher: (publish(to), client.pump()))
        assert bridge.end() == 0


def test_who_would_be_watched_by_all_must_say_so(port: int) -> None:
    for where, complaint in ((f"0.0.0.0:{port}", "--insecure"), ("here", "HOST:PORT")):
        with BridgeProcess("foxglove", "--listen", where) as bridge:
            assert bridge.popen.wait(60) == 2
            bridge.wait_for(complaint)
