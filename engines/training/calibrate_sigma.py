"""Sigma in its place: training's hard cases teach it what is hard, and leave it too wide for ordinary people.

Its logarithm gets one gain and one offset a head and joint, fitted on motion as captured (people of the training
split) and folded into the head's weights: the model's graph stays as it is.

Axes: N frames, K look-aheads, V joints.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from engines.stream_gla_gcn import SIGMA_SHIFT, StreamGLAGCN
from engines.training.mocap import Bank
from engines.training.sampler import Sampling, sample

ONE_SIGMA = 0.6827  # share of errors within one sigma
GAIN = (0.3, 1.2)


def calibrate_sigma(model: StreamGLAGCN, bank: Bank, how: Sampling, *, sequences: int = 128, length: int = 81,
                    seed: int = 0) -> None:  # fmt: skip
    """Change `model` in place. After it, 68 % of the errors on such draws lie within one sigma."""
    body = replace(how.body, as_captured=1.0)
    rng = np.random.default_rng(seed)
    errors, sigmas = [], []
    for _ in range(max(sequences // 16, 1)):
        features, targets = sample(rng, bank, 16, length, replace(how, body=body))
        error, sigma = _errors(model.eval(), torch.from_numpy(features), torch.from_numpy(targets))
        errors.append(error)
        sigmas.append(sigma)
    gain, offset = fit(torch.cat(errors), torch.cat(sigmas), per_joint=len(model.head_weight) > 1)
    _fold(model, gain, offset)


def fit(error_NKV: Tensor, sigma_NKV: Tensor, *, per_joint: bool = True) -> tuple[Tensor, Tensor]:
    """Gain and offset (K, V) with log sigma -> gain * log sigma + offset.

    The gain is the regression of log error on log sigma; then the offset puts 68 % of the errors within one sigma.
    """
    log_error, log_sigma = torch.log(error_NKV.clamp(min=1e-4)), torch.log(sigma_NKV)
    centred = log_sigma - log_sigma.mean(0)
    gain = (centred * log_error).mean(0) / (centred**2).mean(0).clamp(min=1e-9)
    gain = gain.clamp(*GAIN)
    if not per_joint:
        gain = gain.mean(-1, keepdim=True).expand_as(gain)
    return gain, torch.quantile(log_error - gain * log_sigma, ONE_SIGMA, dim=0)


@torch.inference_mode()
def _errors(model: StreamGLAGCN, features: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    pose, sigma = model(features)
    at = torch.arange(features.shape[1])
    wanted = torch.stack([targets[:, (at - k).clamp(min=0)] for k in model.config.lookaheads], 2)
    return (pose - wanted).norm(dim=-1).flatten(0, 1), sigma.flatten(0, 1)


@torch.no_grad()
def _fold(model: StreamGLAGCN, gain_KV: Tensor, offset_KV: Tensor) -> None:
    """sigma = exp(x - shift), x linear in the weights."""
    weight = model.head_weight.unflatten(-1, (-1, 4))  # (V or 1, D, K, 4)
    bias = model.head_bias.unflatten(-1, (-1, 4))  # (V, K, 4)
    weight[..., 3] *= gain_KV.T[: len(weight), None]
    bias[..., 3] = gain_KV.T * (bias[..., 3] - SIGMA_SHIFT) + offset_KV.T + SIGMA_SHIFT
