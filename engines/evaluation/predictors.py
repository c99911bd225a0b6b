"""Torch models as the function `evaluate` scores: whole sequences in, poses of every frame out.

Axes: S sequences, T frames, K look-aheads, V joints (17). Camera axes, metres, the hip at the origin.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from engines.evaluation.evaluate import Float, Predict
from engines.models.gla_gcn import GLAGCN
from engines.models.normalise import MIN_SCORE, to_camera
from engines.models.paper_view import RAY_TO_PAPER
from engines.models.stream_gla_gcn import StreamGLAGCN
from engines.models.wobble import sequence_features

WINDOWS_AT_ONCE = 128
Forward = Callable[[Tensor], tuple[Tensor, "Tensor | None"]]


def of_features(forward: Forward, lookaheads: Sequence[int]) -> Predict:
    """Any model of the normalised features: (S, T, V, F) -> poses (S, T, K, V, 3) in each frame's normalised view.

    Head k answers in the view of the frame it speaks of, lookaheads[k] frames ago; sigmas (S, T, K, V) or None.
    """

    def predict(rays: Float, score: Float) -> tuple[Float, Float | None]:
        size, frames = rays.shape[:2]
        features, views = sequence_features(rays, score)
        with torch.inference_mode():
            pose, sigma = forward(torch.from_numpy(features))
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

    return of_features(forward, model.config.lookaheads)


def of_paper(model: GLAGCN, frames: int) -> Predict:
    """The paper's model: each frame at the centre of its window, the sequence's ends repeated beyond it."""

    def predict(rays: Float, score: Float) -> tuple[Float, None]:
        size, length = rays.shape[:2]
        x = torch.from_numpy(held(rays, score) * np.float32(RAY_TO_PAPER))
        at = (np.arange(length)[:, None] + np.arange(frames) - frames // 2).clip(0, length - 1)
        out = torch.zeros(size, length, 1, 17, 3)
        training = model.training
        model.eval()
        with torch.inference_mode():
            for row in range(size):
                for first in range(0, length, WINDOWS_AT_ONCE):
                    windows = at[first : first + WINDOWS_AT_ONCE]
                    out[row, first : first + len(windows)] = model(x[row, torch.from_numpy(windows)])
        model.train(training)
        out[..., 0, :] = 0
        return out.numpy(), None

    return predict


def held(rays: Float, score: Float) -> Float:
    """Rays (S, T, V, 2), every unseen joint where it was last seen; before that, at the mean of the first frame's."""
    seen = np.isfinite(rays).all(-1) & (score >= MIN_SCORE)
    known = np.where(seen[..., None], rays, 0)
    mean = known.sum(2) / np.maximum(seen.sum(2), 1)[..., None]
    at = np.where(seen, np.arange(rays.shape[1])[None, :, None], -1)
    last = np.maximum.accumulate(at, axis=1)
    held_back = np.take_along_axis(known, np.maximum(last, 0)[..., None], axis=1)
    return np.asarray(np.where((last >= 0)[..., None], held_back, mean[:, :1, None]), np.float32)
