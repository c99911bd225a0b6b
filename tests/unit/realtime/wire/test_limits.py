"""The limits of the wire format, to the last byte, and what beyond the known fields is let through."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgpack
import numpy as np
import pytest

from realtime.bench.known_poses import known_frame, known_keypoints
from realtime.contracts import CameraPlace, PoseFrame
from realtime.wire.decode import decode_keypoints, decode_pose, decode_status
from realtime.wire.encode import encode_keypoints, encode_pose, encode_status
from realtime.wire.framing import VersionError, WireError, decode_map, split, topic
from realtime.wire.joining import Join, decode_request

MOST = 1 << 20
ABOUT = {"stream": "main", "session": "s", "seq": 1, "t_capture_ns": 5, "t_publish_ns": 6}
EVENTFUL = replace(known_frame(0), appeared=(1,), left=(2,), camera=CameraPlace(60.0))


def pose_with(frame: PoseFrame, person: dict[str, Any] | None = None, **more: Any) -> bytes:
    """A message with fields that this version does not know."""
    fields = decode_map(split(encode_pose(frame, **ABOUT))[2])
    fields["persons"][0] |= person or {}
    return topic("pose3d", "main") + msgpack.packb({**fields, **more})


def test_a_message_of_a_mebibyte_is_read_and_one_byte_more_is_not() -> None:
    text = "x" * (MOST - len(b'{"a":""}'))
    assert decode_map(b'{"a":"%s"}' % text.encode()) == {"a": text}
    with pytest.raises(WireError, match="limit is 1048576"):
        decode_map(b'{"a":"%sx"}' % text.encode())
    head = topic("status", "main")
    assert split(head + b"x" * (MOST - len(head)))[:2] == ("status", "main")
    with pytest.raises(WireError, match="limit is 1048576"):
        split(head + b"x" * (MOST - len(head) + 1))


@pytest.mark.parametrize(
    ("most", "more"),
    [
        ("x" * 4096, "x" * 4097), ([0] * 4096, [0] * 4097),
        ({str(at): 0 for at in range(256)}, {str(at): 0 for at in range(257)}),
    ],
)  # fmt: skip
def test_texts_lists_and_maps_are_read_up_to_their_limits(most: object, more: object) -> None:
    assert decode_map(msgpack.packb({"a": most})) == {"a": most}
    with pytest.raises(WireError):
        decode_map(msgpack.packb({"a": more}))


@pytest.mark.parametrize("constant", [b"NaN", b"Infinity", b"-Infinity"])
def test_numbers_that_json_does_not_know_are_refused(constant: bytes) -> None:
    with pytest.raises(WireError, match="is no JSON"):
        decode_map(b'{"x":%s}' % constant)


@pytest.mark.parametrize("value", [b"", b"x"])
@pytest.mark.parametrize("frame", [known_frame(0), EVENTFUL], ids=["plain", "eventful"])
def test_bytes_in_fields_that_are_not_known_are_refused(frame: PoseFrame, value: bytes) -> None:
    person = frame.persons[0]
    with_feet = replace(person, feet_m=np.zeros((4, 3), np.float32), feet_sigma_m=np.ones(4, np.float32))
    for shown in (frame, replace(frame, persons=(with_feet,))):
        assert decode_pose(pose_with(shown, {"mood": 1}, news=[1])).seq == 1
        with pytest.raises(WireError):
            decode_pose(pose_with(shown, news=value))
        with pytest.raises(WireError):
            decode_pose(pose_with(shown, {"mood": value}))
    with pytest.raises(WireError):
        decode_map(msgpack.packb({"x": value}))


def test_bytes_do_not_take_the_place_of_a_root() -> None:
    fields = decode_map(split(encode_pose(known_frame(0), **ABOUT))[2])
    person = fields["persons"][0]
    del person["root"]
    head = topic("pose3d", "main")
    assert np.isnan(decode_pose(head + msgpack.packb(fields)).persons[0].root_m).all()
    person["mood"] = b""
    with pytest.raises(WireError, match="bin"):
        decode_pose(head + msgpack.packb(fields))


def test_every_kind_of_another_version_is_refused() -> None:
    status = {"v": 1, "session": "s", "stream": "main", "state": "running", "seq": 3, "t_publish_ns": 4}
    keypoints = encode_keypoints(known_keypoints(0), **ABOUT, t_detect_ns=5)
    for message, decode in (
        (keypoints, decode_keypoints), (encode_status(status, "main"), decode_status),
        (encode_pose(known_frame(0), **ABOUT), decode_pose),
    ):  # fmt: skip
        decode(message)
        body = split(message)[2]
        newer = msgpack.packb({**decode_map(body), "v": 2}, use_single_float=True)
        with pytest.raises(VersionError, match="version 2"):
            decode(message[: -len(body)] + newer)


def test_a_crowd_is_sent_up_to_the_limit() -> None:
    frame, points = known_frame(0), known_keypoints(0)
    crowd = tuple(replace(frame.persons[0], track_id=number) for number in range(70))
    seen = tuple(replace(points.persons[0], track_id=number) for number in range(70))
    poses = decode_pose(encode_pose(replace(frame, persons=crowd), **ABOUT))
    assert [person.id for person in poses.persons] == list(range(64))
    keypoints = decode_keypoints(encode_keypoints(replace(points, persons=seen), **ABOUT, t_detect_ns=5))
    assert [person.id for person in keypoints.persons] == list(range(64))


def test_keypoints_say_whether_their_pose_is_wanted() -> None:
    points = known_keypoints(0)
    assert not decode_keypoints(encode_keypoints(points, **ABOUT, t_detect_ns=5)).past
    assert decode_keypoints(encode_keypoints(points, **ABOUT, t_detect_ns=5, past=True)).past


def test_what_only_a_receiver_knows_is_not_in_the_message() -> None:
    message = decode_pose(encode_pose(known_frame(0), **ABOUT))
    assert (message.t_receive_ns, message.gap, message.new_session, message.clock) == (0, 0, False, None)
    assert (message.lookahead, message.engine, message.model) == (0, "", "")


def test_a_message_of_another_kind_or_of_none_is_refused() -> None:
    keypoints = encode_keypoints(known_keypoints(0), **ABOUT, t_detect_ns=5)
    with pytest.raises(WireError, match="a keypoints2d message where a pose3d message was expected"):
        decode_pose(keypoints)
    for head in (b"pose3d/main", b"pose3d\0", b"pose/main\0", b"pose3d/a b\0", b"\0"):
        with pytest.raises(WireError, match="no topic of this protocol"):
            split(head + b"{}")


def test_ids_begin_where_there_is_room_for_more() -> None:
    fields = {"v": 1, "op": "join", "stream": "door", "life": "one", "first_id": 2**62}
    request = decode_request(msgpack.packb(fields))
    assert isinstance(request, Join)
    assert request.first_id == 2**62
    with pytest.raises(WireError, match="first_id"):
        decode_request(msgpack.packb({**fields, "first_id": 2**62 + 1}))
