"""A folder of OpenPose's JSON, a file for each frame: `NAME_000000000012_keypoints.json`.

Each has `people`, each of whom has `pose_keypoints_2d`: x, y and score of every joint, in pixels.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.errors import UserError
from engines.models.source_skeletons import SourceSkeleton, skeleton_of_count
from realtime.clock import NS_PER_S
from realtime.contracts import Person2D
from realtime.files.keypoints_file import Keypoints
from realtime.files.people_rows import Followed, recording_of
from realtime.library.doubts import check_pixels, check_upright, without_zeros
from realtime.library.given import as_17, picture_size, points, sure

Double = NDArray[np.float64]


def read_openpose(
    folder: Path, skeleton: SourceSkeleton | None, fps: float | None, image_wh: tuple[int, int] | None, people: int
) -> Keypoints:
    """Files in the order of their names, the frame's number where they have one. Raises UserError."""
    if fps is None or not np.isfinite(fps) or fps <= 0:
        raise UserError(f"{folder} does not say how fast its frames follow each other: give --fps")
    if image_wh is None:
        raise UserError(f"{folder} does not say how large the picture is: give --size, such as --size 1280x720")
    size, paths = picture_size(image_wh, "--size"), sorted(folder.glob("*.json"))
    if not paths:
        raise UserError(f"{folder} has no .json file: give the folder that OpenPose wrote with --write_json")
    found = [_people(path, skeleton) for path in paths]
    given = [person for persons in found for person in persons]
    if not given:
        raise UserError(f"{folder}: nobody is in any of its {len(paths)} files")
    if len({xy.shape for xy, _ in given}) > 1:
        raise UserError(f"{folder} mixes sets of joints: lift each by itself")
    every_px, every_score = np.stack([xy for xy, _ in given]), np.stack([score for _, score in given])
    doubts = check_pixels(without_zeros(every_px, every_score, "keypoints")[0], every_score, size, "keypoints")
    followed, times_s, frames = Followed(people), _numbers(paths) / fps, []
    set_of = skeleton or skeleton_of_count(every_px.shape[1])
    for persons, at_s in zip(found, times_s.tolist(), strict=True):
        ours = [as_17(set_of, without_zeros(xy, score, "")[0], score) for xy, score in persons]
        feet = [set_of.to_feet(xy, score) if set_of.feet else None for xy, score in persons]
        hands = [set_of.to_hands(xy, score) if set_of.hands else None for xy, score in persons]
        shown = [Person2D(0, *own, *more) for own, *more in zip(ours, feet, hands, strict=True) if (own[1] > 0).any()]
        frames.append(followed.push(shown, round(at_s * NS_PER_S)))
    recording = recording_of(frames, times_s.tolist(), size)
    doubts += check_upright(recording.xy_px, recording.score, "keypoints")
    return Keypoints(recording, None, tuple(f"{folder}: {doubt}" for doubt in doubts), merge=people == 1)


def _people(path: Path, skeleton: SourceSkeleton | None) -> list[tuple[Double, Double]]:
    """Keypoints (N, 2) and scores (N,) of each person of a frame."""
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
        rows = [person["pose_keypoints_2d"] for person in content["people"]]
        whole = [np.array(row, np.float64).reshape(-1, 3) for row in rows if len(row)]
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): check its permissions") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is not what OpenPose writes, people with pose_keypoints_2d: leave it out") from error
    try:
        for row in whole:
            if skeleton is not None and skeleton.count != len(row):
                raise UserError(f"{skeleton.name} has {skeleton.count} joints, the keypoints have {len(row)}")
            skeleton_of_count(len(row))
        return [(points(row[:, :2]), sure(row[:, 2].clip(0, 1), (len(row),))) for row in whole]
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def _numbers(paths: list[Path]) -> NDArray[np.int64]:
    """The frames' numbers, from 0: by the names where these count up, else by the files' order."""
    ends = [re.search(r"(\d+)(?:_keypoints)?$", path.stem) for path in paths]
    numbers = np.array([int(end[1]) if end else -1 for end in ends], np.int64)
    if (numbers < 0).any() or (np.diff(numbers) <= 0).any():
        return np.arange(len(paths))
    return np.asarray(numbers - numbers[0])
