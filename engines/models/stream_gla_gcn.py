"""Streaming GLA-GCN: GLA-GCN's learned graphs and tripling receptive field, made causal and incremental.

Level l holds two graph convolutions per frame (Yu et al., ICCV 2023, eq. 2-4; a similarity graph, where there is one,
is taken from the frame itself) and one temporal mix of the frames t, t - 3^l and t - 2*3^l; five levels see 243 frames.
Heads for earlier frames read the last level's activations of then and of now (engines.models.receptive_field).
One set of weights runs in three forms that agree: a whole sequence, one window, and one frame with cached taps.

Axes: B batch, T frames, V joints, F features, C channels, L levels, R tap rows, I graph subsets, K look-aheads,
H frames that the heads read, D = H * C what a head reads, O = K * 4 what the heads give.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from engines.models.graph import SUBSETS, skeleton_graphs
from engines.models.normalise import FEATURES, WOBBLE
from engines.models.receptive_field import (
    head_offsets,
    head_reads,
    level_spans,
    needed_frames,
    tap_places,
    window_frames,
)
from engines.models.skeleton import JOINTS

LOOKAHEADS = (0, 2, 4, 8)
SIGMA_SHIFT, SIGMA_RANGE_M = 3.0, (0.002, 1.0)  # sigma = exp(x - shift + wobble's part) m, clamped


@dataclass(frozen=True)
class StreamConfig:
    """Shape of a streaming model. `levels` L gives a receptive field of 3^L frames."""

    levels: int = 5
    channels: int = 64
    lookaheads: tuple[int, ...] = LOOKAHEADS
    graph: str = "fixed"  # fixed | adaptive: with the frame's similarity graph, which does not pay (docs/results.md)
    head: str = "individual"  # individual | shared (ablation)
    features: int = FEATURES  # of a joint
    dilated: bool = True  # False (ablation): every level mixes t, t - 1 and t - 2; there is no step form

    @property
    def frames(self) -> int:
        return int(3**self.levels)

    @property
    def window_frames(self) -> int:
        return window_frames(self.levels, self.lookaheads)

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


class GraphConv(nn.Module):
    """x + graph convolution over joints, one graph a subset: skeleton + learned, and softmax similarity if `adaptive`.

    The subset is the fastest index of joints (V, I), so that all three graphs apply in one matrix product.
    """

    skeleton_UVI: Tensor

    def __init__(self, channels: int, graph: str) -> None:
        super().__init__()
        self.embedding = channels // 4 if graph == "adaptive" else 0
        self.weight = nn.Parameter(torch.randn(channels, SUBSETS * channels) * (0.5 / channels) ** 0.5)
        self.theta = nn.Parameter(torch.randn(channels, SUBSETS * self.embedding) * channels**-0.5)
        self.phi = nn.Parameter(torch.randn(channels, SUBSETS * self.embedding) * channels**-0.5)
        self.learned_UVI = nn.Parameter(torch.zeros(JOINTS, JOINTS, SUBSETS))
        skeleton = torch.from_numpy(skeleton_graphs(JOINTS)).permute(2, 1, 0).contiguous()
        self.register_buffer("skeleton_UVI", skeleton, persistent=False)
        self.norm = nn.BatchNorm1d(channels)

    def forward(self, x_NVC: Tensor) -> Tensor:
        n, joints, channels = x_NVC.shape
        x = x_NVC.reshape(n * joints, channels)
        graph = (self.skeleton_UVI + self.learned_UVI).expand(n, joints, joints, SUBSETS)
        if self.embedding:
            theta = (x @ self.theta).view(n, joints, SUBSETS, -1).permute(0, 2, 3, 1)
            phi = (x @ self.phi).view(n, joints, SUBSETS, -1).transpose(1, 2)
            similarity = torch.softmax(phi @ theta * self.embedding**-0.5, dim=-1)  # (N, I, U, V)
            graph = graph + similarity.permute(0, 2, 3, 1)
        z = (x @ self.weight).view(n, joints * SUBSETS, channels)
        y = graph.reshape(n, joints, joints * SUBSETS) @ z
        return torch.relu(x_NVC + self.norm(y.view(n * joints, channels)).view_as(x_NVC))


class TemporalMix(nn.Module):
    """h + h(t) W + wobble * [h(t - d) - h(t), h(t - 2d) - h(t)] P, per joint.

    The past counts as far as the person's keypoints wobble: what is seen well needs none and is not blurred. Untrained,
    it counts for nothing.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(channels, channels) * (0.5 / channels) ** 0.5)
        self.past = nn.Parameter(torch.zeros(2 * channels, channels))
        self.norm = nn.BatchNorm1d(channels)

    def forward(self, now: Tensor, one_back: Tensor, two_back: Tensor, wobble: Tensor) -> Tensor:
        """Activations (.., V, C), the wobble (.., 1, 1)."""
        return self._residual(now, wobble * (torch.cat((one_back - now, two_back - now), -1) @ self.past))

    def still(self, now: Tensor) -> Tensor:
        """The mix where all taps hold the current frame: a person who has always stood like this."""
        return self._residual(now, 0.0)

    def _residual(self, now: Tensor, past: Tensor | float) -> Tensor:
        y = now @ self.weight + past
        return torch.relu(now + self.norm(y.reshape(-1, y.shape[-1])).view_as(now))


class StreamGLAGCN(nn.Module):
    """Features (.., V, F) to poses (.., K, V, 3) in metres and sigmas (.., K, V), in each frame's normalised view."""

    reads_DO: Tensor

    def __init__(self, config: StreamConfig | None = None) -> None:
        super().__init__()
        self.config = config or StreamConfig()
        channels, heads = self.config.channels, len(self.config.lookaheads)
        self.embed = nn.Linear(self.config.features - 1, channels, bias=False)  # of all features but the wobble
        self.joint_bias = nn.Parameter(torch.randn(JOINTS, channels) * 0.1)
        self.spatial = nn.ModuleList(
            GraphConv(channels, self.config.graph) for _ in range(2 * self.config.levels)
        )
        self.temporal = nn.ModuleList(TemporalMix(channels) for _ in range(self.config.levels))
        copies = JOINTS if self.config.head == "individual" else 1
        self.offsets = head_offsets(self.config.lookaheads)
        wide = len(self.offsets) * channels
        self.head_weight = nn.Parameter(torch.randn(copies, wide, heads * 4) * 0.1 * wide**-0.5)
        self.head_bias = nn.Parameter(torch.zeros(JOINTS, heads * 4))
        self.sigma_wobble = nn.Parameter(torch.zeros(heads, JOINTS))  # what log sigma gains by it
        reads = torch.tensor(head_reads(self.config.lookaheads), dtype=torch.float32)
        reads_DO = reads.repeat_interleave(channels, 0).repeat_interleave(4, 1)
        self.register_buffer("reads_DO", reads_DO, persistent=False)

    def _embed(self, features_NVF: Tensor) -> Tensor:
        read = torch.cat((features_NVF[..., :WOBBLE], features_NVF[..., WOBBLE + 1 :]), -1)
        return torch.relu(self.embed(read) + self.joint_bias)

    def _graphs(self, level: int, h_NVC: Tensor) -> Tensor:
        return self.spatial[2 * level + 1](self.spatial[2 * level](h_NVC))

    def _heads(self, h_NVD: Tensor, wobble_N11: Tensor) -> tuple[Tensor, Tensor]:
        """(N, V, H * C) -> pose (N, K, V, 3) with the hip at the origin, sigma (N, K, V)."""
        out = (h_NVD.transpose(0, 1) @ (self.head_weight * self.reads_DO)).transpose(0, 1) + self.head_bias
        out = out.view(len(h_NVD), JOINTS, -1, 4).transpose(1, 2)
        pose = out[..., :3] * _not_hip(out)
        # clamped before the exponential: beyond its range the gradient would be 0 times infinity
        log_sigma = out[..., 3] - SIGMA_SHIFT + wobble_N11 * self.sigma_wobble
        sigma = torch.exp(log_sigma.clamp(*(math.log(end) for end in SIGMA_RANGE_M)))
        return pose, sigma

    def still(self, features_BVF: Tensor) -> tuple[Tensor, Tensor]:
        """Single frames: every tap holds the frame itself. Also the first pose of a primed stream."""
        h = self._embed(features_BVF)
        for level, mix in enumerate(self.temporal):
            h = mix.still(self._graphs(level, h))  # type: ignore[operator]
        return self._heads(h.tile(len(self.offsets)), wobble_of(features_BVF))

    @torch.no_grad()
    def heads_at_their_frames(self) -> None:
        """Let each head read the very frame that it answers for, with `still` unchanged: where training on sequences
        begins, after single frames."""
        self.head_weight.mul_(self.reads_DO)  # what no head reads has kept its random beginning
        weight_JHCKO = self.head_weight.unflatten(1, (len(self.offsets), -1)).unflatten(-1, (-1, 4))
        whole_JCKO = weight_JHCKO.sum(1)
        weight_JHCKO.zero_()
        for head, back in enumerate(self.config.lookaheads):
            weight_JHCKO[:, self.offsets.index(back), :, head] = whole_JCKO[:, :, head]

    def forward(self, features_BTVF: Tensor, outputs: int | None = None) -> tuple[Tensor, Tensor]:
        """Sequence form: (B, T, V, F) -> pose (B, T', K, V, 3), sigma (B, T', K, V), T' = the last `outputs` frames.

        Frames before the first repeat the first (primed). Levels compute only the frames that outputs depend on.
        """
        batch, frames = features_BTVF.shape[:2]
        outputs = frames if outputs is None else outputs
        spans = level_spans(self.config.levels, self.config.dilated)
        needed = needed_frames(spans, self.config.lookaheads, frames, outputs)
        at, wobble = needed[0], wobble_of(features_BTVF)
        h = self._embed(features_BTVF[:, at].flatten(0, 1)).unflatten(0, (batch, len(at)))
        for level, mix in enumerate(self.temporal):
            h = self._graphs(level, h.flatten(0, 1)).unflatten(0, (batch, len(at)))
            taps = tap_places(at, needed[level + 1], [back * spans[level] for back in (0, 1, 2)])
            at = needed[level + 1]
            h = mix(*(h[:, tap] for tap in taps), wobble[:, at])
        read = tap_places(at, range(frames - outputs, frames), self.offsets)
        read_NVD = torch.cat([h[:, tap] for tap in read], -1).flatten(0, 1)
        pose, sigma = self._heads(read_NVD, wobble[:, -outputs:].flatten(0, 1))
        return pose.unflatten(0, (batch, outputs)), sigma.unflatten(0, (batch, outputs))

    def window(self, features_BTVF: Tensor) -> tuple[Tensor, Tensor]:
        """Window form: (B, `window_frames`, V, F) -> the last frame's pose (B, K, V, 3) and sigma (B, K, V)."""
        pose, sigma = self(features_BTVF, outputs=1)
        return pose[:, 0], sigma[:, 0]

    def step(self, features_BVF: Tensor, taps_RBVD: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Step form: one frame and the cached taps (R, B, V, 2C) = [t - span | t - 2 * span] of each row.

        Returns pose (B, K, V, 3), sigma (B, K, V) and the activations (R, B, V, C) to cache: each level's, and the
        last one's for both rows of the heads.
        """
        h, wobble = self._embed(features_BVF), wobble_of(features_BVF)
        activations = []
        for level, mix in enumerate(self.temporal):
            h = self._graphs(level, h)
            activations.append(h)
            h = mix(h, *taps_RBVD[level].chunk(2, -1), wobble)
        if len(self.offsets) > 1:
            activations += [h, h]
            h = torch.cat((h, taps_RBVD[-2], taps_RBVD[-1].chunk(2, -1)[1]), -1)
        pose, sigma = self._heads(h, wobble)
        return pose, sigma, torch.stack(activations)


def wobble_of(features: Tensor) -> Tensor:
    """Features (.., V, F) -> (.., 1, 1): it is the same for all joints."""
    return features[..., :1, WOBBLE : WOBBLE + 1]


def _not_hip(like: Tensor) -> Tensor:
    """(V, 1): zero for the hip, the origin of every pose, one for the others."""
    mask = like.new_ones(JOINTS, 1)
    mask[0] = 0
    return mask
