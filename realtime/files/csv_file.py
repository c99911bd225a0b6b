"""Keypoints in a .csv: a row for each person of each frame, columns by the joints' names or numbers.

Columns: `t_s`, or `frame` (with --fps); `id` where there are several people; and of every joint `NAME_x`, `NAME_y` and,
if there is one, `NAME_score`, such as left_wrist_x, or `x0`, `y0`, `score0` by its number. Empty cells are missing.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engines.errors import UserError
from engines.models.source_skeletons import WAYS, SourceSkeleton
from realtime.files.keypoints_file import Keypoints
from realtime.library.recording import Names, recorded

Double = NDArray[np.float64]
_NAMED = re.compile(r"(\w+?)_(x|y|score|confidence|visibility|likelihood)")
_NUMBERED = re.compile(r"(x|y|score)_?(\d+)")
_READ = {name for ways in WAYS.values() for way in ways for name in way}


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where each joint's x, y and score are; a score may be nowhere."""

    joints: dict[str, dict[str, int]]
    skeleton: SourceSkeleton | None  # of names; None: of numbers


def read_csv(
    path: Path, skeleton: SourceSkeleton | None, fps: float | None, image_wh: tuple[int, int] | None
) -> Keypoints:
    """Raises UserError."""
    if image_wh is None:
        raise UserError(f"{path} does not say how large the picture is: give --size, such as --size 1280x720")
    head, table = _table(path)
    columns = _columns(path, head)
    times, ids = _times(path, head, table, fps), _ids(head, table)
    frames, rows = np.unique(times, return_inverse=True)
    people, persons = np.unique(ids, return_inverse=True)
    shape = len(frames), len(people), len(columns.joints)
    xy, score = np.full((*shape, 2), np.nan), np.zeros(shape)
    for joint, places in enumerate(columns.joints.values()):
        xy[rows, persons, joint] = table[:, [places["x"], places["y"]]]
        score[rows, persons, joint] = table[:, places["score"]] if "score" in places else 1.0
    alone = len(people) == 1
    recording, doubts = recorded(
        xy[:, 0] if alone else xy, score[:, 0] if alone else score, frames, None, image_wh,
        columns.skeleton or skeleton, people.astype(np.int64).tolist(), Names(place=f"{path}: ", times="t_s"),
    )  # fmt: skip
    return Keypoints(recording, None, tuple(doubts))


def _table(path: Path) -> tuple[list[str], Double]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            head, *rows = [row for row in csv.reader(file) if row] or [[]]
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: give a .csv of keypoints") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path} is no readable .csv: {error}") from error
    if not rows:
        raise UserError(f"{path} has no rows: it begins with the columns' names, then a row for each frame")
    try:
        table = [[float(cell) if cell.strip() else np.nan for cell in row] for row in rows]
        return [name.strip() for name in head], np.array(table, np.float64).reshape(len(rows), len(head))
    except ValueError as error:
        raise UserError(f"{path} has rows of another length than its first, or cells that are no numbers") from error


def _columns(path: Path, head: list[str]) -> _Columns:
    named, numbered = dict[str, dict[str, int]](), dict[str, dict[str, int]]()
    for place, name in enumerate(head):
        if (of := _NAMED.fullmatch(name)) and of[1] in _READ:
            named.setdefault(of[1], {})[of[2] if of[2] in "xy" else "score"] = place
        elif of := _NUMBERED.fullmatch(name):
            numbered.setdefault(of[2], {})[of[1]] = place
    joints = named or dict(sorted(numbered.items(), key=lambda item: int(item[0])))
    if not joints:
        raise UserError(f"{path} has no joints among its columns: name them left_wrist_x, left_wrist_y, ... or x0, y0")
    lacking = [name for name, places in joints.items() if not {"x", "y"} <= places.keys()]
    if lacking:
        raise UserError(f"{path}: joint {lacking[0]} has not both an x and a y column")
    if not named:
        return _Columns(joints, None)
    places = {name: place for place, name in enumerate(joints)}
    return _Columns(joints, SourceSkeleton("csv", len(joints), places, "the columns' names"))


def _times(path: Path, head: list[str], table: Double, fps: float | None) -> Double:
    if "t_s" in head:
        return table[:, head.index("t_s")]
    if "frame" not in head:
        raise UserError(f"{path} has neither a t_s nor a frame column: give the time of every row in seconds")
    if fps is None or not np.isfinite(fps) or fps <= 0:
        raise UserError(f"{path} counts frames and does not say how fast they follow each other: give --fps")
    return np.asarray(table[:, head.index("frame")] / fps)


def _ids(head: list[str], table: Double) -> Double:
    return table[:, head.index("id")] if "id" in head else np.zeros(len(table))
