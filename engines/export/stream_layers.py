"""The streaming model's layers as ONNX nodes, with batch norms, biases and residuals folded: what its forms share.

Activations travel flat, (N * V, C): one row a joint of a frame. Axes as in engines.models.stream_gla_gcn.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.export.graph_builder import GraphBuilder
from engines.models.card import ModelCard
from engines.models.graph import SUBSETS, skeleton_graphs
from engines.models.normalise import WOBBLE
from engines.models.receptive_field import head_offsets, head_reads

SIGMA_SHIFT = 3.0  # as in StreamGLAGCN
SIGMA_RANGE_M = (0.002, 1.0)


class StreamLayers(GraphBuilder):
    def __init__(self, card: ModelCard, arrays: Mapping[str, NDArray[Any]]) -> None:
        super().__init__(arrays)
        self.card, self.joints, self.channels, self.levels = card, card.joints, card.channels, card.levels
        self.offsets = head_offsets(card.lookaheads)

    def embed(self, features: str) -> str:
        weight = np.insert(self.arrays["embed.weight"].T, WOBBLE, 0, axis=0)
        x = self.add("MatMul", features, self.constant(weight))
        x = self.add("Relu", self.add("Add", x, self.constant(self.arrays["joint_bias"])))
        return self.reshape(x, (-1, self.channels))

    def graphs(self, level: int, x: str) -> str:
        return self.graph_conv(2 * level + 1, self.graph_conv(2 * level, x))

    def graph_conv(self, index: int, x: str) -> str:
        """The graphs gather neighbours before the weights mix channels, each subset's embeddings are one product
        phi theta^T, and rows are (joint, subset): no array changes its layout on the way, which would cost more than
        what the fewer multiplications of narrow embeddings save."""
        name = f"spatial.{index}"
        scale, shift = self.norm(f"{name}.norm")
        weight_CID = self.by_subset(f"{name}.weight") * scale
        theta_CIW, phi_CIW = self.by_subset(f"{name}.theta"), self.by_subset(f"{name}.phi")
        frames = self.reshape(x, (-1, self.joints, self.channels))
        graph = self.constant(self.fixed_graph(name))
        if theta_CIW.size:
            metric_CID = np.einsum("ciw,diw->cid", phi_CIW, theta_CIW) * theta_CIW.shape[-1] ** -0.5
            queries = self.add("MatMul", x, self.constant(metric_CID.reshape(self.channels, -1)))
            queries = self.reshape(queries, (-1, self.joints * SUBSETS, self.channels))
            similar = self.add("MatMul", queries, self.add("Transpose", frames, perm=[0, 2, 1]))
            graph = self.add("Add", self.add("Softmax", similar, axis=-1), graph)
        neighbours = self.reshape(self.add("MatMul", graph, frames), (-1, SUBSETS * self.channels))
        weight = self.constant(weight_CID.swapaxes(0, 1).reshape(-1, self.channels))
        return self.add("Relu", self.add("Gemm", neighbours, weight, self.add("Add", x, self.constant(shift))))

    def by_subset(self, name: str) -> NDArray[Any]:
        """(C, I * D) as (C, I, D)."""
        return self.arrays[name].reshape(self.channels, SUBSETS, -1)

    def fixed_graph(self, name: str) -> NDArray[np.float32]:
        """(U * I, V): the skeleton's graphs and the learned ones."""
        graph_UVI = skeleton_graphs(self.joints).transpose(2, 1, 0) + self.arrays[f"{name}.learned_UVI"]
        return np.asarray(graph_UVI.transpose(0, 2, 1).reshape(-1, self.joints), np.float32)

    def wobble(self, features: str) -> str:
        """Of features (N, V, F), (N, 1, 1)."""
        return self.add("Slice", features, self.ints(0, WOBBLE), self.ints(1, WOBBLE + 1), self.ints(1, 2))

    def mix(self, level: int, x: str, taps: str, wobble: str) -> str:
        """A level's temporal mix of x (N * V, C) with its taps (N * V, 2C); the norm and both residuals are folded."""
        scale, shift = self.norm(f"temporal.{level}.norm")
        now = self.arrays[f"temporal.{level}.weight"] * scale + np.eye(self.channels)
        old = self.arrays[f"temporal.{level}.past"] * scale
        leave = -old.reshape(2, self.channels, -1).sum(0)
        past = self.add("Gemm", x, self.constant(leave), self.add("MatMul", taps, self.constant(old)))
        past = self.add("Mul", self.reshape(past, (-1, self.joints, self.channels)), wobble)
        past = self.reshape(past, (-1, self.channels))
        return self.add("Relu", self.add("Add", self.add("Gemm", x, self.constant(now), self.constant(shift)), past))

    def heads(self, x: str, wobble: str, *, newest: bool = False) -> None:
        """Each joint's own weights, as one batched product; the hip's coordinates are zero by their weights.

        `newest`: x are the activations of now alone, for look-ahead 0 alone.
        """
        count = len(self.card.lookaheads)
        wide = len(self.offsets) * self.channels
        reads = np.array(head_reads(self.card.lookaheads), np.float32)[:, None, :, None]  # (H, 1, K, 1)
        weight = np.broadcast_to(self.arrays["head_weight"], (self.joints, wide, 4 * count))
        weight = (weight.reshape(self.joints, len(reads), -1, count, 4) * reads).reshape(self.joints, wide, count, 4)
        bias = self.arrays["head_bias"].reshape(self.joints, 1, count, 4).copy()
        weight[0, ..., :3] = 0
        bias[0, ..., :3] = 0
        bias[..., 3] -= SIGMA_SHIFT
        at = 0
        if newest:
            at, count, wide = self.card.lookaheads.index(0), 1, self.channels
            weight, bias = weight[:, :wide, at : at + 1], bias[:, :, at : at + 1]
        x = self.add("Transpose", self.reshape(x, (-1, self.joints, wide)), perm=[1, 0, 2])
        x = self.add("MatMul", x, self.constant(weight.reshape(self.joints, wide, -1)))
        x = self.add("Add", x, self.constant(bias.reshape(self.joints, 1, -1)))
        x = self.add("Transpose", self.reshape(x, (self.joints, -1, count, 4)), perm=[1, 2, 0, 3])
        pose, log_sigma = self.split(x, (3, 1), axis=3)
        self.add("Identity", pose, output="pose")
        low, high = (self.constant(np.array(np.log(end), np.float32)) for end in SIGMA_RANGE_M)
        widening = self.add("Mul", wobble, self.constant(self.arrays["sigma_wobble"][at : at + count]))
        log_sigma = self.add("Add", self.add("Squeeze", log_sigma, self.ints(3)), widening)
        log_sigma = self.add("Clip", log_sigma, low, high)
        self.add("Exp", log_sigma, output="sigma")
