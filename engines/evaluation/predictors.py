"""Torch models as the function `evaluate` scores: whole sequences in, poses of every frame out.

Axes: S sequences, T frames, K look-aheads, V joints (17). Camera axes, metres, the hip at the origin.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from engines.evaluation.evaluate import Float, Predict
from engines.models.normalise import FEATURES, to_camera
from engines.models.stream_gla_gcn import StreamGLAGCN
from engines.models.view import sequence_features

Forward = Callable[[Tensor], tuple[Tensor, "Tensor | None"]]


def of_features(forward: Forward, lookaheads: Sequence[int], features: int = FEATURES) -> Predict:
    """Any model of the normalised features: (S, T, V, F) -> poses (S, T, K, V, 3) in each frame's normalised view.

    Head k answers in the view of the frame it speaks of, lookaheads[k] frames ago; sigmas (S, T, K, V) or None.
    """

    def predict(rays: Float, score: Float) -> tuple[Float, Float | None]:
        size, frames = rays.shape[:2]
        read, views = sequence_features(rays, score, wanted=features)
        with torch.inference_mode():
            pose, sigma = forward(torch.from_numpy(read))
        out = np.empty((size, frames, len(lookaheads), 17, 3), np.float32)
        for k, back in enumerate(lookaheads):
            seen = views[:, np.maximum(np.arange(frames) - back, 0)]
            own = pose[:, :, k].numpy()
            out[:, :, k] = to_camera(own.reshape(-1, 1, 17, 3), seen.reshape(-1, 3, 3)).reshape(own.shape)
        return out, None if sigma is None else sigma.numpy()

    return predict


def of_stream(model: StreamGLAGCN, *, still: bool = False) -> Predict:
    """The sequence form, which agrees with the live step; `still`: every frame for itself, as a single-frame model."""

    def forward(features: Tensor) -> tuple[Tensor, Tensor]:
        training = model.training
        model.eval()
        if still:
            size, frames = features.shape[:2]
            pose, sigma = (part.view(size, frames, *part.shape[1:]) for part in model.still(features.flatten(0, 1)))
        else:
            pose, sigma = model(features)
        model.train(training)
        return pose, sigma

    return of_features(forward, model.config.lookaheads, model.config.features)
