"""Sigma in its place: training's hard cases teach it what is hard, and leave it too wide for ordinary people.

Its logarithm gets a gain, a slope over the wobble of the keypoints and an offset, one of each a head and joint, fitted
on motion as captured (people of the training split) with ordinary people's bones; the gain and the offset are folded
into the head's weights.

Axes: N frames, K look-aheads, V joints.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from engines.models.stream_gla_gcn import SIGMA_SHIFT, StreamGLAGCN, wobble_of
from engines.motion.mocap import Bank
from engines.training.sampler import Sampling, sample

ONE_SIGMA = 0.6827  # share of errors within one sigma
GAIN = (0.3, 1.2)
# ordinary people about those captured, one sigma: adults of one sex differ by 4 % in stature, in proportions by about 3
BONES, STATURE = 0.03, 0.045


def calibrate_sigma(model: StreamGLAGCN, bank: Bank, how: Sampling, *, sequences: int = 128, length: int = 81,
                    seed: int = 0) -> None:  # fmt: skip
    """Change `model` in place. After it, 68 % of the errors on such draws lie within one sigma."""
    body = replace(how.body, as_captured=1.0, wide_skeleton=0.0, narrow_sigma=BONES, scale_sigma=STATURE)
    rng = np.random.default_rng(seed)
    errors, sigmas, wobbles = [], [], []
    for _ in range(max(sequences // 16, 1)):
        drawn = sample(rng, bank, 16, length, replace(how, body=body), model.config.features)
        features, targets = (torch.from_numpy(part) for part in drawn)
        error, sigma = _errors(model.eval(), features, targets)
        errors.append(error)
        sigmas.append(sigma)
        wobbles.append(wobble_of(features).flatten())
    fitted = fit(torch.cat(errors), torch.cat(sigmas), torch.cat(wobbles), per_joint=len(model.head_weight) > 1)
    _fold(model, *fitted)


def fit(error_NKV: Tensor, sigma_NKV: Tensor, wobble_N: Tensor, *, per_joint: bool = True
        ) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Gain, slope and offset (K, V) with log sigma -> gain * log sigma + slope * wobble + offset.

    Gain and slope are the regression of log error on log sigma and wobble; then the offset puts 68 % of the errors
    within one sigma.
    """
    log_error, log_sigma = torch.log(error_NKV.clamp(min=1e-4)), torch.log(sigma_NKV)
    wobble = (wobble_N - wobble_N.mean())[:, None, None]
    spread = (wobble**2).mean().clamp(min=1e-9)
    alone = log_sigma - log_sigma.mean(0)
    alone = alone - (alone * wobble).mean(0) / spread * wobble  # what the wobble does not say
    gain = (alone * log_error).mean(0) / (alone**2).mean(0).clamp(min=1e-9)
    gain = gain.clamp(*GAIN)
    if not per_joint:
        gain = gain.mean(-1, keepdim=True).expand_as(gain)
    left = log_error - gain * log_sigma
    slope = (left * wobble).mean(0) / spread
    return gain, slope, torch.quantile(left - slope * wobble_N[:, None, None], ONE_SIGMA, dim=0)


@torch.inference_mode()
def _errors(model: StreamGLAGCN, features: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    pose, sigma = model(features)
    at = torch.arange(features.shape[1])
    wanted = torch.stack([targets[:, (at - k).clamp(min=0)] for k in model.config.lookaheads], 2)
    return (pose - wanted).norm(dim=-1).flatten(0, 1), sigma.flatten(0, 1)


@torch.no_grad()
def _fold(model: StreamGLAGCN, gain_KV: Tensor, slope_KV: Tensor, offset_KV: Tensor) -> None:
    """sigma = exp(x - shift + slope * wobble), x linear in the weights."""
    weight = model.head_weight.unflatten(-1, (-1, 4))  # (V or 1, D, K, 4)
    bias = model.head_bias.unflatten(-1, (-1, 4))  # (V, K, 4)
    weight[..., 3] *= gain_KV.T[: len(weight), None]
    bias[..., 3] = gain_KV.T * (bias[..., 3] - SIGMA_SHIFT) + offset_KV.T + SIGMA_SHIFT
    model.sigma_wobble.copy_(gain_KV * model.sigma_wobble + slope_KV)
