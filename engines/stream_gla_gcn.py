"""Streaming GLA-GCN: GLA-GCN's adaptive graphs and tripling receptive field, made causal and incremental.

Level l holds two adaptive graph convolutions per frame (Yu et al., ICCV 2023, eq. 2-4, with the similarity graph
taken from the frame itself) and one temporal mix of the frames t, t - 3^l and t - 2*3^l; five levels see 243 frames.
One set of weights runs in three forms that agree: a whole sequence, one window, and one frame with cached taps.

Axes: B batch, T frames, V joints, F features, C channels, L levels, I graph subsets, E embedding, K look-aheads.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from engines.graph import SUBSETS, skeleton_graphs
from engines.normalise import FEATURES
from engines.skeleton import JOINTS

LOOKAHEADS = (0, 2, 4, 8)
SIGMA_RANGE_M = (0.002, 1.0)


@dataclass(frozen=True)
class StreamConfig:
    """Shape of a streaming model. `levels` L gives a receptive field of 3^L frames."""

    levels: int = 5
    channels: int = 64
    lookaheads: tuple[int, ...] = LOOKAHEADS
    graph: str = "adaptive"  # adaptive | fixed (ablation: no similarity graph)
    head: str = "individual"  # individual | shared (ablation)

    @property
    def frames(self) -> int:
        return int(3**self.levels)

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


class AdaptiveGraphConv(nn.Module):
    """x + graph convolution over joints, one graph a subset: softmax similarity + skeleton + learned.

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
    """h + [h(t), h(t - d), h(t - 2d)] W: the current frame and two older ones, per joint."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        now = torch.randn(channels, channels) * (0.5 / channels) ** 0.5
        self.weight = nn.Parameter(torch.cat((now, torch.zeros(2 * channels, channels))))
        self.norm = nn.BatchNorm1d(channels)

    def forward(self, now: Tensor, one_back: Tensor, two_back: Tensor) -> Tensor:
        y = torch.cat((now, one_back, two_back), -1) @ self.weight
        return torch.relu(now + self.norm(y.reshape(-1, y.shape[-1])).view_as(now))

    @torch.no_grad()
    def forget_past(self) -> None:
        """Move the taps' weights onto the current frame: the same function of still frames, and none of the past.

        Training single frames moves all three alike; a sequence model that starts from there starts 10 to 30 mm worse.
        """
        now, one_back, two_back = self.weight.chunk(3)
        now += one_back + two_back
        one_back.zero_()
        two_back.zero_()

    def still(self, now: Tensor) -> Tensor:
        """The mix where all taps hold the current frame: a person who has always stood like this."""
        y = now @ self.weight.view(3, now.shape[-1], now.shape[-1]).sum(0)
        return torch.relu(now + self.norm(y.reshape(-1, y.shape[-1])).view_as(now))


class StreamGLAGCN(nn.Module):
    """Features (.., V, F) to poses (.., K, V, 3) in metres and sigmas (.., K, V), in each frame's normalised view."""

    def __init__(self, config: StreamConfig | None = None) -> None:
        super().__init__()
        self.config = config or StreamConfig()
        channels, heads = self.config.channels, len(self.config.lookaheads)
        self.embed = nn.Linear(FEATURES, channels, bias=False)
        self.joint_bias = nn.Parameter(torch.randn(JOINTS, channels) * 0.1)
        self.spatial = nn.ModuleList(
            AdaptiveGraphConv(channels, self.config.graph) for _ in range(2 * self.config.levels)
        )
        self.temporal = nn.ModuleList(TemporalMix(channels) for _ in range(self.config.levels))
        copies = JOINTS if self.config.head == "individual" else 1
        self.head_weight = nn.Parameter(torch.randn(copies, channels, heads * 4) * 0.1 * channels**-0.5)
        self.head_bias = nn.Parameter(torch.zeros(JOINTS, heads * 4))

    def _embed(self, features_NVF: Tensor) -> Tensor:
        return torch.relu(self.embed(features_NVF) + self.joint_bias)

    def _graphs(self, level: int, h_NVC: Tensor) -> Tensor:
        return self.spatial[2 * level + 1](self.spatial[2 * level](h_NVC))

    def _heads(self, h_NVC: Tensor) -> tuple[Tensor, Tensor]:
        """(N, V, C) -> pose (N, K, V, 3) with the hip at the origin, sigma (N, K, V)."""
        out = (h_NVC.transpose(0, 1) @ self.head_weight).transpose(0, 1) + self.head_bias
        out = out.view(len(h_NVC), JOINTS, -1, 4).transpose(1, 2)
        pose = out[..., :3] * _not_hip(out)
        sigma = torch.exp(out[..., 3] - 3.0).clamp(*SIGMA_RANGE_M)
        return pose, sigma

    def still(self, features_BVF: Tensor) -> tuple[Tensor, Tensor]:
        """Single frames: every tap holds the frame itself. Also the first pose of a primed stream."""
        h = self._embed(features_BVF)
        for level, mix in enumerate(self.temporal):
            h = mix.still(self._graphs(level, h))  # type: ignore[operator]
        return self._heads(h)

    def forget_past(self) -> None:
        """Become a single-frame model in every form, with `still` unchanged: where training on sequences begins."""
        for mix in self.temporal:
            mix.forget_past()  # type: ignore[operator]

    def forward(self, features_BTVF: Tensor, outputs: int | None = None) -> tuple[Tensor, Tensor]:
        """Sequence form: (B, T, V, F) -> pose (B, T', K, V, 3), sigma (B, T', K, V), T' = the last `outputs` frames.

        Frames before the first repeat the first (primed). Levels compute only the frames that outputs depend on.
        """
        batch, frames = features_BTVF.shape[:2]
        outputs = frames if outputs is None else outputs
        needed = self._needed_frames(frames, outputs)
        at = needed[0]
        h = self._embed(features_BTVF[:, at].flatten(0, 1)).unflatten(0, (batch, len(at)))
        for level, mix in enumerate(self.temporal):
            h = self._graphs(level, h.flatten(0, 1)).unflatten(0, (batch, len(at)))
            place = {frame: index for index, frame in enumerate(at)}
            at = needed[level + 1]
            taps = ([place[max(t - back * 3**level, 0)] for t in at] for back in (0, 1, 2))
            h = mix(*(h[:, tap] for tap in taps))
        pose, sigma = self._heads(h.flatten(0, 1))
        return pose.unflatten(0, (batch, outputs)), sigma.unflatten(0, (batch, outputs))

    def _needed_frames(self, frames: int, outputs: int) -> list[list[int]]:
        """For each level's input, the frames it must compute; last entry: the output frames."""
        needed = [list(range(frames - outputs, frames))]
        for level in reversed(range(self.config.levels)):
            needed.insert(0, sorted({max(t - back * 3**level, 0) for t in needed[0] for back in (0, 1, 2)}))
        return needed

    def window(self, features_BTVF: Tensor) -> tuple[Tensor, Tensor]:
        """Window form: (B, 3^L, V, F) -> the last frame's pose (B, K, V, 3) and sigma (B, K, V)."""
        pose, sigma = self(features_BTVF, outputs=1)
        return pose[:, 0], sigma[:, 0]

    def step(self, features_BVF: Tensor, taps_LBVD: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Step form: one frame and the cached taps (L, B, V, 2C) = [t - 3^l | t - 2*3^l] of each level.

        Returns pose (B, K, V, 3), sigma (B, K, V) and the activations (L, B, V, C) to cache.
        """
        h = self._embed(features_BVF)
        activations = []
        for level, mix in enumerate(self.temporal):
            h = self._graphs(level, h)
            activations.append(h)
            h = mix(h, *taps_LBVD[level].chunk(2, -1))
        pose, sigma = self._heads(h)
        return pose, sigma, torch.stack(activations)


def _not_hip(like: Tensor) -> Tensor:
    """(V, 1): zero for the hip, the origin of every pose, one for the others."""
    mask = like.new_ones(JOINTS, 1)
    mask[0] = 0
    return mask
