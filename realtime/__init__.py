"""One camera in, a live stream of metric 3D human poses out.

`from realtime import subscribe` is all a program needs to receive poses; importing it loads numpy, pyzmq and msgpack
alone, and only when the name is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from realtime.messages import ClockOffset, PersonPose, PoseMessage
    from realtime.subscribe import Subscriber, subscribe

__all__ = ["ClockOffset", "PersonPose", "PoseMessage", "Subscriber", "__version__", "subscribe"]
__version__: str


def __getattr__(name: str) -> Any:
    if name in ("ClockOffset", "PersonPose", "PoseMessage"):
        from realtime import messages

        return getattr(messages, name)
    if name in ("Subscriber", "subscribe"):
        import importlib

        # The import itself binds `subscribe` to the module, which can be called: see the end of realtime/subscribe.py.
        module = importlib.import_module("realtime.subscribe")
        return module if name == "subscribe" else module.Subscriber
    if name == "__version__":
        from importlib.metadata import version

        return version("realtime-pose")
    raise AttributeError(f"module 'realtime' has no attribute {name!r}")
