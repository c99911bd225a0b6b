"""Frames to messages of PROTOCOL.md."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from realtime.contracts import CameraPlace, Keypoints2D, PoseFrame
from realtime.wire.framing import (
    KEYPOINTS,
    MAX_PERSONS,
    MAX_TEXT,
    POSE,
    SKELETON,
    STATUS,
    VERSION,
    WireError,
    encode_map,
    topic,
)
from realtime.wire.messages import Array


def encode_pose(
    frame: PoseFrame, *, stream: str, session: str, seq: int, t_capture_ns: int, t_publish_ns: int,
    engine: str = "", model: str = "", lookahead: int = 0, encoding: str = "msgpack",
) -> bytes:  # fmt: skip
    """One frame as a message.

    Raises WireError where a joint or sigma is not finite, a score not from 0 to 1, or a text too long for its readers.
    """
    for text in (engine, model, frame.calibration):
        if len(text) > MAX_TEXT:
            raise WireError(f"'{text:.40}...' is longer than the {MAX_TEXT} characters that a text may have")
    persons: list[dict[str, Any]] = [
        {
            "id": person.track_id,
            "joints": _rows(person.joints_m, "joints"),
            "root": _row(person.root_m, "root") if math.isfinite(person.root_m[2]) else None,
            "sigma": _row(person.sigma_m, "sigma"),
            "score": _score(person.score),
            "lag_frames": person.lag_frames,
            "window_fill": person.window_fill,
            "held": person.held,
            "unseen": person.unseen,
            "root_sigma": person.root_sigma_m if math.isfinite(person.root_sigma_m) else None,
        }
        for person in frame.persons[:MAX_PERSONS]
    ]
    for person, sent in zip(frame.persons, persons, strict=False):
        if person.feet_m is not None and person.feet_sigma_m is not None:
            sent["feet"] = _rows(person.feet_m, "feet")
            sent["feet_sigma"] = _row(person.feet_sigma_m, "feet_sigma")
        if person.hands_m is not None and person.hands_sigma_m is not None:
            sent["hands"] = _points(person.hands_m)
            sent["hands_sigma"] = [sigma if math.isfinite(sigma) else None for sigma in person.hands_sigma_m.tolist()]
    fields = {
        "v": VERSION, "session": session, "seq": seq, "frame_id": frame.stamp.frame_id,
        "t_capture_ns": t_capture_ns, "t_publish_ns": t_publish_ns, "source_ns": frame.stamp.source_ns,
        "latency_ms": frame.latency_ms,
        "dropped": frame.dropped, "image_wh": frame.image_wh, "skeleton": SKELETON, "space": frame.space,
        "scale": frame.scale, "floor": frame.floor, "calibration": frame.calibration, "engine": engine, "model": model,
        "lookahead": lookahead, "persons": persons,
    }  # fmt: skip
    if frame.camera is not None:
        fields["camera"] = _camera(frame.camera)
    if frame.appeared:
        fields["appeared"] = frame.appeared
    if frame.left:
        fields["left"] = frame.left
    return topic(POSE, stream) + encode_map(fields, encoding)


def encode_keypoints(
    keypoints: Keypoints2D, *, stream: str, session: str, seq: int, t_capture_ns: int, t_detect_ns: int,
    t_publish_ns: int, encoding: str = "msgpack", past: bool = False,
) -> bytes:  # fmt: skip
    """The keypoints of one frame as a message; a joint without an estimate is null. `past`: its pose is not wanted."""
    persons = []
    for person in keypoints.persons[:MAX_PERSONS]:
        sent = {"id": person.track_id, "xy": _points(person.xy_px), "score": _score(person.score)}
        if person.feet is not None:
            sent |= {"feet": _points(person.feet[:, :2]), "feet_score": _score(person.feet[:, 2])}
        if person.hands is not None:
            sent |= {"hands": _points(person.hands[:, :2]), "hands_score": _score(person.hands[:, 2])}
        persons.append(sent)
    fields = {
        "v": VERSION, "session": session, "seq": seq, "frame_id": keypoints.stamp.frame_id,
        "t_capture_ns": t_capture_ns, "t_detect_ns": t_detect_ns, "t_publish_ns": t_publish_ns,
        "source_ns": keypoints.stamp.source_ns, "dropped": keypoints.dropped, "image_wh": keypoints.image_wh,
        "persons": persons, "repeated": keypoints.repeated,
    }  # fmt: skip
    if past:
        fields["past"] = True
    return topic(KEYPOINTS, stream) + encode_map(fields, encoding)


def encode_status(fields: Mapping[str, Any], stream: str, encoding: str = "msgpack") -> bytes:
    return topic(STATUS, stream) + encode_map(fields, encoding)


def _points(places: Array) -> list[list[float] | None]:
    return [place if math.isfinite(sum(place)) else None for place in places.tolist()]


def _camera(camera: CameraPlace) -> dict[str, object]:
    hfov_deg = camera.hfov_deg if math.isfinite(camera.hfov_deg) else None
    if camera.rotation is None:
        return {"hfov": hfov_deg, "rotation": None, "height": None}
    return {"hfov": hfov_deg, "rotation": camera.rotation.tolist(), "height": camera.height_m}


def _score(array: Array) -> list[float]:
    scores = _row(array, "score")
    if min(scores) < 0 or max(scores) > 1:
        raise WireError("score holds a value that is not from 0 to 1")
    return scores


def _row(array: Array, name: str) -> list[float]:
    row = cast("list[float]", array.tolist())
    if not math.isfinite(sum(row)):  # of so few, cheaper than the array's own
        raise WireError(f"{name} holds a value that is not finite")
    return row


def _rows(array: Array, name: str) -> list[list[float]]:
    if not math.isfinite(np.add.reduce(array, None)):  # .sum() takes longer
        raise WireError(f"{name} holds a value that is not finite")
    return cast("list[list[float]]", array.tolist())
