"""What a publisher knows of each of its streams, from message to message."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from realtime.clock import to_unix_ns
from realtime.contracts import Stamp
from realtime.process.metrics import Rate


@dataclass(slots=True)
class Published:
    seq: int = 0  # of the next pose
    keypoints_seq: int = 0
    rate: Rate = field(default_factory=Rate)
    about: dict[str, Any] = field(default_factory=dict)  # what the last frame said of its making
    told: dict[str, Any] = field(default_factory=dict)  # what `status` was given
    unsendable: int = 0
    resting: bool = False  # nothing of it goes out until it is used again
    stamp: tuple[int, int] = (0, 0)  # of the last frame: monotonic, Unix

    def captured(self, stamp: Stamp) -> int:
        """Unix ns, the same in all messages of a frame: the offset between the clocks is read once for it."""
        if self.stamp[0] != stamp.capture_ns:
            self.stamp = stamp.capture_ns, to_unix_ns(stamp.capture_ns)
        return self.stamp[1]
