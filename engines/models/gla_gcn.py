"""GLA-GCN exactly as published (Yu et al., ICCV 2023): a window of 2D keypoints in, the centre frame's 3D pose out.

Axes: N batch, C channels, T frames, V joints. Module and parameter names follow the published checkpoints, so a
state dict of the public implementation loads as it is. Needs torch; `engines.lifting.window_lifter` runs the exported
graph without.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, cast

import torch
from torch import Tensor, nn

from engines.models.graph import SUBSETS, skeleton_graphs

Head = Literal["shared", "individual"]

TEMPORAL_KERNEL = 9


def embedding_width(channels: int) -> int:
    """Channels of theta and phi: a quarter of the output, 3 where that is 0."""
    return channels // 4 or 3


class AdaptiveGraphConv(nn.Module):
    """`gcn1`: joints mixed by fixed + learned + data-dependent graphs; the last spans the whole window."""

    A: Tensor

    def __init__(self, inputs: int, outputs: int, joints: int, dropout: float) -> None:
        super().__init__()
        embedding = embedding_width(outputs)
        self.PA = nn.Parameter(torch.full((SUBSETS, joints, joints), 1e-6))
        self.conv_a = nn.ModuleList(nn.Conv2d(inputs, embedding, 1) for _ in range(SUBSETS))
        self.conv_b = nn.ModuleList(nn.Conv2d(inputs, embedding, 1) for _ in range(SUBSETS))
        self.conv_d = nn.ModuleList(nn.Conv2d(inputs, outputs, 1) for _ in range(SUBSETS))
        self.bn = nn.BatchNorm2d(outputs)
        self.dropout = nn.Dropout(dropout)
        self.down: nn.Module = nn.Identity()
        if inputs != outputs:
            self.down = nn.Sequential(nn.Conv2d(inputs, outputs, 1), nn.BatchNorm2d(outputs))
        self.register_buffer("A", torch.from_numpy(skeleton_graphs(joints)), persistent=False)

    def forward(self, x_nctv: Tensor) -> Tensor:
        mixed: Tensor | None = None
        for i in range(SUBSETS):
            theta, phi = self.conv_a[i](x_nctv), self.conv_b[i](x_nctv)
            # similarity of joints v and u over the whole window: (N, V, V)
            similarity = torch.einsum("netv,netu->nvu", theta, phi) / (theta.shape[1] * theta.shape[2])
            graph = similarity.softmax(dim=1) + self.A[i] + self.PA[i]
            z = self.conv_d[i](torch.einsum("nctv,nvu->nctu", x_nctv, graph))
            mixed = z if mixed is None else mixed + z
        return torch.relu(self.dropout(self.bn(mixed)) + self.down(x_nctv))


class ConvNorm(nn.Module):
    """A convolution over frames and its batch norm, no activation."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, (kernel, 1), (stride, 1), (kernel // 2, 0))
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x_nctv: Tensor) -> Tensor:
        return cast(Tensor, self.bn(self.conv(x_nctv)))


class Unit(nn.Module):
    """`TCN_GCN_unit`: relu(temporal(graph(x)) + residual(x)). Residual: none, identity, or 1x1 where widths differ."""

    def __init__(self, inputs: int, outputs: int, joints: int, stride: int, residual: bool, dropout: float) -> None:
        super().__init__()
        self.gcn1 = AdaptiveGraphConv(inputs, outputs, joints, dropout)
        self.tcn1 = ConvNorm(outputs, outputs, TEMPORAL_KERNEL, stride)
        self.residual: nn.Module | None = None
        if residual:
            same = inputs == outputs and stride == 1
            self.residual = nn.Identity() if same else ConvNorm(inputs, outputs, 1, stride)

    def forward(self, x_nctv: Tensor) -> Tensor:
        y: Tensor = self.tcn1(self.gcn1(x_nctv))
        return torch.relu(y if self.residual is None else y + self.residual(x_nctv))


class IndividualHead(nn.Module):
    """The paper's individually connected layer: each joint has its own (3, C) weights."""

    def __init__(self, channels: int, joints: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(channels)
        self.weight = nn.Parameter(torch.empty(joints, 3, channels).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(joints, 3).uniform_(-bound, bound))

    def forward(self, x_ncv: Tensor) -> Tensor:
        return torch.einsum("ncv,vkc->nkv", x_ncv, self.weight) + self.bias.T


class GLAGCN(nn.Module):
    """`module(x)`: x (N, T, V, 2) pixel coordinates normalised by the image width -> (N, 1, V, 3) metres, hip at 0.

    `widths` are the levels' odd strides; T is their product: (3, 3, 3, 3, 3) sees 243 frames.
    """

    def __init__(self, widths: Sequence[int] = (3, 3, 3, 3, 3), channels: int = 96, joints: int = 17,
                 head: Head = "shared", dropout: float = 0.1) -> None:  # fmt: skip
        super().__init__()
        if not widths or any(width < 1 or width % 2 == 0 for width in widths):
            raise ValueError(f"widths must be odd and positive, got {tuple(widths)}")
        self.widths = tuple(widths)
        self.frames = math.prod(widths)
        self.channels, self.joints, self.head = channels, joints, head
        self.data_bn = nn.BatchNorm1d(2 * joints)
        self.expand_gcn = Unit(2, channels, joints, 1, True, dropout)
        self.layers_tcngcn = nn.ModuleList()
        for width in widths:
            self.layers_tcngcn.append(Unit(channels, channels, joints, 1, True, dropout))
            self.layers_tcngcn.append(Unit(channels, channels, joints, width, False, dropout))
        self.dropout = nn.Dropout(dropout)
        self.fc: nn.Module = nn.Conv1d(channels, 3, 1) if head == "shared" else IndividualHead(channels, joints)

    def forward(self, x_ntv2: Tensor) -> Tensor:
        n, t, v, _ = x_ntv2.shape
        if (t, v) != (self.frames, self.joints):
            raise ValueError(f"expected (N, {self.frames}, {self.joints}, 2), got {tuple(x_ntv2.shape)}")
        # (N, T, V, 2) -> (N, 2V, T), joint-major channels -> (N, 2, T, V)
        x = self.data_bn(x_ntv2.reshape(n, t, 2 * v).transpose(1, 2))
        x = self.expand_gcn(x.reshape(n, v, 2, t).permute(0, 2, 3, 1))
        for level, width in enumerate(self.widths):
            centre = x[:, :, width // 2 :: width]
            x = self.dropout(self.layers_tcngcn[2 * level](x))
            x = centre + self.dropout(self.layers_tcngcn[2 * level + 1](x))
        pose: Tensor = self.fc(x.mean(2))  # (N, 3, V)
        return pose.transpose(1, 2).unsqueeze(1)


def parameter_count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def multiply_adds(widths: Sequence[int], channels: int = 96, joints: int = 17) -> int:
    """Multiply-adds of one window, so of one output frame, in the order the graph runs them."""
    frames, total = math.prod(widths), 0

    def unit(inputs: int, frames_in: int, frames_out: int, conv_1x1: int) -> int:
        points = frames_in * joints
        embedding = embedding_width(channels)
        graph = SUBSETS * points * (2 * inputs * embedding + embedding * joints + inputs * joints + inputs * channels)
        return graph + conv_1x1 * points * inputs * channels + frames_out * joints * TEMPORAL_KERNEL * channels**2

    total += unit(2, frames, frames, conv_1x1=2)  # `down` and `residual`
    for width in widths:
        total += unit(channels, frames, frames, 0) + unit(channels, frames, frames // width, 0)
        frames //= width
    return total + joints * channels * 3
