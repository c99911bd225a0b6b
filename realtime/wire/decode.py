"""Messages of PROTOCOL.md to typed objects; every field is checked, every fault is a WireError that names it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from math import inf, nan
from typing import cast

import numpy as np

from realtime.contracts import CameraPlace
from realtime.wire.fields import (
    check_score,
    check_version,
    flag,
    image_wh,
    integer,
    numbers_of,
    persons_of,
    row_of,
    rows_of,
    text,
)
from realtime.wire.framing import (
    FEET,
    HANDS,
    JOINTS,
    KEYPOINTS,
    MAX_COORDINATE,
    MAX_INT,
    MAX_PERSONS,
    POSE,
    STATUS,
    Fields,
    WireError,
    check_no_bytes,
    decode_map,
    split,
)  # fmt: skip
from realtime.wire.messages import Array, ClockOffset, KeypointsMessage, PersonKeypoints, PersonPose, PoseMessage

_POSE_FIELDS, _PERSON_FIELDS = 19, 10  # as many as this version knows
_NUMBERS = (float, int)


def decode_pose(message: bytes) -> PoseMessage:
    """A whole `pose3d/...` message. Raises WireError (VersionError) and nothing else."""
    return pose_message(*_opened(message, POSE, refuse_bytes=False))


def pose_message(
    stream: str, fields: Fields, *, t_receive_ns: int = 0, gap: int = 0, new_session: bool = False,
    clock: ClockOffset | None = None,
) -> PoseMessage:  # fmt: skip
    """The map of a `pose3d` message as an object; what it does not know may be of any type of the protocol."""
    check_version(fields)
    if len(fields) > _POSE_FIELDS + ("appeared" in fields) + ("left" in fields) + ("camera" in fields):
        check_no_bytes(fields)
    latency = fields.get("latency_ms")
    if type(latency) is not dict:
        raise WireError("latency_ms is not a map")
    for stage, ms in latency.items():
        if type(stage) is not str or type(ms) not in _NUMBERS or not abs(ms) < inf:
            raise WireError(f"latency_ms is not a map of finite numbers: {stage!r:.40}")
    return PoseMessage(
        stream, text(fields, "session"), integer(fields, "seq"), integer(fields, "frame_id"),
        integer(fields, "t_capture_ns"), integer(fields, "t_publish_ns"), image_wh(fields),
        text(fields, "space"), text(fields, "scale"), text(fields, "skeleton"), text(fields, "calibration"),
        text(fields, "engine"), text(fields, "model"), integer(fields, "lookahead"), integer(fields, "dropped"),
        persons_of(fields, _pose_person), latency, t_receive_ns, gap, new_session, clock,
        integer(fields, "source_ns", -MAX_INT) if "source_ns" in fields else None, _floor(fields),
        _ids(fields, "appeared"), _ids(fields, "left"), _camera(fields) if "camera" in fields else None,
    )  # fmt: skip


def _ids(fields: Fields, name: str) -> tuple[int, ...]:
    """Absent where there are none, and from publishers of an earlier day."""
    if name not in fields:
        return ()
    ids = fields[name]
    fitting = type(ids) is list and len(ids) <= MAX_PERSONS
    if not fitting or not all(type(one) is int and 0 <= one <= MAX_INT for one in ids):
        raise WireError(f"{name} is not a list of at most {MAX_PERSONS} ids: {ids!r:.40}")
    return tuple(ids)


def _camera(fields: Fields) -> CameraPlace:
    """Publishers of an earlier day say nothing of it."""
    place = fields["camera"]
    if type(place) is not dict or not {"hfov", "rotation", "height"} <= place.keys():
        raise WireError(f"camera is not a map of hfov, rotation and height: {place!r:.60}")
    hfov, rotation, height = place["hfov"], place["rotation"], place["height"]
    if hfov is not None and (type(hfov) not in _NUMBERS or not 0 < hfov < 360):
        raise WireError(f"camera.hfov is neither null nor a number of degrees: {hfov!r:.40}")
    hfov_deg = nan if hfov is None else float(hfov)
    if rotation is None and height is None:
        return CameraPlace(hfov_deg)
    if type(height) not in _NUMBERS or not 0 < height < MAX_COORDINATE:
        raise WireError(f"camera.height is not a number of metres: {height!r:.40}")
    if type(rotation) is not list or len(rotation) != 3 or not all(type(row) is list and len(row) == 3
                                                                  for row in rotation):  # fmt: skip
        raise WireError(f"camera.rotation is not 3 rows of 3 numbers: {rotation!r:.40}")
    return CameraPlace(hfov_deg, numbers_of([*chain.from_iterable(rotation)]).reshape(3, 3), float(height))


def _floor(fields: Fields) -> str:
    """Publishers of an earlier day say nothing of it: they knew measured floors alone."""
    if "floor" in fields:
        return text(fields, "floor")
    return "measured" if fields["space"] == "world" else "none"


def _pose_person(fields: Fields) -> PersonPose:
    feet_m, feet_sigma_m = _feet(fields) if "feet" in fields else (None, None)
    hands_m, hands_sigma_m = _hands(fields) if "hands" in fields else (None, None)
    more = 2 * ((feet_m is not None) + (hands_m is not None))
    if len(fields) > _PERSON_FIELDS + more or "root" not in fields:
        check_no_bytes(fields)
    fill, held = fields.get("window_fill"), fields.get("held")
    if type(fill) not in _NUMBERS or not 0 <= cast(float, fill) <= 1:
        raise WireError(f"window_fill is not a number from 0 to 1: {fill!r:.40}")
    if type(held) is not bool:
        raise WireError(f"held is not a boolean: {held!r:.40}")
    root = fields.get("root")
    if root is not None and (type(root) is not list or len(root) != 3):
        raise WireError(f"root is neither null nor [x, y, z]: {root!r:.40}")
    score = row_of(fields, "score")
    numbers = numbers_of([*rows_of(fields, "joints", 3), *row_of(fields, "sigma"), *score, *(root or ())])
    check_score(score)
    return PersonPose(
        integer(fields, "id"), numbers[: JOINTS * 3].reshape(JOINTS, 3),
        np.full(3, np.nan, np.float32) if root is None else numbers[JOINTS * 5 :],
        numbers[JOINTS * 3 : JOINTS * 4], numbers[JOINTS * 4 : JOINTS * 5],
        integer(fields, "lag_frames"), float(cast(float, fill)), held, _unseen(fields), _root_sigma(fields),
        feet_m, feet_sigma_m, hands_m, hands_sigma_m,
    )  # fmt: skip


def _feet(fields: Fields) -> tuple[Array, Array]:
    """Only publishers that were asked for feet send them."""
    numbers = numbers_of([*rows_of(fields, "feet", 3, FEET), *row_of(fields, "feet_sigma", FEET)])
    return numbers[: FEET * 3].reshape(FEET, 3), numbers[FEET * 3 :]


def _hands(fields: Fields) -> tuple[Array, Array]:
    """Likewise; NaN for null: a knuckle that was not seen."""
    sigma = row_of(fields, "hands_sigma", HANDS)
    places, errors = _places(fields, "hands", 3, HANDS), numbers_of([0.0 if one is None else one for one in sigma])
    errors[[one is None for one in sigma]] = np.nan
    return places, errors


def _unseen(fields: Fields) -> tuple[int, ...]:
    """Publishers of an earlier day say nothing of it."""
    unseen = fields.get("unseen", [])
    if type(unseen) is not list or not all(type(joint) is int and 0 <= joint < JOINTS for joint in unseen):
        raise WireError(f"unseen is not a list of joints: {unseen!r:.40}")
    return tuple(unseen)


def _root_sigma(fields: Fields) -> float:
    sigma = fields.get("root_sigma")
    if sigma is None:
        return nan
    if type(sigma) not in _NUMBERS or not 0 <= sigma < inf:
        raise WireError(f"root_sigma is neither null nor a number of metres: {sigma!r:.40}")
    return float(sigma)


def decode_keypoints(message: bytes) -> KeypointsMessage:
    """A whole `keypoints2d/...` message. Raises WireError and nothing else."""
    return keypoints_message(*_opened(message, KEYPOINTS))


def keypoints_message(stream: str, fields: Fields) -> KeypointsMessage:
    check_version(fields)
    return KeypointsMessage(
        stream, text(fields, "session"), integer(fields, "seq"), integer(fields, "frame_id"),
        integer(fields, "t_capture_ns"), integer(fields, "t_detect_ns"), integer(fields, "t_publish_ns"),
        integer(fields, "source_ns", -MAX_INT), image_wh(fields), integer(fields, "dropped"),
        persons_of(fields, _keypoints_person), flag(fields, "repeated"), flag(fields, "past"),
    )  # fmt: skip


def _keypoints_person(fields: Fields) -> PersonKeypoints:
    xy_px, score = _points(fields, "xy", "score", JOINTS)
    feet = np.column_stack(_points(fields, "feet", "feet_score", FEET)) if "feet" in fields else None
    hands = np.column_stack(_points(fields, "hands", "hands_score", HANDS)) if "hands" in fields else None
    return PersonKeypoints(integer(fields, "id"), xy_px, score, feet, hands)


def _points(fields: Fields, name: str, score_name: str, count: int) -> tuple[Array, Array]:
    """Places (count, 2), NaN for null, and scores (count,)."""
    xy_px, score = _places(fields, name, 2, count), row_of(fields, score_name, count)
    numbers = numbers_of(score)
    check_score(score)
    return xy_px, numbers


def _places(fields: Fields, name: str, width: int, count: int) -> Array:
    """(count, width), NaN for null."""
    points = fields.get(name)
    if type(points) is not list:
        raise WireError(f"{name} is not a list: {points!r:.40}")
    nowhere = (0.0,) * width  # stands in for null until it becomes NaN
    flat = rows_of({name: [nowhere if point is None else point for point in points]}, name, width, count)
    places = numbers_of(flat).reshape(count, width)
    places[[point is None for point in points]] = np.nan
    return places


def decode_status(message: bytes) -> Fields:
    """A whole `status/...` message as its checked map."""
    return status_message(*_opened(message, STATUS))


def status_message(_: str, fields: Fields) -> Fields:
    check_version(fields)
    for name in ("session", "stream", "state"):
        text(fields, name)
    for name in ("seq", "t_publish_ns"):
        integer(fields, name)
    return fields


def check(kind: str, stream: str, fields: Fields) -> None:
    """Raises WireError where a message of any kind breaks the protocol."""
    _MESSAGES[kind](stream, fields)


_MESSAGES: dict[str, Callable[[str, Fields], object]] = {
    POSE: pose_message, KEYPOINTS: keypoints_message, STATUS: status_message,
}  # fmt: skip


def _opened(message: bytes, kind: str, *, refuse_bytes: bool = True) -> tuple[str, Fields]:
    """The stream and the map of a message of this kind."""
    found, stream, body = split(message)
    if found != kind:
        raise WireError(f"a {found} message where a {kind} message was expected")
    return stream, decode_map(body, refuse_bytes=refuse_bytes)
