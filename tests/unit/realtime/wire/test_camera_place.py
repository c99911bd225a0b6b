"""Where the camera is, in a pose message."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import msgpack
import numpy as np
import pytest

import realtime
from realtime.bench.known_poses import known_frame
from realtime.contracts import CameraPlace, PoseFrame
from realtime.wire.decode import decode_pose
from realtime.wire.encode import encode_pose
from realtime.wire.framing import WireError, decode_map, split, topic

ROTATION = np.array(((1.0, 0, 0), (0, 0, 1.0), (0, -1.0, 0)))
CAMERA = {"hfov": 60.0, "rotation": ROTATION.tolist(), "height": 1.5}
PLACED = CameraPlace(60.0, ROTATION, 1.5)


def encode(frame: PoseFrame) -> bytes:
    return encode_pose(frame, stream="main", session="s", seq=1, t_capture_ns=5, t_publish_ns=6)


def test_where_the_camera_is_comes_back() -> None:
    camera = decode_pose(encode(replace(known_frame(0), space="world", camera=PLACED))).camera
    assert camera is not None
    assert (camera.hfov_deg, camera.height_m) == (60.0, 1.5)
    assert np.array_equal(camera.rotation, ROTATION)


def test_what_is_not_known_of_it_stays_unknown() -> None:
    assert decode_pose(encode(known_frame(0))).camera is None  # a publisher that does not say
    camera = decode_pose(encode(replace(known_frame(0), camera=CameraPlace(np.nan)))).camera
    assert camera is not None
    assert np.isnan(camera.hfov_deg)
    assert camera.rotation is None


@pytest.mark.parametrize("camera", [None, PLACED, CameraPlace(np.nan), CameraPlace(75.0)])
def test_the_schema_allows_what_is_sent(camera: CameraPlace | None) -> None:
    schema = json.loads((Path(realtime.__file__).parent / "wire/pose3d.schema.json").read_text())
    jsonschema.validate(decode_map(split(encode(replace(known_frame(0), camera=camera)))[2]), schema)


@pytest.mark.parametrize("value", [
    None, 5, {}, {"hfov": 60.0}, {**CAMERA, "hfov": -1.0}, {**CAMERA, "hfov": "60"}, {**CAMERA, "height": None},
    {**CAMERA, "height": 0}, {**CAMERA, "height": float("inf")}, {**CAMERA, "rotation": None},
    {**CAMERA, "rotation": [[1.0, 0, 0]] * 2}, {**CAMERA, "rotation": [[1.0, 0]] * 3},
    {**CAMERA, "rotation": [["a"] * 3] * 3}, {**CAMERA, "rotation": [[float("nan")] * 3] * 3},
])  # fmt: skip
def test_a_wrong_camera_is_refused(value: object) -> None:
    fields: dict[str, Any] = decode_map(split(encode(replace(known_frame(0), camera=PLACED)))[2])
    decode_pose(topic("pose3d", "main") + msgpack.packb(fields))  # fine without the change
    with pytest.raises(WireError):
        decode_pose(topic("pose3d", "main") + msgpack.packb({**fields, "camera": value}))
