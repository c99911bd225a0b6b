"""The wire format: what goes in comes out, and real messages meet the published schemas."""

from __future__ import annotations

import re
from dataclasses import replace

import jsonschema
import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from wire_messages import ABOUT, PACKAGE, SESSION, encode, schema

from realtime.bench.known_poses import known_frame, known_keypoints
from realtime.contracts import Keypoints2D, Person2D, Pose3D, PoseFrame, Stamp
from realtime.wire.decode import decode_keypoints, decode_pose, decode_status
from realtime.wire.encode import encode_keypoints, encode_status
from realtime.wire.framing import KINDS, WireError, decode_map, encode_map, split, topic

coordinates = st.floats(-1e5, 1e5, width=32)


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


def test_a_frame_in_which_nobody_comes_or_goes_says_nothing_of_it() -> None:
    assert not {"appeared", "left"} & decode_map(split(encode(known_frame(0)))[2]).keys()
