"""The streaming model as ONNX graphs in its forms (engines.export.stream_layers has the layers).

Step: `features` (B, V, F), `taps` (R, B, V, 2C) -> `pose` (B, K, V, 3), `sigma` (B, K, V), `activations` (R, B, V, C).
Rows: as step, with each row of taps and activations by itself and flat: `taps_0` (B * V, 2C) and so on ->
`activations_0` (B * V, C) and so on; nothing is split or put together, which takes a CPU a tenth of a step.
Chunk: as step, its batch being up to CHUNK_FRAMES successive frames of one stream; `taps` hold what lies before the
chunk and zeros for what lies in it.
Newest: the chunk's newest frame alone, look-ahead 0: `features`, `taps` as the chunk's -> `pose` (1, 1, V, 3), `sigma`.
Window: `features` (B, `window_frames`, V, F) -> `pose`, `sigma` of the last frame.
Sequence: `features` (T, V, F) -> `pose`, `sigma` of every frame.
Axes as in engines.models.stream_gla_gcn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.errors import UserError
from engines.export.stream_layers import StreamLayers
from engines.models.card import ModelCard
from engines.models.receptive_field import CHUNK_FRAMES, level_spans, needed_frames, tap_places, tap_spans

FORMS = ("step", "rows", "chunk", "newest", "window", "sequence")


def stream_onnx(card: ModelCard, arrays: Mapping[str, NDArray[Any]], form: str = "step") -> bytes:
    """The serialised ONNX model of one of the FORMS."""
    graph = _StreamGraph(card, arrays)
    joints, heads = card.joints, len(card.lookaheads)
    frame: tuple[int | str, ...] = (joints, card.features)
    poses: dict[str, tuple[int | str, ...]] = {"pose": ("batch", heads, joints, 3), "sigma": ("batch", heads, joints)}
    rows = len(tap_spans(card.levels, card.lookaheads))
    inputs = {"features": ("batch", *frame), "taps": (rows, "batch", joints, 2 * card.channels)}
    if form == "newest":
        graph.newest()
        return graph.model(card.name, inputs, {"pose": (1, 1, joints, 3), "sigma": (1, 1, joints)})
    if form == "rows":
        graph.rows()
        inputs = {"features": inputs["features"], **{f"taps_{row}": ("rows", 2 * card.channels) for row in range(rows)}}
        return graph.model(card.name, inputs, poses | {f"activations_{row}": ("rows", card.channels)
                                                       for row in range(rows)})  # fmt: skip
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


class _StreamGraph(StreamLayers):
    """One method a form."""

    def step(self) -> None:
        x, activations, wobble = self.steps(self.tap_rows())
        self.stack(activations)
        self.heads(x, wobble)

    def rows(self) -> None:
        names = [f"taps_{row}" for row in range(len(tap_spans(self.levels, self.card.lookaheads)))]
        x, activations, wobble = self.steps(names)
        self.heads(x, wobble)
        for row, activation in enumerate(activations):
            name = f"activations_{row}"
            if activation in activations[:row]:  # the last level's, once more for the heads' further taps
                self.add("Identity", f"activations_{activations.index(activation)}", output=name)
            else:
                self.rename(activation, name)

    def steps(self, taps: Sequence[str]) -> tuple[str, list[str], str]:
        """What the heads read, each row's activations, and the wobble."""
        wobble = self.wobble("features")
        x, activations = self.embed("features"), list[str]()
        for level in range(self.levels):
            x = self.graphs(level, x)
            activations.append(x)
            x = self.mix(level, x, taps[level], wobble)
        if len(self.offsets) > 1:
            activations += 2 * [x]
            x = self.beside_heads_taps(x, *taps[-2:])
        return x, activations, wobble

    def chunk(self) -> None:
        """Level by level, since a level's graphs need no past: a tap is what was kept, or what the chunk has itself."""
        spans = tap_spans(self.levels, self.card.lookaheads)
        taps, wobble = self.tap_rows(), self.wobble("features")
        x, activations = self.embed("features"), []
        for level in range(self.levels):
            x = self.graphs(level, x)
            activations.append(x)
            x = self.mix(level, x, self.tapped(x, taps[level], spans[level]), wobble)
        if len(self.offsets) > 1:
            activations += 2 * [x]
            near, far = (self.tapped(x, tap, span) for tap, span in zip(taps[-2:], spans[-2:], strict=True))
            x = self.beside_heads_taps(x, near, far)
        self.stack(activations)
        self.heads(x, wobble)

    def newest(self) -> None:
        """Of each level only the frames that the newest one's pose depends on, the newest first: those a chunk has at
        steps of the level's span. A level with its taps before the chunk has one."""
        taps, features = self.split_taps(), self.backwards("features", 0, 1)
        x, wobble = self.embed(features), self.wobble(features)
        for level, span in enumerate(level_spans(self.levels)):
            x = self.graphs(level, x)
            past = self.reshape(self.backwards(taps[level], 1, span), (-1, 2 * self.channels))
            if span < CHUNK_FRAMES:
                past = self.add("Add", past, self.add("Concat", self.earlier(x, 1), self.earlier(x, 2), axis=1))
                x, past = (self.third_frames(rows, width) for rows, width in ((x, 1), (past, 2)))
            x = self.mix(level, x, past, self.every(wobble, min(3 * span, CHUNK_FRAMES)))
        self.heads(x, self.every(wobble, CHUNK_FRAMES), newest=True)

    def third_frames(self, x: str, width: int) -> str:
        """Every third frame of x (N * V, width * C)."""
        frames = self.reshape(x, (-1, self.joints, width * self.channels))
        return self.reshape(self.every(frames, 3), (-1, width * self.channels))

    def every(self, x: str, frames: int) -> str:
        last = np.iinfo(np.int64).max
        return self.add("Slice", x, self.ints(0), self.ints(last), self.ints(0), self.ints(frames))

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
        features, frames = self.reshape("features", (-1, self.joints, self.card.features)), self.card.window_frames
        x, wobble = self.embed(features), self.reshape(self.wobble(features), (-1, frames, 1, 1))
        spans = level_spans(self.levels)
        needed = needed_frames(spans, self.card.lookaheads, frames, outputs=1)
        for level in range(self.levels):
            x = self.reshape(self.graphs(level, x), (-1, len(needed[level]), self.joints, self.channels))
            now, *past = tap_places(needed[level], needed[level + 1], [back * spans[level] for back in (0, 1, 2)])
            x = self.mix(level, self.beside(x, [now]), self.beside(x, past), self.at(wobble, needed[level + 1]))
        x = self.reshape(x, (-1, len(needed[-1]), self.joints, self.channels))
        self.heads(self.beside(x, tap_places(needed[-1], [frames - 1], self.offsets)), self.at(wobble, [frames - 1]))

    def at(self, wobble: str, frames: Sequence[int]) -> str:
        """Of these frames of wobble (B, T, 1, 1): (N, 1, 1)."""
        return self.reshape(self.add("Gather", wobble, self.ints(*frames), axis=1), (-1, 1, 1))

    def beside(self, x: str, taps: list[list[int]]) -> str:
        """Frames (B, T, V, C) -> each joint's taps side by side, (B * T' * V, taps * C): taps[i] are T' frames."""
        x = self.add("Gather", x, self.constant(np.array(taps, np.int64).T.reshape(-1)), axis=1)
        x = self.reshape(x, (-1, len(taps), self.joints, self.channels))
        return self.reshape(self.add("Transpose", x, perm=[0, 2, 1, 3]), (-1, len(taps) * self.channels))

    def sequence(self) -> None:
        x, wobble = self.embed("features"), self.wobble("features")
        for level in range(self.levels):
            x = self.graphs(level, x)
            x = self.mix(level, x, self.delayed(x, [back * 3**level for back in (1, 2)]), wobble)
        self.heads(self.delayed(x, self.offsets), wobble)

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
