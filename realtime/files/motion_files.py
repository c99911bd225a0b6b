"""Recorded keypoints as motion to certify and calibrate plans on: .npz (see keypoints_file.py) or .mcap takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calibration.lens.rays import Camera
from engines.errors import UserError
from engines.models.normalise import MIN_SCORE
from engines.plans.certify_model import Motion
from engines.plans.motion_choice import representative_windows
from engines.plans.synthetic_motion import RATE_HZ
from realtime.contracts import Array, Keypoints2D
from realtime.files.keypoints_file import read_keypoints

Track = tuple[NDArray[np.float64], Array, Array]  # times (T,) s, rays (T, 17, 2), scores (T, 17)


def read_motion(path: Path, sequences: int, frames: int) -> Motion:
    """`sequences` stretches of `frames` frames at 30 Hz that are as unlike each other as the recording has them.

    Raises UserError where nobody is in it for that long.
    """
    tracks = [_npz_track(path)] if path.suffix == ".npz" else _take_tracks(path)
    windows = representative_windows([_at_rate(*track) for track in tracks], sequences, frames)
    return Motion(windows.rays, windows.score, f"{path.name}, {sequences} stretches of {frames} frames")


def _npz_track(path: Path) -> Track:
    recording = read_keypoints(path)
    return recording.t_s, recording.camera.rays(recording.keypoints_px), recording.scores


def _take_tracks(path: Path) -> list[Track]:
    """Every person of a take: one track for each session and track id."""
    from realtime.takes.replay import frames

    tracks: dict[tuple[str, int], list[tuple[float, Array, Array]]] = {}
    for replayed in frames(path):
        frame = replayed.frame
        if isinstance(frame, Keypoints2D):
            camera = Camera.assumed(frame.image_wh)
            for person in frame.persons:
                rows = tracks.setdefault((replayed.session, person.track_id), [])
                rows.append((frame.stamp.source_ns / 1e9, camera.rays(person.xy_px), person.score))
    if not tracks:
        raise UserError(f"{path} holds no keypoints: record a stream that publishes them")
    columns = (zip(*rows, strict=True) for rows in tracks.values())
    return [(np.array(times), np.stack(rays), np.stack(score)) for times, rays, score in columns]


def _at_rate(times: NDArray[np.float64], rays: Array, score: Array) -> tuple[Array, Array]:
    """The frames nearest to a 30 Hz clock; joints below the least score are unseen."""
    ticks = np.arange(times[0], times[-1] + 0.5 / RATE_HZ, 1 / RATE_HZ)
    nearest = np.abs(times[:, None] - ticks).argmin(0)
    rays, score = rays[nearest].copy(), score[nearest]
    rays[score < MIN_SCORE] = np.nan
    return rays, score
