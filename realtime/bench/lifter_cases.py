"""What `realtime bench lifter` times: lifters of both models, all pushed in turn within one run."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from engines.errors import UserError
from engines.lifting.load_lifter import load_lifter
from engines.lifting.poses import Lifter
from engines.models.card import PAPER, STREAM, ModelCard, find_model, save_model
from engines.models.receptive_field import head_offsets
from engines.models.skeleton import JOINTS

PAPER_CHANNELS = 96
ROUND_S = 0.03  # each case's share of a round
MAX_CALLS = 50
WARM_UP = 3
_WALK_FRAMES = 64


@dataclass(slots=True, eq=False)
class Case:
    """One lifter with `batch` streams; `call_s`: what its pushes took; `cpu_s`: their processor time."""

    model: str
    kind: str
    frames: int
    channels: int
    engine: str
    threads: int
    batch: int
    multiply_adds: int  # per frame of one stream
    state_bytes: int  # per stream
    lifter: Lifter
    streams: list[int]
    call_s: list[float] = field(default_factory=list)
    cpu_s: float = 0.0
    calls: int = 0

    def push(self, rays: np.ndarray, score: np.ndarray) -> None:
        at = self.calls % _WALK_FRAMES
        self.calls += 1
        self.lifter.push(self.streams, rays[at, : self.batch], score[: self.batch])

    def percentile_ms(self, q: float) -> float:
        """Per frame of one stream."""
        return float(np.percentile(self.call_s, q)) * 1e3 / self.batch

    def cpu_ms(self) -> float:
        """Processor time per frame of one stream, on average: waiting for other processes is not in it."""
        return self.cpu_s * 1e3 / len(self.call_s) / self.batch

    def gflops(self, q: float = 50) -> float:
        """At a percentile of the times."""
        return 2e-9 * self.multiply_adds * self.batch / float(np.percentile(self.call_s, q))


def stream_multiply_adds(card: ModelCard) -> int:
    """Multiply-adds of one step of one stream."""
    c, v, levels = card.channels, JOINTS, card.levels
    heads_read = len(head_offsets(card.lookaheads)) * c
    products = 2 if card.graph == "adaptive" else 1  # with the weights, and with the graphs (export/stream_layers.py)
    graph_conv = products * (3 * v * c * c + 3 * v * v * c)
    mix = 4 * v * c * c
    return v * card.features * c + levels * (2 * graph_conv + mix) + v * heads_read * 4 * len(card.lookaheads)


def models(folder: Path, paper_frames: list[int], channels: list[int]) -> Iterator[tuple[Path, ModelCard]]:
    """The shipped streaming model; others with random weights (they cost the same), written to `folder`."""
    card, shipped = find_model("default")
    yield shipped, card
    import torch

    from engines.models.gla_gcn import GLAGCN, parameter_count
    from engines.models.stream_gla_gcn import LOOKAHEADS, StreamConfig, StreamGLAGCN

    torch.manual_seed(0)
    for width in channels:
        if width != card.channels:
            module: torch.nn.Module = StreamGLAGCN(StreamConfig(channels=width))
            other = ModelCard(STREAM, f"stream-243-c{width}", 243, width, lookaheads=LOOKAHEADS)
            yield _written(module, other, folder)
    for frames in paper_frames:
        widths = (3,) * round(np.log(frames) / np.log(3))
        if not widths or math.prod(widths) != frames:
            raise UserError(f"the paper's model has no window of {frames} frames: give powers of 3, such as 27,81,243")
        module = GLAGCN(widths)
        paper = ModelCard(PAPER, f"gla-gcn-{frames}", frames, PAPER_CHANNELS, head="shared", widths=widths,
                          parameters=parameter_count(module))  # fmt: skip
        yield _written(module, paper, folder)


def _written(module: object, card: ModelCard, folder: Path) -> tuple[Path, ModelCard]:
    path = folder / f"{card.name}.safetensors"
    state = module.state_dict()  # type: ignore[attr-defined]
    return path, save_model({key: value.numpy() for key, value in state.items()}, card, path)


def open_case(path: Path, card: ModelCard, engine: str, threads: int, batch: int) -> Case:
    if card.kind == PAPER:
        from engines.models.gla_gcn import multiply_adds

        macs = multiply_adds(card.widths, card.channels)
    else:
        macs = stream_multiply_adds(card)
    lifter = load_lifter(path, engine, threads=threads)
    streams = [lifter.open() for _ in range(batch)]
    return Case(
        card.name, card.kind, card.frames, card.channels, engine, threads, batch, macs, lifter.state_bytes_per_stream,
        lifter, streams,
    )  # fmt: skip


def walk(batch: int) -> tuple[np.ndarray, np.ndarray]:
    """Rays (frames, batch, 17, 2) of wandering people, and scores (batch, 17)."""
    rng = np.random.default_rng(0)
    rays = rng.normal(0, 0.1, (1, batch, JOINTS, 2)) + np.cumsum(
        rng.normal(0, 0.003, (_WALK_FRAMES, batch, JOINTS, 2)), 0
    )
    return rays.astype(np.float32), np.ones((batch, JOINTS), np.float32)


def time_in_turn(cases: list[Case], rounds: int, progress: Callable[[], None]) -> None:
    """Every case a few calls in each round, so that what else the machine does hits all alike."""
    rays, score = walk(max(case.batch for case in cases))
    share: dict[int, int] = {}
    for case in cases:
        use_threads(case)
        for _ in range(WARM_UP):  # the first primes the streams, which costs as much as seven
            case.push(rays, score)
        start = time.perf_counter()
        for _ in range(WARM_UP):
            case.push(rays, score)
        share[id(case)] = int(np.clip(ROUND_S * WARM_UP / (time.perf_counter() - start), 1, MAX_CALLS))
    for _ in range(rounds):
        for case in cases:
            use_threads(case)
            cpu_start = time.process_time()
            for _ in range(share[id(case)]):
                start = time.perf_counter()
                case.push(rays, score)
                case.call_s.append(time.perf_counter() - start)
            case.cpu_s += time.process_time() - cpu_start
        progress()


def use_threads(case: Case) -> None:
    """torch's thread count is the process's, not the lifter's."""
    if case.engine == "torch":
        import torch

        torch.set_num_threads(case.threads)


def resident_growth_bytes(lifter: Lifter, steps: int, progress: Callable[[int], None]) -> int:
    """How much the process grew over `steps` pushes of one stream, after a tenth as many to settle."""
    import psutil

    process = psutil.Process()
    stream = lifter.open()
    rays, score = walk(1)
    before = 0
    for step in range(steps + steps // 10):
        if step == steps // 10:
            before = process.memory_info().rss
        lifter.push([stream], rays[step % _WALK_FRAMES], score)
        if step % 1000 == 0:
            progress(step)
    lifter.close(stream)
    return int(process.memory_info().rss - before)
