"""What a subscriber gets: typed messages with numpy arrays. Needs numpy alone.

The messages are not frozen: setting a frozen one's fields takes 4 us of the 40 that a message may take.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from realtime.contracts import CameraPlace

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """The publisher's clock minus ours; off by half the round trip at most."""

    offset_ns: int
    round_trip_ns: int

    def to_local_ns(self, publisher_ns: int) -> int:
        """A stamp of the publisher (`t_capture_ns`, `t_publish_ns`) on this machine's Unix clock."""
        return publisher_ns - self.offset_ns


@dataclass(slots=True, eq=False)
class PersonPose:
    """One person of a frame; axes as `PoseMessage.space` says. The arrays belong to the caller."""

    id: int  # stays with the person while tracked
    joints_m: Array  # (17, 3), relative to the hip
    root_m: Array  # (3,), the hip; NaN where it cannot be placed
    sigma_m: Array  # (17,), 1-sigma error of each joint
    score: Array  # (17,), 0 to 1
    lag_frames: int  # the pose is of this many model frames (1/30 s) before t_capture_ns
    window_fill: float  # 0 to 1: how much of the model's memory has been seen
    held: bool  # nothing seen in this frame: the last pose repeated
    unseen: tuple[int, ...] = ()  # joints not seen in this frame, or not where they can be
    root_sigma_m: float = float("nan")  # 1-sigma error of the root along the view; NaN where it is not known
    feet_m: Array | None = None  # (4, 3), right heel and toe, left heel and toe, relative to the hip; None: not sent
    feet_sigma_m: Array | None = None  # (4,), 1-sigma error of each
    hands_m: Array | None = None  # (6, 3), right little finger, index, thumb, then left; NaN: not seen; None: not sent
    hands_sigma_m: Array | None = None  # (6,), NaN likewise

    @property
    def positions_m(self) -> Array:
        """(17, 3): the joints placed in space; NaN where the root is unknown."""
        return self.joints_m + self.root_m


@dataclass(slots=True, eq=False)
class PoseMessage:
    """Everything published for one camera frame. Times are Unix nanoseconds on the publisher's clock."""

    stream: str
    session: str  # uuid of the publisher's run: a new one restarts `seq`
    seq: int
    frame_id: int
    t_capture_ns: int
    t_publish_ns: int
    image_wh: tuple[int, int]
    space: str  # camera (x right, y down, z forward) | world (right-handed, z up)
    scale: str  # assumed | height | measured
    skeleton: str
    calibration: str  # identity of the calibration in force, "" without one
    engine: str
    model: str
    lookahead: int
    dropped: int  # frames the camera's reader lost or skipped since the session began
    persons: tuple[PersonPose, ...]
    latency_ms: dict[str, float] = field(default_factory=dict)  # stage -> ms
    t_receive_ns: int = 0  # Unix ns on the receiver's clock; 0: not received over a socket
    gap: int = 0  # messages of this stream missed right before this one
    new_session: bool = False  # the first message of a session
    clock: ClockOffset | None = None  # as last compared; None: not (yet)
    source_ns: int | None = None  # the source's own timeline, a file's presentation time; None: it does not say
    floor: str = "none"  # none | estimated | measured: what a world space rests on
    appeared: tuple[int, ...] = ()  # ids of persons who were not in the message before
    left: tuple[int, ...] = ()  # ids that were in the message before and are no more
    camera: CameraPlace | None = None  # where it is, how wide it sees; None: the publisher does not say

    @property
    def t_capture_here_ns(self) -> int | None:
        """When the frame was grabbed, on the receiver's Unix clock; None where the clocks were not compared."""
        return self.clock.to_local_ns(self.t_capture_ns) if self.clock else None

    @property
    def latency_here_ms(self) -> float | None:
        """From glass to this program, on its own clock; None where the clocks were not compared."""
        return (self.t_receive_ns - self.clock.to_local_ns(self.t_capture_ns)) / 1e6 if self.clock else None


@dataclass(slots=True, eq=False)
class PersonKeypoints:
    id: int
    xy_px: Array  # (17, 2), NaN where there is no estimate
    score: Array  # (17,), 0 to 1
    feet: Array | None = None  # (4, 3): x, y in pixels (NaN where there is no estimate) and score; None: not sent
    hands: Array | None = None  # (6, 3): likewise, in the order of a pose's


@dataclass(slots=True, eq=False)
class KeypointsMessage:
    """The 2D keypoints of one camera frame, as the detector gave them."""

    stream: str
    session: str
    seq: int
    frame_id: int
    t_capture_ns: int
    t_detect_ns: int
    t_publish_ns: int
    source_ns: int  # the source's own timeline, which the lifter's 30 Hz clock follows
    image_wh: tuple[int, int]
    dropped: int
    persons: tuple[PersonKeypoints, ...]
    repeated: bool = False  # the picture before once more: the persons are those of that picture
    past: bool = False  # from a producer: to be remembered, not published
