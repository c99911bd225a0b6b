"""What training minimises, term by term; a weight of zero switches a term off.

Axes: B batch, T output frames, K look-aheads, V joints. Poses in metres.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from engines.models.skeleton import LEFT, PARENTS, RIGHT

LIMBS = ((1, 2), (4, 5), (11, 12), (14, 15))  # bones b that end in joint b + 1: thigh and shin, upper arm and forearm
NEARER_M = 0.03


@dataclass(frozen=True)
class LossWeights:
    mpjpe: float = 1.0
    velocity: float = 3.0  # of frame-to-frame differences; sequences only
    bones: float = 0.1
    symmetry: float = 0.05
    sigma: float = 0.01
    # tried (docs/results.md), in no recipe: what limbs bend, which end of a bone is nearer, bones that change
    angles: float = 0.0
    depth_order: float = 0.0
    breathing: float = 0.0  # sequences only
    lookaheads: tuple[float, ...] = (1.0, 0.5, 0.5, 0.5)  # each head's share


def losses(pose: Tensor, sigma: Tensor, target: Tensor, weights: LossWeights) -> dict[str, Tensor]:
    """Weighted terms for pose (B, T, K, V, 3) and sigma (B, T, K, V) against target (B, T, K, V, 3).

    `sigma` is the negative log likelihood of a half-normal error length, so that 68 % of errors lie within one sigma;
    it does not pull on the pose.
    """
    share = pose.new_tensor(weights.lookaheads[: pose.shape[2]])
    share = (share * len(share) / share.sum())[:, None]  # (K, 1)
    error = _length(pose - target)
    terms = {"mpjpe": (error * share)[..., 1:].mean()}
    if weights.sigma:
        ratio = error.detach()[..., 1:] / sigma[..., 1:]
        terms["sigma"] = ((torch.log(sigma[..., 1:]) + 0.5 * ratio**2) * share).mean()
    if weights.velocity and pose.shape[1] > 1:
        change = _length((pose[:, 1:] - pose[:, :-1]) - (target[:, 1:] - target[:, :-1]))
        terms["velocity"] = (change * share)[..., 1:].mean()
    if weights.bones or weights.symmetry:
        bones, true = bone_lengths(pose), bone_lengths(target)
        terms["bones"] = ((bones - true).abs() * share).mean()
        left, right = ([joint - 1 for joint in side] for side in (LEFT, RIGHT))
        terms["symmetry"] = ((bones[..., left] - bones[..., right]).abs() * share).mean()
    terms |= _extra(pose, target, share, weights)
    return {name: term * getattr(weights, name) for name, term in terms.items()}


def _extra(pose: Tensor, target: Tensor, share: Tensor, weights: LossWeights) -> dict[str, Tensor]:
    terms = {}
    if weights.angles:  # by the cosine between a limb's two bones
        terms["angles"] = ((_bends(pose) - _bends(target)).abs() * share).mean()
    if weights.depth_order:  # metres by which a bone points to the wrong side of the picture's plane
        ahead, true = (_bones(joints)[..., 2] for joints in (pose, target))
        terms["depth_order"] = (torch.relu(-ahead * torch.sign(true)) * (true.abs() > NEARER_M) * share).mean()
    if weights.breathing and pose.shape[1] > 1:
        lengths = bone_lengths(pose)
        terms["breathing"] = ((lengths[:, 1:] - lengths[:, :-1]).abs() * share).mean()
    return terms


def _bones(joints: Tensor) -> Tensor:
    """(.., V, 3) -> (.., 16, 3)"""
    return joints[..., 1:, :] - joints[..., list(PARENTS[1:]), :]


def _bends(joints: Tensor) -> Tensor:
    """(.., V, 3) -> (.., 4): cosines, 1 where a limb is straight."""
    bones = _bones(joints)
    bones = bones / _length(bones)[..., None]
    upper, lower = zip(*LIMBS, strict=True)
    return (bones[..., list(upper), :] * bones[..., list(lower), :]).sum(-1)


def bone_lengths(pose: Tensor) -> Tensor:
    """(.., V, 3) -> (.., 16)"""
    return _length(_bones(pose))


def _length(vectors: Tensor) -> Tensor:
    return torch.sqrt((vectors**2).sum(-1) + 1e-9)
