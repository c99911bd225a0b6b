"""JSON for programs: a list of people, each with times, joints and errors; metres, the recording's own axes."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engines.models.skeleton import EXTREMITIES, JOINT_NAMES, PARENTS
from realtime.export.recording import Track

FORMAT_VERSION = 1


def write_json(tracks: Sequence[Track], path: Path) -> str:
    """A gap's joints and errors are null."""
    document = {
        "format": "realtime-poses", "version": FORMAT_VERSION, "unit": "metre", "space": tracks[0].space,
        "joints": JOINT_NAMES, "parents": PARENTS, **EXTREMITIES, "people": [_person(track) for track in tracks],
    }  # fmt: skip
    path.write_text(json.dumps(document, separators=(",", ":"), allow_nan=False) + "\n", encoding="utf-8")
    gaps = sum(int(track.gap.sum()) for track in tracks)
    return f"{sum(len(track.t_s) for track in tracks)} poses, {gaps} of them gaps (null)"


def _person(track: Track) -> dict[str, Any]:
    gap = track.gap.tolist()
    joints, sigma = track.joints_m.round(6).tolist(), track.sigma_m.round(6).tolist()
    made = {
        "id": track.person, "t_s": track.t_s.round(6).tolist(),
        "joints_m": [None if lost else pose for pose, lost in zip(joints, gap, strict=True)],
        "sigma_m": [None if lost else errors for errors, lost in zip(sigma, gap, strict=True)],
        "unseen": [[joint for joint, hidden in enumerate(row) if hidden] for row in track.unseen.tolist()],
    }  # fmt: skip
    if track.feet_m is not None:
        known = np.asarray(np.isfinite(track.feet_m).all((1, 2))).tolist()
        made["feet_m"] = [places if there else None
                          for places, there in zip(track.feet_m.round(6).tolist(), known, strict=True)]  # fmt: skip
    if track.hands_m is not None:  # any of them may not have been seen
        made["hands_m"] = [
            None if lost else [place if math.isfinite(place[0]) else None for place in places]
            for places, lost in zip(track.hands_m.round(6).tolist(), gap, strict=True)
        ]  # fmt: skip
    return made
