"""The streaming model as ONNX graphs in its three forms, with batch norms, biases and residuals folded.

Step: `features` (B, V, F), `taps` (L, B, V, 2C) -> `pose` (B, K, V, 3), `sigma` (B, K, V), `activations` (L, B, V, C).
Window: `features` (B, 3^L, V, F) -> `pose`, `sigma` of the last frame.
Sequence: `features` (T, V, F) -> `pose`, `sigma` of every frame.
Axes as in engines.stream_gla_gcn.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.checkpoint import STREAM, ModelCard, find_model, load_arrays, write_aside
from engines.errors import UserError
from engines.graph import SUBSETS, skeleton_graphs
from engines.normalise import FEATURES
from engines.onnx_graph import GraphBuilder

SIGMA_SHIFT = 3.0  # as in StreamGLAGCN: sigma = exp(x - 3) m, clamped
SIGMA_RANGE_M = (0.002, 1.0)
FORMS = ("step", "window", "sequence")


def export_stream(model: str | Path, target: Path, form: str = "step") -> ModelCard:
    """Write the ONNX graph of a streaming model (name or path) in one of its FORMS; returns its card."""
    card, weights = find_model(model)
    if card.kind != STREAM:
        raise UserError(f"model {card.name} is {card.kind}: this exporter writes {STREAM}")
    data = stream_onnx(card, load_arrays(card, weights), form)
    write_aside(target, lambda aside: aside.write_bytes(data))
    return card


def stream_onnx(card: ModelCard, arrays: Mapping[str, NDArray[Any]], form: str = "step") -> bytes:
    """The serialised ONNX model of one of the FORMS."""
    graph = _StreamGraph(card, arrays)
    joints, heads = card.joints, len(card.lookaheads)
    frame: tuple[int | str, ...] = (joints, FEATURES)
    poses: dict[str, tuple[int | str, ...]] = {"pose": ("batch", heads, joints, 3), "sigma": ("batch", heads, joints)}
    if form == "step":
        graph.step()
        taps = (graph.levels, "batch", joints, 2 * card.channels)
        activations = (graph.levels, "batch", joints, card.channels)
        inputs = {"features": ("batch", *frame), "taps": taps}
        return graph.model(card.name, inputs, poses | {"activations": activations})
    if form == "window":
        graph.window()
        return graph.model(card.name, {"features": ("batch", card.frames, *frame)}, poses)
    if form == "sequence":
        graph.sequence()
        return graph.model(card.name, {"features": ("batch", *frame)}, poses)
    raise UserError(f"form {form!r} is unknown: choose one of {', '.join(FORMS)}")


class _StreamGraph(GraphBuilder):
    """Activations travel flat, (N * V, C): one row a joint of a frame."""

    def __init__(self, card: ModelCard, arrays: Mapping[str, NDArray[Any]]) -> None:
        super().__init__(arrays)
        self.card, self.joints, self.channels = card, card.joints, card.channels
        self.levels = sum(name.endswith("norm.running_mean") for name in arrays if name.startswith("temporal."))

    def step(self) -> None:
        mixes = [self.mix_weights(level) for level in range(self.levels)]
        # what the taps add does not wait for the frame: all levels in one batched product
        taps = self.reshape("taps", (self.levels, -1, 2 * self.channels))
        past = self.add("MatMul", taps, self.constant(np.stack([old for _, old, _ in mixes])))
        past = self.add("Add", past, self.constant(np.stack([shift[None] for _, _, shift in mixes])))
        pasts = self.split(past, [1] * self.levels, axis=0)
        x, activations = self.embed("features"), []
        for level, (now, _, _) in enumerate(mixes):
            x = self.graphs(level, x)
            activations.append(self.reshape(x, (1, -1, self.joints, self.channels)))
            x = self.add("Relu", self.add("Gemm", x, self.constant(now), self.rows(pasts[level])))
        self.add("Concat", *activations, output="activations", axis=0)
        self.heads(x)

    def window(self) -> None:
        x, frames = self.embed(self.reshape("features", (-1, self.joints, FEATURES))), self.card.frames
        for level in range(self.levels):
            now, old, shift = self.mix_weights(level)
            frames //= 3
            x = self.reshape(self.graphs(level, x), (-1, frames, 3, self.joints, self.channels))
            x = self.add("Transpose", x, perm=[0, 1, 3, 2, 4])
            x = self.reshape(x, (-1, 3 * self.channels))  # [t - 2d | t - d | t] of each joint
            weight = np.concatenate((old[self.channels :], old[: self.channels], now))
            x = self.add("Relu", self.add("Gemm", x, self.constant(weight), self.constant(shift)))
        self.heads(x)

    def sequence(self) -> None:
        x = self.embed("features")
        for level in range(self.levels):
            now, old, shift = self.mix_weights(level)
            x = self.graphs(level, x)
            rows = self.joints * 3**level
            first = self.add("Slice", x, self.ints(0), self.ints(self.joints), self.ints(0))
            before = self.add("Tile", first, self.ints(2 * 3**level, 1))
            padded = self.add("Concat", before, x, axis=0)
            end = np.iinfo(np.int64).max
            one = self.add("Slice", padded, self.ints(rows), self.ints(-rows), self.ints(0))
            two = self.add("Slice", padded, self.ints(0), self.ints(-2 * rows), self.ints(0))
            now_rows = self.add("Slice", padded, self.ints(2 * rows), self.ints(end), self.ints(0))
            taps = self.add("Concat", now_rows, one, two, axis=1)
            weight = np.concatenate((now, old))
            x = self.add("Relu", self.add("Gemm", taps, self.constant(weight), self.constant(shift)))
        self.heads(x)

    def rows(self, x: str) -> str:
        return self.reshape(x, (-1, self.channels))

    def embed(self, features: str) -> str:
        x = self.add("MatMul", features, self.constant(self.arrays["embed.weight"].T))
        return self.rows(self.add("Relu", self.add("Add", x, self.constant(self.arrays["joint_bias"]))))

    def graphs(self, level: int, x: str) -> str:
        return self.graph_conv(2 * level + 1, self.graph_conv(2 * level, x))

    def graph_conv(self, index: int, x: str) -> str:
        name = f"spatial.{index}"
        scale, shift = self.norm(f"{name}.norm")
        weight = self.arrays[f"{name}.weight"] * np.tile(scale, SUBSETS)
        theta, phi = self.arrays[f"{name}.theta"], self.arrays[f"{name}.phi"]
        wide, narrow, width = SUBSETS * self.channels, theta.shape[1], theta.shape[1] // SUBSETS
        graph = self.constant(self.fixed_graph(name))
        if narrow:
            weight = np.concatenate((weight, theta * max(width, 1) ** -0.5, phi), 1)
            z, theta_x, phi_x = self.split(self.add("MatMul", x, self.constant(weight)), (wide, narrow, narrow), axis=1)
            by_subset = (-1, self.joints, SUBSETS, width)
            keys = self.add("Transpose", self.reshape(theta_x, by_subset), perm=[0, 2, 3, 1])
            queries = self.add("Transpose", self.reshape(phi_x, by_subset), perm=[0, 2, 1, 3])
            similar = self.add("Softmax", self.add("MatMul", queries, keys), axis=-1)  # (N, I, U, V)
            similar = self.add("Transpose", similar, perm=[0, 2, 3, 1])
            graph = self.add("Add", self.reshape(similar, (-1, self.joints, self.joints * SUBSETS)), graph)
        else:
            z = self.add("MatMul", x, self.constant(weight))
        y = self.add("MatMul", graph, self.reshape(z, (-1, self.joints * SUBSETS, self.channels)))
        shifted = self.add("Add", x, self.constant(shift))
        return self.add("Relu", self.add("Add", shifted, self.rows(y)))

    def fixed_graph(self, name: str) -> NDArray[np.float32]:
        """(U, V * I): the skeleton's graphs and the learned ones."""
        graph = skeleton_graphs(self.joints).transpose(2, 1, 0) + self.arrays[f"{name}.learned_UVI"]
        return np.asarray(graph.reshape(self.joints, -1), np.float32)

    def mix_weights(self, level: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """For the current frame with the residual folded in (C, C), for the taps (2C, C), and the shift (C,)."""
        scale, shift = self.norm(f"temporal.{level}.norm")
        weight = self.arrays[f"temporal.{level}.weight"] * scale
        return weight[: self.channels] + np.eye(self.channels), weight[self.channels :], shift

    def heads(self, x: str) -> None:
        """Each joint's own weights, as one batched product; the hip's coordinates are zero by their weights."""
        count = len(self.card.lookaheads)
        weight = np.broadcast_to(self.arrays["head_weight"], (self.joints, self.channels, 4 * count))
        weight = weight.reshape(self.joints, self.channels, count, 4).copy()
        bias = self.arrays["head_bias"].reshape(self.joints, 1, count, 4).copy()
        weight[0, ..., :3] = 0
        bias[0, ..., :3] = 0
        bias[..., 3] -= SIGMA_SHIFT
        x = self.add("Transpose", self.reshape(x, (-1, self.joints, self.channels)), perm=[1, 0, 2])
        x = self.add("MatMul", x, self.constant(weight.reshape(self.joints, self.channels, -1)))
        x = self.add("Add", x, self.constant(bias.reshape(self.joints, 1, -1)))
        x = self.add("Transpose", self.reshape(x, (self.joints, -1, count, 4)), perm=[1, 2, 0, 3])
        pose, log_sigma = self.split(x, (3, 1), axis=3)
        self.add("Identity", pose, output="pose")
        low, high = (self.constant(np.array(np.log(end), np.float32)) for end in SIGMA_RANGE_M)
        log_sigma = self.add("Clip", self.add("Squeeze", log_sigma, self.ints(3)), low, high)
        self.add("Exp", log_sigma, output="sigma")
