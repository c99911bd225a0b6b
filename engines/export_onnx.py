"""The streaming model as ONNX graphs in its forms, with batch norms, biases and residuals folded.

Step: `features` (B, V, F), `taps` (R, B, V, 2C) -> `pose` (B, K, V, 3), `sigma` (B, K, V), `activations` (R, B, V, C).
Chunk: as step, its batch being up to CHUNK_FRAMES successive frames of one stream; `taps` hold what lies before the
chunk and zeros for what lies in it.
Newest: the chunk's newest frame alone, look-ahead 0: `features`, `taps` as the chunk's -> `pose` (1, 1, V, 3), `sigma`.
Window: `features` (B, `window_frames`, V, F) -> `pose`, `sigma` of the last frame.
Sequence: `features` (T, V, F) -> `pose`, `sigma` of every frame.
Axes as in engines.stream_gla_gcn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.checkpoint import STREAM, ModelCard, find_model, load_arrays, write_aside
from engines.errors import UserError
from engines.graph import SUBSETS, skeleton_graphs
from engines.normalise import FEATURES
from engines.onnx_graph import GraphBuilder
from engines.receptive_field import (
    CHUNK_FRAMES,
    head_offsets,
    head_reads,
    level_spans,
    needed_frames,
    tap_places,
    tap_spans,
)

SIGMA_SHIFT = 3.0  # as in StreamGLAGCN: sigma = exp(x - 3) m, clamped
SIGMA_RANGE_M = (0.002, 1.0)
FORMS = ("step", "chunk", "newest", "window", "sequence")


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
    rows = len(tap_spans(card.levels, card.lookaheads))
    inputs = {"features": ("batch", *frame), "taps": (rows, "batch", joints, 2 * card.channels)}
    if form == "newest":
        graph.newest()
        return graph.model(card.name, inputs, {"pose": (1, 1, joints, 3), "sigma": (1, 1, joints)})
    if form in ("step", "chunk"):
        (graph.step if form == "step" else graph.chunk)()
        activations = (rows, "batch", joints, card.channels)
        return graph.model(card.name, inputs, poses | {"activations": activations})
    if form == "window":
        graph.window()
        return graph.model(card.name, {"features": ("batch", card.window_frames, *frame)}, poses)
    if form == "sequence":
        graph.sequence()
        return graph.model(card.name, {"features": ("batch", *frame)}, poses)
    raise UserError(f"form {form!r} is unknown: choose one of {', '.join(FORMS)}")


class _StreamGraph(GraphBuilder):
    """Activations travel flat, (N * V, C): one row a joint of a frame."""

    def __init__(self, card: ModelCard, arrays: Mapping[str, NDArray[Any]]) -> None:
        super().__init__(arrays)
        self.card, self.joints, self.channels, self.levels = card, card.joints, card.channels, card.levels
        self.offsets = head_offsets(card.lookaheads)

    def step(self) -> None:
        taps = self.tap_rows()
        x, activations = self.embed("features"), []
        for level in range(self.levels):
            now, old, shift = self.mix_weights(level)
            past = self.add("Gemm", taps[level], self.constant(old), self.constant(shift))
            x = self.graphs(level, x)
            activations.append(x)
            x = self.add("Relu", self.add("Gemm", x, self.constant(now), past))
        if len(self.offsets) > 1:
            activations += 2 * [x]
            x = self.beside_heads_taps(x, *taps[-2:])
        self.stack(activations)
        self.heads(x)

    def chunk(self) -> None:
        """Level by level, since a level's graphs need no past: a tap is what was kept, or what the chunk has itself."""
        spans = tap_spans(self.levels, self.card.lookaheads)
        taps = self.tap_rows()
        x, activations = self.embed("features"), []
        for level in range(self.levels):
            now, old, shift = self.mix_weights(level)
            x = self.graphs(level, x)
            activations.append(x)
            x = self.add("Concat", x, self.tapped(x, taps[level], spans[level]), axis=1)
            x = self.add("Relu", self.add("Gemm", x, self.constant(np.concatenate((now, old))), self.constant(shift)))
        if len(self.offsets) > 1:
            activations += 2 * [x]
            near, far = (self.tapped(x, tap, span) for tap, span in zip(taps[-2:], spans[-2:], strict=True))
            x = self.beside_heads_taps(x, near, far)
        self.stack(activations)
        self.heads(x)

    def newest(self) -> None:
        """Of each level only the frames that the newest one's pose depends on, the newest first: those a chunk has at
        steps of the level's span. A level with its taps before the chunk has one."""
        taps = self.split_taps()
        x = self.embed(self.backwards("features", 0, 1))
        for level, span in enumerate(level_spans(self.levels)):
            now, old, shift = self.mix_weights(level)
            x = self.graphs(level, x)
            past = self.reshape(self.backwards(taps[level], 1, span), (-1, 2 * self.channels))
            if span < CHUNK_FRAMES:
                past = self.add("Add", past, self.add("Concat", self.earlier(x, 1), self.earlier(x, 2), axis=1))
            x = self.add("Concat", x, past, axis=1)
            if span < CHUNK_FRAMES:
                frames = self.reshape(x, (-1, self.joints, 3 * self.channels))
                last = np.iinfo(np.int64).max
                third = self.add("Slice", frames, self.ints(0), self.ints(last), self.ints(0), self.ints(3))
                x = self.reshape(third, (-1, 3 * self.channels))
            x = self.add("Relu", self.add("Gemm", x, self.constant(np.concatenate((now, old))), self.constant(shift)))
        self.heads(x, newest=True)

    def backwards(self, x: str, axis: int, step: int) -> str:
        """From the last on that axis to the first, every `step`-th."""
        first = np.iinfo(np.int64).min
        return self.add("Slice", x, self.ints(-1), self.ints(first), self.ints(axis), self.ints(-step))

    def earlier(self, x: str, frames: int) -> str:
        """x, the newest first, moved so many frames on, and zeros behind it; as long as it was."""
        rows = frames * self.joints
        padded = self.add("Concat", x, self.constant(np.zeros((rows, self.channels), np.float32)), axis=0)
        return self.add("Slice", padded, self.ints(rows), self.ints(np.iinfo(np.int64).max), self.ints(0))

    def tap_rows(self) -> list[str]:
        """Each row's taps, (N * V, 2C)."""
        return [self.reshape(row, (-1, 2 * self.channels)) for row in self.split_taps()]

    def split_taps(self) -> list[str]:
        """Each row's taps, (1, N, V, 2C)."""
        return self.split("taps", [1] * len(tap_spans(self.levels, self.card.lookaheads)), axis=0)

    def beside_heads_taps(self, x: str, near: str, far: str) -> str:
        """What the heads read: the last level's activations of now, of the near taps and of the further far one."""
        return self.add("Concat", x, near, self.split(far, (self.channels, self.channels), axis=1)[1], axis=1)

    def stack(self, activations: Sequence[str]) -> None:
        rows = [self.reshape(row, (1, -1, self.joints, self.channels)) for row in activations]
        self.add("Concat", *rows, output="activations", axis=0)

    def tapped(self, x: str, taps: str, span: int) -> str:
        """A row's taps (N * V, 2C) of every frame of a chunk with the activations x (N * V, C)."""
        if span >= CHUNK_FRAMES:
            return taps
        within = [self.later(x, back * span) for back in (1, 2)]
        return self.add("Add", taps, self.add("Concat", *within, axis=1))

    def later(self, x: str, frames: int) -> str:
        """x moved `frames` later, zeros before it, as long as it was."""
        rows = frames * self.joints
        padded = self.add("Concat", self.constant(np.zeros((rows, self.channels), np.float32)), x, axis=0)
        return self.add("Slice", padded, self.ints(0), self.ints(-rows), self.ints(0))

    def window(self) -> None:
        x, frames = self.embed(self.reshape("features", (-1, self.joints, FEATURES))), self.card.window_frames
        spans = level_spans(self.levels)
        needed = needed_frames(spans, self.card.lookaheads, frames, outputs=1)
        for level in range(self.levels):
            now, old, shift = self.mix_weights(level)
            x = self.reshape(self.graphs(level, x), (-1, len(needed[level]), self.joints, self.channels))
            taps = tap_places(needed[level], needed[level + 1], [back * spans[level] for back in (0, 1, 2)])
            x = self.beside(x, taps)
            x = self.add("Relu", self.add("Gemm", x, self.constant(np.concatenate((now, old))), self.constant(shift)))
        x = self.reshape(x, (-1, len(needed[-1]), self.joints, self.channels))
        self.heads(self.beside(x, tap_places(needed[-1], [frames - 1], self.offsets)))

    def beside(self, x: str, taps: list[list[int]]) -> str:
        """Frames (B, T, V, C) -> each joint's taps side by side, (B * T' * V, taps * C): taps[i] are T' frames."""
        x = self.add("Gather", x, self.constant(np.array(taps, np.int64).T.reshape(-1)), axis=1)
        x = self.reshape(x, (-1, len(taps), self.joints, self.channels))
        return self.reshape(self.add("Transpose", x, perm=[0, 2, 1, 3]), (-1, len(taps) * self.channels))

    def sequence(self) -> None:
        x = self.embed("features")
        for level in range(self.levels):
            now, old, shift = self.mix_weights(level)
            x = self.delayed(self.graphs(level, x), [back * 3**level for back in (0, 1, 2)])
            x = self.add("Relu", self.add("Gemm", x, self.constant(np.concatenate((now, old))), self.constant(shift)))
        self.heads(self.delayed(x, self.offsets))

    def delayed(self, x: str, offsets: Sequence[int]) -> str:
        """Each frame (T * V, C) beside those of `offsets` ago, the first repeated before it: (T * V, offsets * C)."""
        longest, rows = max(offsets) * self.joints, self.joints
        first = self.add("Slice", x, self.ints(0), self.ints(rows), self.ints(0))
        padded = self.add("Concat", self.add("Tile", first, self.ints(max(offsets), 1)), x, axis=0)
        ends = [-back * rows if back else np.iinfo(np.int64).max for back in offsets]
        parts = [
            self.add("Slice", padded, self.ints(longest - back * rows), self.ints(end), self.ints(0))
            for back, end in zip(offsets, ends, strict=True)
        ]
        return self.add("Concat", *parts, axis=1)

    def embed(self, features: str) -> str:
        x = self.add("MatMul", features, self.constant(self.arrays["embed.weight"].T))
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

    def mix_weights(self, level: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """For the current frame with the residual folded in (C, C), for the taps (2C, C), and the shift (C,)."""
        scale, shift = self.norm(f"temporal.{level}.norm")
        weight = self.arrays[f"temporal.{level}.weight"] * scale
        return weight[: self.channels] + np.eye(self.channels), weight[self.channels :], shift

    def heads(self, x: str, *, newest: bool = False) -> None:
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
        log_sigma = self.add("Clip", self.add("Squeeze", log_sigma, self.ints(3)), low, high)
        self.add("Exp", log_sigma, output="sigma")
