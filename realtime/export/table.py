"""Tables for data work, .csv and .parquet: a row a frame and person, metres, the recording's own axes and times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.models.skeleton import EXTREMITIES, JOINT_NAMES
from realtime.export.recording import Track
from realtime.rig.angles import joint_angles
from realtime.rig.axes import to_y_up

Columns = dict[str, NDArray[Any]]


def columns_of(tracks: Sequence[Track]) -> Columns:
    """`person`, `space`, `t_s`, `JOINT_x_m` ..., `JOINT_sigma_m`, `JOINT_unseen`, then the angles `NAME_deg`.

    Gaps are NaN.
    """
    parts = [_of_one(track) for track in _alike(tracks)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _alike(tracks: Sequence[Track]) -> list[Track]:
    """With feet and hands that are not known where only others have some: a table has the same columns for all."""
    alike: list[Track] = []
    for track in tracks:
        missing: dict[str, Any] = {}
        for name, points in EXTREMITIES.items():
            there = any(getattr(one, f"{name}_m") is not None for one in tracks)
            if there and getattr(track, f"{name}_m") is None:
                missing[f"{name}_m"] = np.full((len(track.t_s), len(points), 3), np.nan)
                missing[f"{name}_sigma_m"] = np.full((len(track.t_s), len(points)), np.nan)
        alike.append(replace(track, **missing))
    return alike


def _of_one(track: Track) -> Columns:
    frames = len(track.t_s)
    columns: Columns = {"person": np.full(frames, track.person, object), "space": np.full(frames, track.space, object)}
    columns["t_s"] = track.t_s
    for joint, name in enumerate(JOINT_NAMES):
        for axis, letter in enumerate("xyz"):
            columns[f"{name}_{letter}_m"] = track.joints_m[:, joint, axis]
    columns |= {f"{name}_sigma_m": track.sigma_m[:, joint] for joint, name in enumerate(JOINT_NAMES)}
    columns |= {f"{name}_unseen": track.unseen[:, joint] for joint, name in enumerate(JOINT_NAMES)}
    for places, sigma, names in ((track.feet_m, track.feet_sigma_m, EXTREMITIES["feet"]),
                                 (track.hands_m, track.hands_sigma_m, EXTREMITIES["hands"])):  # fmt: skip
        if places is not None and sigma is not None:
            for point, name in enumerate(names):
                columns |= {f"{name}_{letter}_m": places[:, point, axis] for axis, letter in enumerate("xyz")}
                columns[f"{name}_sigma_m"] = sigma[:, point]
    angles = joint_angles(to_y_up(track.joints_m, track.space))
    return columns | {f"{name}_deg": values for name, values in angles.items()}


def write_csv(tracks: Sequence[Track], path: Path) -> str:
    columns = columns_of(tracks)
    texts = [_texts(values) for values in columns.values()]
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(",".join(columns) + "\n")
        for row in zip(*texts, strict=True):
            file.write(",".join(row) + "\n")
    return _told(tracks)


def _texts(values: NDArray[Any]) -> list[str]:
    if values.dtype == bool:
        return ["1" if value else "0" for value in values.tolist()]
    if values.dtype == object:
        return [str(value) for value in values.tolist()]
    return ["NaN" if value != value else f"{value:.6f}" for value in values.tolist()]


def write_parquet(tracks: Sequence[Track], path: Path) -> str:
    import pyarrow
    import pyarrow.parquet

    arrays = {name: pyarrow.array(values) for name, values in columns_of(tracks).items()}
    pyarrow.parquet.write_table(pyarrow.table(arrays), path)
    return _told(tracks)


def _told(tracks: Sequence[Track]) -> str:
    rows, gaps = (sum(counts) for counts in zip(*((len(one.t_s), int(one.gap.sum())) for one in tracks), strict=True))
    return f"{rows} rows, {gaps} of them gaps (NaN)"
