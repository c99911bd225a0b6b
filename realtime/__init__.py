"""One camera in, a live stream of metric 3D human poses out.

`subscribe` receives the poses of a session elsewhere, `run` is a session of one's own, `Lifter` and `lift` turn
keypoints that a program has into poses, frame by frame or whole recordings.

Importing `realtime` loads nothing heavy: each name brings what it needs when it is first used, `subscribe` numpy, pyzmq
and msgpack alone.
"""

from __future__ import annotations

TYPE_CHECKING = False  # of `typing`, whose import takes longer than all the rest: Ctrl-C comes in its middle
if TYPE_CHECKING:
    from typing import Any

    from engines.errors import UserError
    from realtime.client.subscribe import Subscriber, subscribe
    from realtime.library.doubts import KeypointsWarning
    from realtime.library.lifter import Lifter, Pose
    from realtime.library.poses import Poses
    from realtime.library.session import run
    from realtime.library.whole import lift
    from realtime.wire.messages import ClockOffset, PersonPose, PoseMessage

__all__ = [
    "ClockOffset", "KeypointsWarning", "Lifter", "PersonPose", "Pose", "PoseMessage", "Poses", "Subscriber",
    "UserError", "__version__", "lift", "run", "subscribe",
]  # fmt: skip
__version__: str


_HOME = {
    "ClockOffset": "realtime.wire.messages", "PersonPose": "realtime.wire.messages",
    "PoseMessage": "realtime.wire.messages", "Subscriber": "realtime.client.subscribe",
    "subscribe": "realtime.client.subscribe", "Lifter": "realtime.library.lifter", "Pose": "realtime.library.lifter",
    "lift": "realtime.library.whole", "Poses": "realtime.library.poses", "run": "realtime.library.session",
    "KeypointsWarning": "realtime.library.doubts", "UserError": "engines.errors",
}  # fmt: skip


def _check_neighbours() -> None:
    """Raises ImportError where a program's own folder hides one of the packages beside this one."""
    from importlib.util import find_spec
    from pathlib import Path

    ours = Path(__file__).resolve().parent.parent
    for package in ("calibration", "engines"):
        spec = find_spec(package)
        found = Path(spec.origin).resolve() if spec is not None and spec.origin else None
        if found is not None and found.parent.parent != ours:
            raise ImportError(f"{found.parent} hides the package {package!r} that realtime installs: rename that "
                              "folder, or start the program where it is not on the path")  # fmt: skip


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    if name in _HOME:
        from importlib import import_module

        _check_neighbours()
        return getattr(import_module(_HOME[name]), name)
    if name == "__version__":
        from importlib.metadata import version

        return version("realtime-pose")
    raise AttributeError(f"module 'realtime' has no attribute {name!r}")
