"""The paper's model as an ONNX graph, written node by node from NumPy arrays: no torch needed, only `onnx`.

Batch norms are folded into the convolutions, the six similarity projections of a unit run as one convolution and its
three graph projections (and `down`) as another. Input `features` (B, T, V, 2), output `pose` (B, 1, V, 3).
Axes as in engines.models.gla_gcn: B batch, C channels, T frames, V joints, E embedding.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.errors import UserError
from engines.export.graph_builder import Array, GraphBuilder
from engines.models.card import PAPER, ModelCard, find_model, load_arrays, write_card
from engines.models.graph import skeleton_graphs
from engines.write_aside import write_aside


def export_paper(model: str | Path, target: Path) -> ModelCard:
    """Write the ONNX graph of an imported paper model (name or .safetensors path) to `target`; returns its card.

    Beside its weights the graph is what runs: the card then vouches for it.
    """
    card, weights = find_model(model)
    if card.kind != PAPER:
        raise UserError(f"model {card.name} is {card.kind}: this exporter writes {PAPER}")
    data = paper_onnx(card, load_arrays(card, weights))
    write_aside(target, lambda aside: aside.write_bytes(data))
    if target == weights.with_suffix(".onnx"):
        card = replace(card, onnx_sha256=hashlib.sha256(data).hexdigest())
        write_card(card, weights)
    return card


def paper_onnx(card: ModelCard, arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """The serialised ONNX model. Raises UserError where the `onnx` package is missing."""
    graph = _PaperGraph(arrays)
    graph.network(card)
    frame = (card.joints, 2)
    return graph.model(card.name, {"features": ("batch", card.frames, *frame)}, {"pose": ("batch", 1, card.joints, 3)})


class _PaperGraph(GraphBuilder):
    """Activations travel as (B, C, T, V)."""

    def network(self, card: ModelCard) -> None:
        frames = card.frames
        scale, shift = self.norm("data_bn")
        x = self.add("Mul", "features", self.constant(scale.reshape(card.joints, 2)))
        x = self.add("Add", x, self.constant(shift.reshape(card.joints, 2)))
        x = self.add("Transpose", x, perm=[0, 3, 1, 2])  # (B, T, V, 2) -> (B, 2, T, V)
        x = self.unit("expand_gcn", x, frames)
        for level, width in enumerate(card.widths):
            centre = self.every(width, x)
            x = self.unit(f"layers_tcngcn.{2 * level}", x, frames)
            x = self.unit(f"layers_tcngcn.{2 * level + 1}", x, frames, stride=width, residual=False)
            x = self.add("Add", centre, x)
            frames //= width
        self.head(x, card.joints)

    def folded(self, conv: str, norm: str) -> tuple[Array, Array]:
        """Weight and bias of a convolution followed by a batch norm."""
        scale, shift = self.norm(norm)
        weight = self.arrays[f"{conv}.weight"] * scale[:, None, None, None]
        return weight, self.arrays[f"{conv}.bias"] * scale + shift

    def conv(self, x: str, weight: Array, bias: Array, stride: int = 1) -> str:
        kernel = weight.shape[2]
        pads = [kernel // 2, 0, kernel // 2, 0]
        constants = (self.constant(weight), self.constant(bias))
        return self.add("Conv", x, *constants, kernel_shape=[kernel, 1], strides=[stride, 1], pads=pads)

    def every(self, width: int, x: str) -> str:
        """x[:, :, width // 2 :: width]"""
        end = np.iinfo(np.int64).max
        return self.add("Slice", x, self.ints(width // 2), self.ints(end), self.ints(2), self.ints(width))

    def unit(self, name: str, x: str, frames: int, stride: int = 1, residual: bool = True) -> str:
        y = self.conv(self.graph_conv(f"{name}.gcn1", x, frames),
                      *self.folded(f"{name}.tcn1.conv", f"{name}.tcn1.bn"), stride)  # fmt: skip
        if f"{name}.residual.conv.weight" in self.arrays:
            x = self.conv(x, *self.folded(f"{name}.residual.conv", f"{name}.residual.bn"), stride)
        return self.add("Relu", self.add("Add", y, x) if residual else y)

    def graph_conv(self, name: str, x: str, frames: int) -> str:
        """`gcn1`: (B, Cin, T, V) -> (B, C, T, V)."""
        graph = self.similarity(name, x, frames)  # (B, 3, V, V)
        joints, inputs = self.arrays[f"{name}.PA"].shape[-1], self.arrays[f"{name}.conv_a.0.weight"].shape[1]
        mixed = self.add("MatMul", self.reshape(x, (0, 1, inputs * frames, joints)), graph)
        mixed = self.reshape(mixed, (0, 3 * inputs, frames, joints))
        scale, shift = self.norm(f"{name}.bn")
        weight = np.concatenate([self.arrays[f"{name}.conv_d.{i}.weight"] for i in range(3)], 1)
        weight = weight * scale[:, None, None, None]
        bias = sum(self.arrays[f"{name}.conv_d.{i}.bias"] for i in range(3)) * scale + shift
        if f"{name}.down.0.weight" not in self.arrays:
            return self.add("Relu", self.add("Add", self.conv(mixed, weight, bias), x))
        down_weight, down_bias = self.folded(f"{name}.down.0", f"{name}.down.1")
        both = self.add("Concat", mixed, x, axis=1)
        return self.add("Relu", self.conv(both, np.concatenate((weight, down_weight), 1), bias + down_bias))

    def similarity(self, name: str, x: str, frames: int) -> str:
        """The three graphs, (B, 3, V, V): softmax over rows of the window's similarity, plus skeleton and learned."""
        theta, phi = ([self.arrays[f"{name}.conv_{kind}.{i}.{part}"] for i in range(3) for part in ("weight", "bias")]
                      for kind in "ab")  # fmt: skip
        embedding, joints = theta[0].shape[0], self.arrays[f"{name}.PA"].shape[-1]
        scale = 1 / (embedding * frames)
        weight = np.concatenate([*(value * scale for value in theta[::2]), *phi[::2]])
        bias = np.concatenate([*(value * scale for value in theta[1::2]), *phi[1::2]])
        both = self.reshape(self.conv(x, weight, bias), (0, 6, embedding * frames, joints))
        theta_x, phi_x = self.split(both, (3, 3), axis=1)
        rows = self.add("Transpose", theta_x, perm=[0, 1, 3, 2])
        graph = self.add("Softmax", self.add("MatMul", rows, phi_x), axis=2)
        return self.add("Add", graph, self.constant(skeleton_graphs(joints) + self.arrays[f"{name}.PA"]))

    def head(self, x: str, joints: int) -> None:
        """(B, C, 1, V) -> `pose` (B, 1, V, 3): each joint's own weights, the shared head's repeated."""
        weight, bias = self.arrays["fc.weight"], self.arrays["fc.bias"]
        if bias.ndim == 1:
            weight, bias = np.tile(weight[:, :, 0], (joints, 1, 1)), np.tile(bias, (joints, 1))
        y = self.add("Transpose", x, perm=[0, 2, 3, 1])  # (B, 1, V, C)
        y = self.add("Unsqueeze", y, self.ints(3))
        y = self.add("MatMul", y, self.constant(weight.transpose(0, 2, 1)))  # (B, 1, V, 1, 3)
        y = self.add("Squeeze", y, self.ints(3))
        self.add("Add", y, self.constant(bias), output="pose")
