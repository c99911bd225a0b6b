"""VideoPose3D's files: `data_3d_h36m.npz`, `data_3d_humaneva15.npz` and their `data_2d_*.npz`.

The cameras are in neither file. They are found from the poses and the keypoints themselves: every camera sees
thousands of known points. Published splits: Human3.6M trains on S1, S5, S6, S7, S8 and tests on S9, S11 (Pavllo et
al., CVPR 2019); HumanEva-I tests on the sequences named Validate (Sigal et al., IJCV 2010).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engines.errors import UserError
from engines.models.skeleton import JOINTS, LEFT, RIGHT
from engines.motion.importers.object_npz import load_object
from engines.motion.importers.recordings import Double, Float, Recording, fit_camera

H36M_32_TO_17 = (0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27)
# HumanEva-15 -> joints of the 17; spine and neck are midway between pelvis, thorax and head, and are not scored.
HUMANEVA_15_TO_17 = {
    0: 0, 1: 11, 2: 12, 3: 13, 4: 8, 5: 9, 6: 10, 8: 1, 10: 14, 11: 2, 12: 3, 13: 4, 14: 5, 15: 6, 16: 7,
}  # fmt: skip
MADE_UP = {7: (0, 8), 9: (8, 10)}


@dataclass(frozen=True, slots=True)
class Format:
    rate_hz: float
    test: tuple[str, ...]  # prefixes of the subjects that are tested on


H36M = Format(50.0, ("S9", "S11"))
HUMANEVA = Format(60.0, ("Validate/",))


def is_poses(path: Path) -> bool:
    return path.name.startswith("data_3d_") and path.suffix == ".npz"


def world_clips(path: Path) -> tuple[dict[str, Float], float]:
    """For training: `SUBJECT_ACTION` -> (T, 17, 3) metres, y up; and the rate. Files have z up."""
    poses, form = _poses(path)
    turn = np.array(((1, 0, 0), (0, 0, -1), (0, 1, 0)), np.float32)  # rows: x, y, z of the file in (x, up, -y)
    clips = {
        f"{subject.replace('_', '-')}_{action}": np.asarray(_to_17(values)[0] @ turn, np.float32)
        for subject, actions in poses.items()
        for action, values in actions.items()
    }
    return clips, form.rate_hz


def recordings(path: Path, keypoints: Path, subjects: Collection[str] | None = None) -> list[Recording]:
    """Every action of the test subjects (or `subjects`) from every camera. UserError where the files do not fit."""
    poses, form = _poses(path)
    seen = load_object(keypoints, "positions_2d")
    _check_layout(keypoints, load_object(keypoints, "metadata"))
    chosen = [name for name in poses if (name in subjects if subjects else name.startswith(form.test))]
    out: list[Recording] = []
    for subject in chosen:
        actions = [action for action in poses[subject] if action in seen.get(subject, {})]
        if actions:
            out += _subject(subject, {a: poses[subject][a] for a in actions}, seen[subject], form)
    if not out:
        raise UserError(f"{keypoints} has no keypoints for {', '.join(chosen) or 'these subjects'} of {path}")
    return out


def _subject(subject: str, poses: Mapping[str, Any], seen: Mapping[str, Any], form: Format) -> list[Recording]:
    cameras = min(len(seen[action]) for action in poses)
    return [record for camera in range(cameras) for record in _camera(subject, camera, poses, seen, form)]


def _camera(
    subject: str, camera: int, poses: Mapping[str, Any], seen: Mapping[str, Any], form: Format
) -> list[Recording]:
    world, pixels = {}, {}
    for action, values in poses.items():
        frames = min(len(values), len(seen[action][camera]))  # the videos are a little longer than the capture
        world[action], joints = _to_17(np.asarray(values)[:frames])
        pixels[action], _ = _to_17(np.asarray(seen[action][camera])[:frames, :, :2])
    known = [np.concatenate([part[action][:, joints].reshape(-1, part[action].shape[-1]) for action in poses])
             for part in (world, pixels)]  # fmt: skip
    matrix, rotation, shift = fit_camera(known[0].astype(np.float64), known[1].astype(np.float64))
    return [
        Recording(
            subject=subject, action=action.split(" ")[0], camera=str(camera), keypoints_px=pixels[action],
            score=np.ones(pixels[action].shape[:2], np.float32), joints_m=_moved(world[action], rotation, shift),
            camera_matrix=matrix, rate_hz=form.rate_hz, joints=joints,
        )
        for action in poses
    ]  # fmt: skip


def _moved(world: Float, rotation: Double, shift: Double) -> Float:
    return np.asarray(world @ rotation.T + shift, np.float32)


def _poses(path: Path) -> tuple[Mapping[str, Mapping[str, Any]], Format]:
    form = HUMANEVA if "humaneva" in path.name else H36M
    return load_object(path, "positions_3d"), form


def _to_17(values: Any) -> tuple[Float, np.ndarray[tuple[int, ...], np.dtype[np.bool_]]]:
    """(T, 32 | 17 | 15, D) -> (T, 17, D), and which of the 17 the data has."""
    values, own = np.asarray(values, np.float32), np.ones(JOINTS, bool)
    if values.shape[1] == 15:
        out = np.zeros((len(values), JOINTS, values.shape[2]), np.float32)
        for joint, source in HUMANEVA_15_TO_17.items():
            out[:, joint] = values[:, source]
        for joint, (below, above) in MADE_UP.items():
            out[:, joint], own[joint] = (out[:, below] + out[:, above]) / 2, False
        return out, own
    if values.shape[1] == 32:
        return values[:, H36M_32_TO_17], own
    if values.shape[1] != JOINTS:
        raise UserError(f"poses of {values.shape[1]} joints: only 32 or 17 (Human3.6M) and 15 (HumanEva) are known")
    return values, own


def _check_layout(path: Path, metadata: Mapping[str, Any]) -> None:
    """COCO keypoints have 17 joints too, but others."""
    joints = metadata.get("num_joints")
    symmetry = [sorted(side) for side in metadata.get("keypoints_symmetry", ())]
    if joints == JOINTS and symmetry and symmetry != [sorted(LEFT), sorted(RIGHT)]:
        raise UserError(f"{path} holds keypoints in the {metadata.get('layout_name')} layout: use one in h36m's")
