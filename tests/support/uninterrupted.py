"""What the light producers' streams give in one process that never pauses, to compare other poses with."""

from __future__ import annotations

import numpy as np
from many_producers import IMAGE_WH, PERIOD_NS, carries_signature, xy_px_of

from engines.lifting.poses import Lifter
from realtime.config import PlaceConfig
from realtime.contracts import Keypoints2D, Person2D, Pose3D, Stamp
from realtime.pipeline.pose_frame import Lift
from realtime.wire.messages import PoseMessage

MOST_M = 0.01


class Uninterrupted:
    """The same keypoints through the same line: stream and frame -> pose."""

    def __init__(self, lifter: Lifter) -> None:
        self._lifter = lifter
        self._lifts: dict[str, Lift] = {}
        self._poses: dict[str, list[Pose3D | None]] = {}

    def pose(self, stream: str, frame: int) -> Pose3D | None:
        """None: nobody is confirmed yet."""
        lift = self._lifts.setdefault(
            stream, Lift(self._lifter, PlaceConfig(floor="off"), f"produce://{stream}", 1)
        )  # fmt: skip
        poses, seen = self._poses.setdefault(stream, []), xy_px_of(stream)
        for at in range(len(poses), frame + 1):
            stamp = Stamp(at, at * PERIOD_NS, at * PERIOD_NS)
            lifted = lift(Keypoints2D(stamp, IMAGE_WH, (Person2D(0, *seen(at)),), at * PERIOD_NS, 0))
            lift.finish()
            poses.append(lifted.persons[0] if lifted.persons else None)
        return poses[frame]

    def check(self, messages: list[PoseMessage]) -> None:
        """Everybody's poses are their own, in order, under one id, and those of a run without a pause."""
        frames = [message.frame_id for message in messages]
        assert frames == sorted(frames)
        assert len({person.id for message in messages for person in message.persons}) == 1
        for message in messages:
            (person,) = message.persons
            assert carries_signature(message.stream, person)
            if message.dropped:  # a busy machine left frames out, which the run without a pause has seen
                continue
            known = self.pose(message.stream, message.frame_id)
            assert known is not None
            apart_m = np.abs(person.positions_m - (known.joints_m + known.root_m)).max()
            assert apart_m < MOST_M, (message.stream, message.frame_id)
