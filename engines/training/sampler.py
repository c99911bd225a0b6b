"""From motion capture to training batches: draw, augment, view, detect, clean, normalise."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from engines.keypoints.clean import clean_sequences
from engines.models.normalise import FEATURES, to_view
from engines.models.view import sequence_features
from engines.motion.augment import BodyAugmentation, augment
from engines.motion.cameras import CameraRange, view
from engines.motion.knowledge import Knowledge, draw_known
from engines.motion.mocap import Bank, Float, joints_from_bones
from engines.motion.noise import KeypointNoise, camera_frames, detect, interpolate

MIN_DEPTH_M = 0.25


@dataclass(frozen=True)
class Sampling:
    """Everything random about a training batch."""

    body: BodyAugmentation = field(default_factory=BodyAugmentation)
    camera: CameraRange = field(default_factory=CameraRange)
    noise: KeypointNoise = field(default_factory=KeypointNoise)
    knowledge: Knowledge = field(default_factory=Knowledge)


def sample(
    rng: np.random.Generator, bank: Bank, batch: int, length: int, how: Sampling, wanted: int = FEATURES
) -> tuple[Float, Float]:
    """The first `wanted` features (B, S, 17, F) and targets (B, S, 17, 3): metres about the hip, in each frame's
    normalised view."""
    directions, root, lengths = augment(rng, bank, batch, length, how.body)
    joints, root, up = view(rng, joints_from_bones(directions, lengths[:, None]), root, how.camera)
    points = joints + root[:, :, None]
    points[..., 2] = np.maximum(points[..., 2], MIN_DEPTH_M)
    rays, score = detect(rng, points[..., :2] / points[..., 2:], how.noise)
    every = camera_frames(rng, batch, length, how.noise)
    rays, score = clean_sequences(rays, score, every=every.tolist())
    interpolate(rays, score, every)
    features, rotations = sequence_features(rays, score, draw_known(rng, lengths, up, how.knowledge), wanted)
    targets = to_view(joints.reshape(-1, 17, 3), rotations.reshape(-1, 3, 3))
    return features, targets.reshape(batch, length, 17, 3)
