"""The camera that `realtime chaos` has, for tests."""

from __future__ import annotations

from realtime.chaos.camera_server import MjpegServer

__all__ = ["MjpegServer"]
