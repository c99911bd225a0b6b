"""The wire format: what is wrong does not leave, and is named where it arrives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgpack
import numpy as np
import pytest
from wire_messages import ABOUT, SESSION, encode

from realtime.bench.known_poses import known_frame, known_keypoints
from realtime.wire.decode import check, decode_pose
from realtime.wire.encode import encode_keypoints
from realtime.wire.framing import VERSION, VersionError, WireError, decode_map, encode_map, split, topic


@pytest.mark.parametrize(("name", "wrong"), [
    ("feet", [[0.0] * 3] * 3), ("feet", [[0.0] * 2] * 4), ("feet", None), ("feet_sigma", [0.1] * 17),
    ("feet_sigma", None), ("feet_sigma", [float("nan")] * 4), ("feet", [None] * 4),
    ("hands", [[0.0] * 3] * 5), ("hands", [[0.0] * 2] * 6), ("hands", None), ("hands", [["a"] * 3] * 6),
    ("hands_sigma", [0.1] * 5), ("hands_sigma", None), ("hands_sigma", [float("nan")] * 6), ("hands_sigma", ["a"] * 6),
    ("hands", [[float("nan")] * 3] * 6),
])  # fmt: skip
def test_feet_and_hands_that_are_none_are_refused(name: str, wrong: Any) -> None:
    frame = known_frame(0)
    person = replace(frame.persons[0], feet_m=np.ones((4, 3), np.float32), feet_sigma_m=np.ones(4, np.float32),
                     hands_m=np.ones((6, 3), np.float32), hands_sigma_m=np.ones(6, np.float32))  # fmt: skip
    fields = decode_map(split(encode(replace(frame, persons=(person,))))[2])
    fields["persons"][0][name] = wrong
    with pytest.raises(WireError):
        decode_pose(topic("pose3d", "main") + msgpack.packb(fields))


@pytest.mark.parametrize("field", ["joints_m", "sigma_m", "score"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_not_finite_do_not_leave(field: str, bad: float) -> None:
    frame = known_frame(0)
    array = getattr(frame.persons[0], field).copy()
    array.flat[5] = bad
    with pytest.raises(WireError, match="not finite"):
        encode(replace(frame, persons=(replace(frame.persons[0], **{field: array}),)))


@pytest.mark.parametrize("name", ["engine", "model"])
def test_a_text_that_nobody_would_read_does_not_leave(name: str) -> None:
    with pytest.raises(WireError, match="longer than the 256 characters"):
        encode(known_frame(0), **{name: "n" * 257})
    assert getattr(decode_pose(encode(known_frame(0), **{name: "n" * 256})), name) == "n" * 256


@pytest.mark.parametrize("score", [1.01, -0.01])
def test_a_score_beyond_its_range_does_not_leave(score: float) -> None:
    scores = np.full(17, score, np.float32)
    frame, points = known_frame(0), known_keypoints(0)
    with pytest.raises(WireError, match="0 to 1"):
        encode(replace(frame, persons=(replace(frame.persons[0], score=scores),)))
    with pytest.raises(WireError, match="0 to 1"):
        encode_keypoints(
            replace(points, persons=(replace(points.persons[0], score=scores),)), **ABOUT, t_detect_ns=5, t_publish_ns=6
        )


def changed(**changes: Any) -> bytes:
    fields = decode_map(split(encode(known_frame(0)))[2])
    person = fields["persons"][0]
    for name, value in changes.items():
        (person if name in person else fields)[name] = value
    return topic("pose3d", "main") + msgpack.packb(fields)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seq", -1), ("seq", True), ("seq", 1.0), ("seq", "1"), ("session", 5), ("session", "x" * 300), ("space", None),
        ("image_wh", [640]), ("image_wh", [0, 480]), ("image_wh", "ab"), ("persons", {}), ("persons", [5]),
        ("persons", None),
        ("latency_ms", []), ("latency_ms", {"a": "b"}), ("latency_ms", {"a": float("nan")}),
        ("latency_ms", {"a": 1.0, "b": float("inf")}), ("id", None), ("held", 1), ("window_fill", 1.5),
        ("window_fill", "1"), ("unseen", [17]), ("unseen", [-1]), ("unseen", [True]), ("unseen", None), ("unseen", 3),
        ("root_sigma", -0.1), ("root_sigma", "1"), ("root_sigma", float("inf")), ("root_sigma", True),
        ("joints", [[0.0, 0.0, 0.0]] * 16), ("joints", [[0.0, 0.0]] * 17), ("joints", ["abc"] * 17),
        ("joints", [5] * 17),
        ("joints", [[0.0, 0.0, float("nan")]] * 17), ("joints", [[0.0, 0.0, 1e9]] * 17), ("joints", None),
        ("joints", [[0.0, 0.0, [1.0]]] * 17), ("root", [1.0]), ("root", 5), ("root", "abc"), ("root", {}),
        ("root", False),
        ("root", [1.0, 2.0, float("inf")]), ("sigma", [0.1] * 18), ("score", "a" * 17), ("score", [None] * 17),
        ("score", [1.01] * 17), ("score", [-0.01] * 17), ("id", -1),
    ],
)  # fmt: skip
def test_a_wrong_field_is_refused(name: str, value: object) -> None:
    decode_pose(changed())  # the message without the change is fine
    with pytest.raises(WireError):
        decode_pose(changed(**{name: value}))


def test_a_missing_field_is_named() -> None:
    fields = decode_map(split(encode(known_frame(0)))[2])
    for name in fields.keys() - {"source_ns", "floor"}:  # which earlier publishers do not send
        fewer = {other: value for other, value in fields.items() if other != name}
        with pytest.raises(WireError, match=name):
            decode_pose(topic("pose3d", "main") + msgpack.packb(fewer))


def test_unknown_fields_are_ignored_and_another_version_is_refused() -> None:
    assert decode_pose(changed(news=[1, {"a": 2}])).seq == 1000
    with pytest.raises(VersionError, match="version 2"):
        decode_pose(changed(v=2))


def test_too_many_persons_and_too_many_bytes_are_refused() -> None:
    person = decode_map(split(encode(known_frame(0)))[2])["persons"][0]
    with pytest.raises(WireError, match="persons"):
        decode_pose(changed(persons=[person] * 65))
    with pytest.raises(WireError, match="limit"):
        split(b"x" * ((1 << 20) + 1))
    with pytest.raises(WireError):
        decode_map(b"[" * 1_000_00)
    with pytest.raises(WireError):
        decode_map(b'{"a":' * 100_000)
    with pytest.raises(WireError):
        decode_map(msgpack.packb({"a": msgpack.ExtType(5, b"x")}))


@pytest.mark.parametrize("name", ["", "a b", "a/b", "x" * 65, "ä", "a\0b", "../x"])
def test_a_bad_stream_name_is_refused(name: str) -> None:
    with pytest.raises(WireError):
        topic("pose3d", name)


@pytest.mark.parametrize("value", [b"", {b"": 1}, [1, [b""]], msgpack.ExtType(5, b""), msgpack.Timestamp(0)])
def test_types_that_the_protocol_does_not_know_are_refused(value: object) -> None:
    with pytest.raises(WireError):
        decode_map(msgpack.packb({"x": value}))
    assert decode_map(msgpack.packb({"x": -512.0}, use_single_float=True)) == {"x": -512.0}  # c4 00, as an empty bin


@pytest.mark.parametrize("ids", [7, ["7"], [True], [-1], [2**63], [None], list(range(65))])
@pytest.mark.parametrize("name", ["appeared", "left"])
def test_events_that_are_no_ids_are_refused(name: str, ids: object) -> None:
    head = topic("pose3d", "main")
    fields = decode_map(split(encode(known_frame(0)))[2])
    with pytest.raises(WireError, match=f"{name} is not a list"):
        decode_pose(head + encode_map({**fields, name: ids}, "json"))


def test_a_message_of_any_kind_is_checked_before_it_is_kept() -> None:
    pose = decode_map(split(encode(known_frame(0)))[2])
    keypoints = decode_map(split(encode_keypoints(known_keypoints(0), **ABOUT, t_detect_ns=5, t_publish_ns=6))[2])
    status = {"v": VERSION, "session": SESSION, "stream": "main", "state": "running", "seq": 0, "t_publish_ns": 0}
    for kind, fields in (("pose3d", pose), ("keypoints2d", keypoints), ("status", status)):
        check(kind, "main", fields)
        with pytest.raises(WireError):
            check(kind, "main", {**fields, "session": 1})
