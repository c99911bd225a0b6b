"""Toes of captured walks, from eight sides: nearer to where they were than anatomy alone would have them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from calibration.person.feet import Feet

RAW = Path(__file__).resolve().parents[5] / "shared" / "data" / "raw"
TOE = 0.43  # of the shank, ankle to toe, as MediaPipe has it; these markers are nearer
AZIMUTHS_DEG = range(0, 360, 45)


def captured() -> tuple[np.ndarray, np.ndarray]:
    """Joints (T, 17, 3) and toes (T, 2, 3) at 30 Hz, y up: right, left."""
    pytest.importorskip("scipy")
    from engines.motion.importers.asf_amc import amc_joints, read_amc, read_asf

    skeleton = read_asf(RAW / "03.asf")
    joints, at = amc_joints(RAW / "03_01.amc", skeleton), read_amc(RAW / "03_01.amc", skeleton)
    toes = np.stack((at["rtoes.end"], at["ltoes.end"]), 1)
    return joints[::4].astype(np.float64), toes[::4]


def from_side(points: np.ndarray, azimuth_deg: float) -> np.ndarray:
    """In the axes of a camera 4 m away from the middle of the walk, 1.2 m high."""
    cos, sin = np.cos(np.radians(azimuth_deg)), np.sin(np.radians(azimuth_deg))
    turned = points @ np.array([(cos, 0, -sin), (0, 1, 0), (sin, 0, cos)])
    return turned * (1, -1, -1) + np.array((0, 1.2, 4.0))


@pytest.mark.skipif(not RAW.exists(), reason=f"not here: {RAW}")
@pytest.mark.parametrize("noise", [0.0, 0.004])
def test_toes_are_nearer_than_anatomy_alone_has_them(noise: float) -> None:
    joints, toes = captured()
    middle = joints[:, :1].mean(0) * (1, 0, 1)
    joints, toes = joints - middle, toes - middle
    ankles = joints[:, [3, 6]]
    shank = np.linalg.norm(joints[:, 2] - joints[:, 3], axis=-1).mean()
    toes = ankles + (toes - ankles) * TOE * shank / np.linalg.norm(toes - ankles, axis=-1).mean()
    errors: dict[bool, list[float]] = {True: [], False: []}
    rng = np.random.default_rng(5)
    for azimuth_deg in AZIMUTHS_DEG:
        body, true = from_side(joints, azimuth_deg), from_side(toes, azimuth_deg)
        for looks, found in errors.items():
            unknown = np.full((17, 2), np.nan, np.float32)  # joints lie where they are seen
            feet, rays = Feet(), np.full((4, 3), np.nan, np.float32)
            for frame, (pose, own) in enumerate(zip(body, true, strict=True)):
                rays[1::2, :2] = own[:, :2] / own[:, 2:] + rng.normal(0, noise, (2, 2))
                rays[1::2, 2] = 0.9 if looks else 0.0
                placed, _ = feet.place(frame / 30, pose, np.full(17, 0.02, np.float32), unknown, rays)
                found += np.linalg.norm(placed[1::2] - own, axis=-1).tolist()
    assert np.mean(errors[True]) < 0.6 * np.mean(errors[False])
