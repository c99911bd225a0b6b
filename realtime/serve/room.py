"""The room that several of a server's streams look into: their cameras, and the stream that is fused of them."""

from __future__ import annotations

from collections.abc import Mapping

from calibration.cameras.cameras_file import Cameras
from calibration.floor.ground import Ground
from calibration.lens.placed import PlacedCamera
from engines.lifting.poses import Lifter
from realtime.clock import NS_PER_S, elapsed_ms, monotonic_ns, to_unix_ns
from realtime.contracts import PoseFrame
from realtime.fusion.fuser import Fuser
from realtime.pipeline.floor import Floor
from realtime.pipeline.setting import Setting, SettingFor
from realtime.process.states import DEGRADED, RUNNING, STALLED, STARTING
from realtime.server.publish import Publisher

_TELL_NS = NS_PER_S
_LEAST_HEIGHT_M = 0.05  # of a camera that stands on the floor of the room


class Room:
    """For the server's thread."""

    def __init__(self, cameras: Cameras, publisher: Publisher, stream: str) -> None:
        """`stream`: the name that fused poses go out under. Raises WireError for none."""
        self._cameras, self._publisher, self._stream = cameras, publisher, stream
        self._fuser = Fuser(cameras)
        self._published = 0
        self._told_ns = self._since_ns = 0
        self._state = ""
        publisher.status({"state": STARTING}, stream=stream)

    def setting_for(self, stream: str) -> SettingFor | None:
        """The lens of the camera of that name, and the floor below it; None for another stream."""
        placed = self._cameras.named(stream)
        if placed is None:
            return None
        ground = None if self._cameras.floor == "none" else _ground(placed, self._cameras.scale)

        def setting(image_wh: tuple[int, int]) -> Setting:
            return Setting(placed.camera.scaled(image_wh), ground)

        return setting

    def see(self, stream: str, frame: PoseFrame, floor: Floor | None) -> None:
        self._fuser.see(stream, frame, None if floor is None else floor.ground, monotonic_ns())

    def wait_ns(self) -> int:
        return self._fuser.wait_ns(monotonic_ns())

    def publish(self, lifter: Lifter) -> int:
        """What is due by now; how many frames."""
        before = self._published
        for frame in self._fuser.due(monotonic_ns()):
            frame.latency_ms["total"] = elapsed_ms(frame.stamp.capture_ns, monotonic_ns())
            self._publisher.send(frame, engine=lifter.engine, model=lifter.name, stream=self._stream)
            self._published += 1
        return self._published - before

    def tell(self, now_ns: int, about: Mapping[str, object]) -> None:
        """The fused stream's status: which cameras it is made of, how their clocks differ, and what is told of it
        besides."""
        state, why = self._condition(now_ns)
        if now_ns - self._told_ns < _TELL_NS and state == self._state:
            return
        if state != self._state:
            self._since_ns = now_ns
        self._told_ns, self._state = now_ns, state
        self._publisher.status(
            {"state": state, "why": why, "state_since_ns": to_unix_ns(self._since_ns), **self._fuser.doings(), **about},
            stream=self._stream,
        )  # fmt: skip

    def _condition(self, now_ns: int) -> tuple[str, str]:
        live = self._fuser.live(now_ns)
        if not self._published:
            return STARTING, ""
        if not live:
            return STALLED, "no frames come from any camera"
        away = [name for name in self._cameras.names if name not in live]
        return (DEGRADED, f"no frames come from {', '.join(away)}") if away else (RUNNING, "")


def _ground(placed: PlacedCamera, scale: str) -> Ground | None:
    """The room's floor as one camera's: the same axes, with the origin below it."""
    height_m = float((-placed.rotation.T @ placed.shift_m)[2])
    return Ground(placed.rotation.T, height_m, scale, "angles") if height_m > _LEAST_HEIGHT_M else None
