"""A take for Foxglove: by the official reader and the file's own schemas, and still a take."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from figures import in_camera, take_of_people, walk
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from mcap.reader import make_reader

from engines.errors import UserError
from realtime.export.export_file import export_file
from realtime.takes.take import TakeWriter, read_take

FRAMES = 20
JOINTS = in_camera(walk(FRAMES))


def test_what_foxglove_draws_stands_beside_the_takes_own_messages(tmp_path: Path) -> None:
    take = take_of_people(tmp_path / "take.mcap", {7: JOINTS}, source_ns=np.arange(FRAMES) * 33_333_333)
    (written,) = export_file(take, tmp_path / "shown.mcap")
    assert written.said.startswith("20 frames")
    drawn: dict[str, list[object]] = {}
    with written.path.open("rb") as file:
        reader = make_reader(file)
        for schema, channel, message in reader.iter_messages(topics=["/people", "/tf", "/keypoints"]):
            assert (channel.message_encoding, schema.encoding) == ("protobuf", "protobuf")
            pool, files = descriptor_pool.DescriptorPool(), descriptor_pb2.FileDescriptorSet.FromString(schema.data)
            for one in files.file:
                pool.Add(one)
            kind = message_factory.GetMessageClass(pool.FindMessageTypeByName(schema.name))
            drawn.setdefault(schema.name, []).append(kind.FromString(message.data))
    assert {name: len(messages) for name, messages in drawn.items()} == {
        "foxglove.SceneUpdate": FRAMES, "foxglove.FrameTransforms": FRAMES, "foxglove.ImageAnnotations": FRAMES,
    }  # fmt: skip
    for frame, update in enumerate(drawn["foxglove.SceneUpdate"]):
        places = [sphere.pose.position for sphere in update.entities[0].spheres]
        np.testing.assert_allclose([(at.x, at.y, at.z) for at in places], JOINTS[frame], atol=1e-5)
    points, bones = drawn["foxglove.ImageAnnotations"][0].points
    assert (len(points.points), len(bones.points)) == (17, 32)
    assert (points.points[0].x, points.points[0].y) == (100, 100)
    assert [message.fields for message in read_take(written.path)] == [message.fields for message in read_take(take)]


def test_what_it_cannot_do_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "two.mcap"
    with TakeWriter(path, live=False) as take:
        for stream in ("left", "right"):
            take_of_people(path, {7: JOINTS}, stream=stream, writer=take)
    for options, complaint in (({}, "left, right"), ({"stream": "up"}, "no poses"), ({"person": "7"}, "--person")):
        with pytest.raises(UserError, match=complaint):
            export_file(path, tmp_path / "shown.mcap", **options)
    assert [one.name for one in tmp_path.iterdir()] == ["two.mcap"]
    assert export_file(path, tmp_path / "shown.mcap", stream="left")
