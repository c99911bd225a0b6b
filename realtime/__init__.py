"""One camera in, a live stream of metric 3D human poses out.

`from realtime import subscribe` is all a program needs to receive poses; importing it loads numpy, pyzmq and msgpack
alone, and only when the name is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from realtime.client.subscribe import Subscriber, subscribe
    from realtime.wire.messages import ClockOffset, PersonPose, PoseMessage

__all__ = ["ClockOffset", "PersonPose", "PoseMessage", "Subscriber", "__version__", "subscribe"]
__version__: str


_HOME = {
    "ClockOffset": "wire.messages", "PersonPose": "wire.messages", "PoseMessage": "wire.messages",
    "Subscriber": "client.subscribe", "subscribe": "client.subscribe",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _HOME:
        from importlib import import_module

        return getattr(import_module(f"realtime.{_HOME[name]}"), name)
    if name == "__version__":
        from importlib.metadata import version

        return version("realtime-pose")
    raise AttributeError(f"module 'realtime' has no attribute {name!r}")
