"""One producer's nonsense ends nothing: a server lifts whatever the protocol lets through."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from many_producers import bodies_m

from engines.lifting.load_lifter import load_lifter
from realtime.clock import monotonic_ns
from realtime.config import PlaceConfig
from realtime.contracts import Keypoints2D, PoseFrame
from realtime.serve.rounds import lift_round
from realtime.serve.seat import Seat, new_seat
from realtime.wire.decode import decode_keypoints
from realtime.wire.encode import encode_pose
from realtime.wire.framing import KEYPOINTS, encode_map, topic

LIFTER = load_lifter()
numbers = st.one_of(st.floats(-1e6, 1e6, width=32), st.sampled_from([0.0, 1e-30, -1e6, 1e6]))
points = st.one_of(st.none(), st.tuples(numbers, numbers).map(list))
persons = st.fixed_dictionaries({
    "id": st.one_of(st.integers(0, 3), st.just(2**62)), "xy": st.lists(points, min_size=17, max_size=17),
    "score": st.lists(st.floats(0, 1, width=32), min_size=17, max_size=17),
})  # fmt: skip
frames = st.fixed_dictionaries({
    "v": st.just(1), "session": st.just("s"), "seq": st.integers(0, 2**63 - 1), "frame_id": st.integers(0, 2**63 - 1),
    "t_capture_ns": st.integers(0, 2**63 - 1), "t_detect_ns": st.integers(0, 2**63 - 1), "t_publish_ns": st.just(0),
    "source_ns": st.one_of(st.integers(-(2**63) + 1, 2**63 - 1), st.integers(0, 10**9)),
    "image_wh": st.sampled_from([[640, 480], [1, 1], [65536, 1], [65536, 65536]]),
    "dropped": st.integers(0, 2**62), "persons": st.lists(persons, max_size=3),
})  # fmt: skip


def calm(frame: int) -> dict[str, object]:
    """Somebody who is confirmed after a few of these, whom the wild frames then go on from."""
    points = bodies_m("door")[frame] + np.array([0, 0, 4.0])
    person = {"id": 0, "xy": (points[:, :2] / points[:, 2:] * 500 + 320).tolist(), "score": [0.9] * 17}
    times = dict.fromkeys(("seq", "t_capture_ns", "t_detect_ns", "t_publish_ns", "dropped"), 0)
    return {"v": 1, "session": "s", "frame_id": frame, "source_ns": frame * 33_333_333, "image_wh": [640, 480],
            "persons": [person], **times}  # fmt: skip


def seat(stream: str) -> Seat:
    return new_seat(
        stream, b"p", "", "life", 3, lifter=LIFTER, place=PlaceConfig(), most_people=3, max_fps=240, first_id=0,
        now_ns=monotonic_ns(),
    )  # fmt: skip


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(st.lists(frames, min_size=1, max_size=8))
def test_whatever_comes_a_round_goes_on_and_what_is_published_can_be_sent(sent: list[dict[str, object]]) -> None:
    door, published = seat("door"), list[int]()

    def publish(one: Seat, frame: PoseFrame, received_ns: int) -> None:
        published.append(len(frame.persons))
        encode_pose(frame, stream="door", session="s", seq=0, t_capture_ns=0, t_publish_ns=0)

    def keep(one: Seat, keypoints: Keypoints2D) -> None:
        assert np.isfinite(keypoints.stamp.capture_ns)

    for fields in (*map(calm, range(7)), *sent, *map(calm, range(30, 37))):
        door.take(decode_keypoints(topic(KEYPOINTS, "door") + encode_map(fields)), monotonic_ns())
        lift_round(LIFTER, [door], publish, keep)
    assert published[4:7] == [1, 1, 1]
    door.forget_people()
