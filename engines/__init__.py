"""Pose lifting as pure computation: arrays in, arrays out; no cameras, processes or sockets."""

import os

# At its import ONNX Runtime would otherwise write telemetry of its own into the user's cache.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
