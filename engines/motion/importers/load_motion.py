"""Motion capture and datasets in their usual formats: clips to train on, recordings to be scored on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engines.errors import UserError
from engines.motion.evaluation_set import EvaluationSet, at_rate
from engines.motion.importers import mpi_inf_3dhp, plain, recordings, videopose3d
from engines.motion.importers.asf_amc import RATE_HZ as CMU_RATE_HZ
from engines.motion.importers.asf_amc import amc_joints, read_asf
from engines.motion.importers.bvh import bvh_joints

Float = NDArray[np.float32]


def load_clips(
    path: Path, rate_hz: float = CMU_RATE_HZ, progress: Callable[[str], None] | None = None
) -> dict[str, Float]:
    """Motion to train on: `SUBJECT_CLIP` -> (T, 17, 3), metres, y up, at `rate_hz`.

    `path` is an npz of such clips (at 120 Hz), a `data_3d_*.npz` of VideoPose3D, a BVH or AMC file, or a folder that
    is searched for ASF/AMC and BVH. Raises UserError where nothing is found. `progress` is told each clip's name.
    """
    out: dict[str, Float] = {}
    for name, joints_m, source_hz in _clips(path):
        same = abs(source_hz / rate_hz - 1) < 1e-3
        out[name] = joints_m if same else at_rate(joints_m, source_hz, rate_hz)
        if progress:
            progress(name)
    if not out:
        raise UserError(f"no motion in {path}: give an npz, or a folder with .asf and .amc or .bvh files")
    return out


def holds_recordings(path: Path) -> bool:
    """Whether the file or folder is a dataset with its own views, rather than motion capture."""
    if path.is_dir():
        return any(path.rglob("annot.mat")) or any(path.rglob("annot_data.mat"))
    if path.suffix == ".npz" and path.is_file() and not videopose3d.is_poses(path):
        return "joints_m" in plain.names(path)
    return videopose3d.is_poses(path) or mpi_inf_3dhp.is_sequence(path)


def load_evaluation_set(path: Path, keypoints: Path | None = None) -> EvaluationSet:
    """A dataset to be scored on, by the form of its file; `keypoints` is the `data_2d_*.npz` of a `data_3d_*.npz`."""
    if videopose3d.is_poses(path):
        if keypoints is None:
            raise UserError(f"{path.name} needs its keypoints: add --keypoints data_2d_....npz")
        found = videopose3d.recordings(path, keypoints)
    elif path.is_dir():
        files = sorted((*path.rglob("annot_data.mat"), *path.rglob("annot.mat")))
        found = [item for file in files for item in mpi_inf_3dhp.recordings(file)]
    elif mpi_inf_3dhp.is_sequence(path):
        found = mpi_inf_3dhp.recordings(path)
    else:
        found = plain.recordings(path)
    return recordings.evaluation_set(path.stem, found)


def _clips(path: Path) -> Iterator[tuple[str, Float, float]]:
    if not path.exists():
        raise UserError(f"no motion capture at {path}: give the path of an npz or a folder")
    if path.suffix == ".npz":
        clips, rate_hz = videopose3d.world_clips(path) if videopose3d.is_poses(path) else (_npz(path), CMU_RATE_HZ)
        yield from ((name, joints_m, rate_hz) for name, joints_m in clips.items())
        return
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    for file in files:
        if file.suffix.lower() == ".amc":
            yield file.stem, amc_joints(file, read_asf(_skeleton_of(file))), CMU_RATE_HZ
        elif file.suffix.lower() == ".bvh":
            joints_m, rate_hz = bvh_joints(file)
            yield file.stem, joints_m, rate_hz


def _skeleton_of(amc: Path) -> Path:
    """`07_01.amc` -> `07.asf` beside it, or the only ASF there."""
    beside = sorted(file for file in amc.parent.iterdir() if file.suffix.lower() == ".asf")
    own = [file for file in beside if file.stem == amc.stem.split("_")[0]]
    if len(own or beside) != 1:
        raise UserError(f"{amc} has no skeleton: put {amc.stem.split('_')[0]}.asf beside it")
    return (own or beside)[0]


def _npz(path: Path) -> dict[str, Float]:
    clips = {name: np.asarray(values, np.float32) for name, values in plain.arrays(path).items()}
    wrong = [name for name, values in clips.items() if values.ndim != 3 or values.shape[1:] != (17, 3)]
    if wrong:
        raise UserError(f"{path}: {wrong[0]} has the shape {clips[wrong[0]].shape}, not (frames, 17, 3)")
    return clips
