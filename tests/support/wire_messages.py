"""Messages of the wire as the tests of its format make them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import realtime
from realtime.contracts import PoseFrame
from realtime.wire.encode import encode_pose

SESSION = "0f8fad5b-d9cb-469f-a165-70867728950e"
PACKAGE = Path(realtime.__file__).parent / "wire"
ABOUT = {"stream": "main", "session": SESSION, "seq": 1000, "t_capture_ns": 1_767_225_600_000_000_000}


def encode(frame: PoseFrame, encoding: str = "msgpack", **changes: Any) -> bytes:
    about = {"t_publish_ns": 1_767_225_600_041_500_000, "engine": "onnxruntime", "model": "stream-243"}
    return encode_pose(frame, **{**ABOUT, **about, "encoding": encoding, **changes})


def schema(kind: str) -> dict[str, Any]:
    return json.loads((PACKAGE / f"{kind}.schema.json").read_text())
