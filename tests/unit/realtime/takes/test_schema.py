"""The schemas in a recording are those that Foxglove's parser takes, and still true of real messages."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import jsonschema
import numpy as np
import pytest

from realtime.bench.known_poses import known_frame, known_keypoints
from realtime.contracts import CameraPlace
from realtime.takes.schema import take_schema
from realtime.wire.encode import encode_keypoints, encode_pose
from realtime.wire.framing import KEYPOINTS, KINDS, POSE, decode_map, split

SCALARS = ("boolean", "integer", "number", "string")
ABOUT = {"stream": "main", "session": "s", "seq": 0, "t_capture_ns": 1, "t_publish_ns": 3}


def foxglove_faults(schema: dict[str, Any], path: str) -> list[str]:
    """The rules of Foxglove's parseJsonSchema: each fault makes it drop the topic."""
    if schema.get("type") != "object" or not isinstance(schema.get("properties"), dict):
        return [f"{path}: no object with properties"]
    faults: list[str] = []
    for name, node in schema["properties"].items():
        inner, at = node, f"{path}.{name}"
        if "$ref" in node:
            faults.append(f"{at}: a reference")
        elif node.get("type") == "array":
            inner, at = node.get("items", {}), f"{at}[]"
        if inner.get("type") == "object":
            faults += foxglove_faults(inner, at)
        elif inner.get("type") not in SCALARS:
            faults.append(f"{at}: {inner.get('type')}")
    return faults


@pytest.mark.parametrize("kind", KINDS)
def test_foxglove_takes_the_schema(kind: str) -> None:
    schema = json.loads(take_schema(kind))
    assert foxglove_faults(schema, kind) == []
    assert schema["title"] == kind
    jsonschema.Draft202012Validator.check_schema(schema)


def test_real_messages_meet_the_schema_and_what_it_names_is_there() -> None:
    frame = known_frame(0)
    walker = replace(frame.persons[0], feet_m=np.ones((4, 3), np.float32), feet_sigma_m=np.ones(4, np.float32))
    raws = {
        POSE: encode_pose(
            replace(frame, persons=(walker,), appeared=(1,), left=(2,), camera=CameraPlace(60.0)), **ABOUT
        ),
        KEYPOINTS: encode_keypoints(known_keypoints(0), **ABOUT, t_detect_ns=2, past=True),
    }
    for kind, raw in raws.items():
        schema, fields = json.loads(take_schema(kind)), decode_map(split(raw)[2])
        jsonschema.validate(fields, schema)
        assert set(schema["properties"]) == set(fields)
    person = json.loads(take_schema(POSE))["properties"]["persons"]["items"]["properties"]
    assert person.keys() == {"id", "sigma", "score", "lag_frames", "window_fill", "held", "unseen", "feet_sigma"}
    sent = decode_map(split(raws[POSE])[2])["persons"][0]
    assert person.keys() <= sent.keys()
