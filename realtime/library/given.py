"""A program's arrays, checked: shapes, numbers and units, with one sentence for what is wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engines.errors import UserError
from engines.models.source_skeletons import SourceSkeleton
from realtime.contracts import Array

MAX_PX = 1e6  # no picture is as large; beyond, a square is no longer a float32
MAX_SPAN_S = 1e9  # thirty years: longer ones are in other units


def numbers(value: ArrayLike, name: str) -> NDArray[np.float64]:
    array = np.asarray(value)
    if array.dtype.kind not in "fiu":
        raise UserError(f"{name} holds {array.dtype}, not numbers")
    return array.astype(np.float64)


def picture_size(image_wh: Any, name: str = "image_wh") -> tuple[int, int]:
    """Raises UserError."""
    if image_wh is None:
        raise UserError(f"{name} is missing: give the picture's width and height in pixels, such as (1280, 720)")
    size = numbers(image_wh, name)
    if size.shape != (2,):
        raise UserError(f"{name} has shape {size.shape}: give two numbers, the picture's width and height in pixels, "
                        "such as (1280, 720)")  # fmt: skip
    if not ((size >= 1) & (size <= MAX_PX)).all():
        raise UserError(f"{name} must be two numbers of 1 to {MAX_PX:g}, got {size.tolist()}")
    return int(size[0]), int(size[1])


def points(keypoints: ArrayLike, name: str = "keypoints") -> NDArray[np.float64]:
    """(..., N, 2), NaN where missing. Raises UserError."""
    xy = numbers(keypoints, name)
    if xy.ndim < 2 or xy.shape[-1] != 2:
        last = ": give x and y alone, and scores apart" if xy.ndim > 1 and xy.shape[-1] == 3 else ""
        raise UserError(f"{name} has shape {xy.shape}, expected (..., joints, 2){last}")
    if np.isinf(xy).any():
        raise UserError(f"{name} has infinities: write NaN for a missing joint")
    if (np.abs(xy) > MAX_PX).any():
        raise UserError(f"{name} has places beyond {MAX_PX:g} pixels: write NaN for a missing joint")
    return xy


def sure(scores: ArrayLike | None, shape: tuple[int, ...], name: str = "scores") -> NDArray[np.float64]:
    """Of this shape, 1 where none are given, 0 for NaN. Raises UserError."""
    if scores is None:
        return np.ones(shape)
    given = numbers(scores, name)
    if given.shape != shape:
        raise UserError(f"{name} has shape {given.shape}, expected {shape}: one for each joint of the keypoints")
    if (given < 0).any() or (given > 1).any():
        raise UserError(f"{name} has values outside 0 to 1: write 0 for a missing joint, 1 for a sure one")
    return np.nan_to_num(given)


def as_17(skeleton: SourceSkeleton, xy: NDArray[np.float64], score: NDArray[np.float64]) -> tuple[Array, Array]:
    """Keypoints (..., N, 2) of a set and their scores as our 17; 0 where a joint is not there."""
    ours, ours_score = skeleton.to_17(xy, score)
    return ours, np.where(np.isfinite(ours).all(-1), ours_score, np.float32(0)).astype(np.float32)


def frame_times(t: ArrayLike | None, fps: ArrayLike | None, frames: int, name: str = "t") -> NDArray[np.float64]:
    """Seconds (T,), never falling, from times or a frame rate. Raises UserError."""
    if t is not None:
        return _times(t, frames, name)
    if fps is None:
        raise UserError(f"fps or {name} is missing: give the frame rate, or the time of every frame in seconds")
    rate = numbers(fps, "fps")
    if rate.size != 1 or not np.isfinite(rate).all() or rate.item() <= 0:
        raise UserError(f"fps must be one positive number, got {np.asarray(fps).tolist()}")
    if frames / rate.item() > MAX_SPAN_S:
        raise UserError(f"fps of {rate.item():g} makes the recording longer than {MAX_SPAN_S:g} seconds: give frames a "
                        "second")  # fmt: skip
    return np.arange(frames) / rate.item()


def _times(t: ArrayLike, frames: int, name: str) -> NDArray[np.float64]:
    times = numbers(t, name)
    if times.shape != (frames,):
        raise UserError(f"{name} has shape {times.shape}, expected ({frames},): the time of every frame in seconds")
    if not np.isfinite(times).all():
        raise UserError(f"{name} has values that are not finite: give the time of every frame in seconds")
    if np.asarray(t).dtype in (np.float32, np.float16):
        _check_coarse(np.asarray(t), name)
    backwards = np.flatnonzero(np.diff(times) < 0)
    if len(backwards):
        raise UserError(f"{name} runs backwards after frame {backwards[0]}: sort the frames by time")
    span_s = float(times[-1]) - float(times[0]) if frames else 0.0
    if span_s > MAX_SPAN_S:
        raise UserError(f"{name} spans {span_s:g} seconds: divide what is not yet in seconds")
    return times


def _check_coarse(times: NDArray[Any], name: str) -> None:
    step_s = float(np.spacing(np.abs(times).max(initial=0)))
    if step_s > 0.002:
        raise UserError(f"{name} is {times.dtype}, which counts in steps of {step_s:g} s there: keep times in float64, "
                        "or subtract the first before they are made smaller")  # fmt: skip
