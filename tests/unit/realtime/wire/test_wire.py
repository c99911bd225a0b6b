"""The wire format: what goes in comes out, what is wrong is named, and real messages meet the published schemas."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import realtime
from realtime.bench.known_poses import known_frame, known_keypoints
from realtime.contracts import Keypoints2D, Person2D, Pose3D, PoseFrame, Stamp
from realtime.wire.decode import decode_keypoints, decode_pose, decode_status
from realtime.wire.encode import encode_keypoints, encode_pose, encode_status
from realtime.wire.framing import KINDS, VersionError, WireError, decode_map, encode_map, split, topic

SESSION = "0f8fad5b-d9cb-469f-a165-70867728950e"
PACKAGE = Path(realtime.__file__).parent / "wire"
ABOUT = {"stream": "main", "session": SESSION, "seq": 1000, "t_capture_ns": 1_767_225_600_000_000_000}
coordinates = st.floats(-1e5, 1e5, width=32)


def encode(frame: PoseFrame, encoding: str = "msgpack", **changes: Any) -> bytes:
    about = {"t_publish_ns": 1_767_225_600_041_500_000, "engine": "onnxruntime", "model": "stream-243"}
    return encode_pose(frame, **{**ABOUT, **about, "encoding": encoding, **changes})


def schema(kind: str) -> dict[str, Any]:
    return json.loads((PACKAGE / f"{kind}.schema.json").read_text())


@st.composite
def frames(draw: st.DrawFn) -> PoseFrame:
    def array(*shape: int, elements: st.SearchStrategy[float] = coordinates) -> np.ndarray:
        return draw(hnp.arrays(np.float32, shape, elements=elements))

    def partly(places: np.ndarray, sigma: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        unseen = draw(st.lists(st.booleans(), min_size=len(places), max_size=len(places)))
        places[unseen], sigma[unseen] = np.nan, np.nan
        return places, sigma

    counts = st.integers(0, 2**63 - 1)
    persons = [
        Pose3D(
            draw(counts), array(17, 3), array(3) if draw(st.booleans()) else np.full(3, np.nan, np.float32), array(17),
            array(17, elements=st.floats(0, 1, width=32)), draw(st.integers(0, 243)),
            draw(st.floats(0, 1, width=32)), draw(st.booleans()),
            tuple(draw(st.lists(st.integers(0, 16), unique=True))), draw(st.floats(0, 60, width=32)),
            *((array(4, 3), array(4)) if draw(st.booleans()) else (None, None)),
            *(partly(array(6, 3), array(6)) if draw(st.booleans()) else (None, None)),
        )
        for _ in range(draw(st.integers(0, 3)))
    ]  # fmt: skip
    latency_ms = draw(st.dictionaries(st.sampled_from(("detect", "lift")), st.floats(0, 1e4, width=32)))
    return PoseFrame(
        Stamp(draw(counts), 0, 0), (draw(st.integers(1, 65536)), 480), tuple(persons),
        draw(st.sampled_from(("camera", "world"))), "height", "abc", draw(counts), latency_ms,
        draw(st.sampled_from(("none", "estimated", "measured"))),
        tuple(draw(st.lists(counts, max_size=8))), tuple(draw(st.lists(counts, max_size=8))),
    )  # fmt: skip


@given(frames(), st.sampled_from(("msgpack", "json")), st.integers(0, 2**63 - 1))
@settings(max_examples=60, deadline=None)
def test_a_frame_comes_back_bit_for_bit(frame: PoseFrame, encoding: str, seq: int) -> None:
    raw = encode(frame, encoding, seq=seq)
    message = decode_pose(raw)
    assert (message.seq, message.frame_id, message.dropped) == (seq, frame.stamp.frame_id, frame.dropped)
    assert (message.image_wh, message.space, message.latency_ms) == (frame.image_wh, frame.space, frame.latency_ms)
    assert message.floor == frame.floor
    assert (message.appeared, message.left) == (frame.appeared, frame.left)
    assert len(message.persons) == len(frame.persons)
    for got, sent in zip(message.persons, frame.persons, strict=True):
        assert (got.id, got.lag_frames, got.held) == (sent.track_id, sent.lag_frames, sent.held)
        assert (got.window_fill, got.unseen) == (sent.window_fill, sent.unseen)
        np.testing.assert_allclose(got.root_sigma_m, sent.root_sigma_m, rtol=1e-6)
        for name in ("feet_m", "feet_sigma_m", "hands_m", "hands_sigma_m"):
            mine, theirs = getattr(got, name), getattr(sent, name)
            assert (mine is None) == (theirs is None)
            assert mine is None or np.array_equal(mine, theirs, equal_nan=True)
        for a, b in ((got.joints_m, sent.joints_m), (got.root_m, sent.root_m), (got.sigma_m, sent.sigma_m)):
            assert a.dtype == np.float32
            assert a.flags.c_contiguous
            np.testing.assert_array_equal(a, b)
    jsonschema.validate(decode_map(split(raw)[2]), schema("pose3d"))


@pytest.mark.parametrize("encoding", ["msgpack", "json"])
def test_keypoints_come_back_bit_for_bit_and_meet_the_schema(encoding: str) -> None:
    for index in (0, 9):
        sent = known_keypoints(index)
        raw = encode_keypoints(sent, **ABOUT, t_detect_ns=5, t_publish_ns=6, encoding=encoding)
        got = decode_keypoints(raw)
        assert (got.source_ns, got.image_wh, len(got.persons)) == (sent.stamp.source_ns, (640, 480), len(sent.persons))
        for ours, theirs in zip(got.persons, sent.persons, strict=True):
            np.testing.assert_array_equal(ours.xy_px, theirs.xy_px)
            np.testing.assert_array_equal(ours.score, theirs.score)
        jsonschema.validate(decode_map(split(raw)[2]), schema("keypoints2d"))


@pytest.mark.parametrize(("name", "points"), [("feet", 4), ("hands", 6)])
@pytest.mark.parametrize("encoding", ["msgpack", "json"])
def test_feet_and_hands_are_sent_where_they_were_looked_for(encoding: str, name: str, points: int) -> None:
    seen, own = known_keypoints(0), np.arange(3 * points, dtype=np.float32).reshape(points, 3) / (3 * points)
    own[1, :2] = np.nan
    sent = replace(seen, persons=(replace(seen.persons[0], **{name: own}),))
    raw = encode_keypoints(sent, **ABOUT, t_detect_ns=5, t_publish_ns=6, encoding=encoding)
    np.testing.assert_array_equal(getattr(decode_keypoints(raw).persons[0], name), own)
    fields = decode_map(split(raw)[2])
    jsonschema.validate(fields, schema("keypoints2d"))
    plain = decode_keypoints(encode_keypoints(seen, **ABOUT, t_detect_ns=5, t_publish_ns=6))
    assert plain.persons[0].feet is plain.persons[0].hands is None
    for field, wrong in ((name, fields["persons"][0][name][:3]), (f"{name}_score", [2.0] * points), (name, "x")):
        spoilt = {**fields, "persons": [{**fields["persons"][0], field: wrong}]}
        with pytest.raises(WireError):
            decode_keypoints(topic("keypoints2d", "main") + encode_map(spoilt, "msgpack"))


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


@pytest.mark.parametrize("repeated", [False, True])
def test_keypoints_of_a_repeated_picture_say_so(repeated: bool) -> None:
    sent = replace(known_keypoints(0), repeated=repeated)
    raw = encode_keypoints(sent, **ABOUT, t_detect_ns=5, t_publish_ns=6)
    assert decode_keypoints(raw).repeated is repeated
    topic_, fields = raw[: -len(split(raw)[2])], decode_map(split(raw)[2])
    jsonschema.validate(fields, schema("keypoints2d"))
    fields["repeated"] = "yes"
    with pytest.raises(WireError, match="repeated is not a boolean"):
        decode_keypoints(topic_ + encode_map(fields, "msgpack"))
    del fields["repeated"]
    assert decode_keypoints(topic_ + encode_map(fields, "msgpack")).repeated is False  # of an older publisher


def test_an_unseen_person_has_no_points() -> None:
    nobody = Person2D(1, np.full((17, 2), np.nan, np.float32), np.zeros(17, np.float32))
    sent = Keypoints2D(Stamp(0, 0, 0), (640, 480), (nobody,), 0, 0)
    got = decode_keypoints(encode_keypoints(sent, **ABOUT, t_detect_ns=5, t_publish_ns=6))
    assert np.isnan(got.persons[0].xy_px).all()


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


def test_an_older_publisher_says_nothing_of_what_was_not_seen() -> None:
    fields = decode_map(split(encode(known_frame(0)))[2])
    for person in fields["persons"]:
        del person["unseen"], person["root_sigma"]
    del fields["floor"]
    message = decode_pose(topic("pose3d", "main") + msgpack.packb(fields))
    assert message.floor == "none"
    world = decode_pose(topic("pose3d", "main") + msgpack.packb({**fields, "space": "world"}))
    assert world.floor == "measured", "there was no other"
    assert all(person.unseen == () and np.isnan(person.root_sigma_m) for person in message.persons)
    jsonschema.validate(fields, schema("pose3d"))


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


def test_the_status_comes_back() -> None:
    about = {"session": SESSION, "stream": "main", "state": "running", "seq": 3, "t_publish_ns": 4}
    fields = {"v": 1, **about, "cpu": np.float32(0.5)}
    assert decode_status(encode_status(fields, "main", "json")) == {**fields, "cpu": 0.5}
    for name in about:
        with pytest.raises(WireError, match=name):
            decode_status(encode_status({**fields, name: [1]}, "main"))
    with pytest.raises(WireError):
        encode_status({"x": object()}, "main")
    for value, encoding in ((float("nan"), "json"), ({b"": 1}, "json"), (2**70, "msgpack"), ("\ud800", "msgpack")):
        with pytest.raises(WireError):
            encode_map({"x": value}, encoding)


@pytest.mark.parametrize("value", [b"", {b"": 1}, [1, [b""]], msgpack.ExtType(5, b""), msgpack.Timestamp(0)])
def test_types_that_the_protocol_does_not_know_are_refused(value: object) -> None:
    with pytest.raises(WireError):
        decode_map(msgpack.packb({"x": value}))
    assert decode_map(msgpack.packb({"x": -512.0}, use_single_float=True)) == {"x": -512.0}  # c4 00, as an empty bin


def test_the_worked_example_of_the_protocol_is_what_the_code_writes() -> None:
    text = (PACKAGE / "PROTOCOL.md").read_text()
    raw = bytes.fromhex(re.search(r"```hex\n(.*?)```", text, re.DOTALL)[1])
    message = decode_pose(raw)
    joints = ((np.arange(51).reshape(17, 3) - 24) / 32).astype(np.float32)
    joints[0] = 0
    person = message.persons[0]
    np.testing.assert_array_equal(person.joints_m, joints)
    assert (message.seq, message.frame_id, message.dropped, person.id) == (1000, 1207, 3, 7)
    assert f"{len(raw)} bytes" in text
    frame = PoseFrame(
        Stamp(1207, 0, 40_200_000_000), (640, 480),
        (Pose3D(7, joints, person.root_m, person.sigma_m, person.score, 0, 1.0, False, (3,), 0.25),),
        dropped=3, latency_ms={"total": 41.5},
    )  # fmt: skip
    assert encode(frame) == raw
    assert (person.unseen, person.root_sigma_m) == ((3,), 0.25)
    assert message.source_ns == 40_200_000_000


@pytest.mark.parametrize("kind", KINDS)
def test_the_protocol_names_every_field_of_the_schemas(kind: str) -> None:
    text = (PACKAGE / "PROTOCOL.md").read_text()
    properties = schema(kind)["properties"]
    for name in properties:
        assert f"`{name}`" in text
    jsonschema.Draft202012Validator.check_schema(schema(kind))


@pytest.mark.parametrize("ids", [7, ["7"], [True], [-1], [2**63], [None], list(range(65))])
@pytest.mark.parametrize("name", ["appeared", "left"])
def test_events_that_are_no_ids_are_refused(name: str, ids: object) -> None:
    head = topic("pose3d", "main")
    fields = decode_map(split(encode(known_frame(0)))[2])
    with pytest.raises(WireError, match=f"{name} is not a list"):
        decode_pose(head + encode_map({**fields, name: ids}, "json"))


def test_a_frame_in_which_nobody_comes_or_goes_says_nothing_of_it() -> None:
    assert not {"appeared", "left"} & decode_map(split(encode(known_frame(0)))[2]).keys()
