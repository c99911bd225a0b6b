"""Training's batches, each drawn from its place in the run alone: a run that is continued draws the same ones.

They can be drawn ahead by a process beside, so that the gradient does not wait for them.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from engines.motion.mocap import Bank, Float
from engines.training.config import TrainConfig
from engines.training.sampler import sample

AHEAD = 4  # batches


class Place(NamedTuple):
    """Of a batch: its stage, its step there and which of the step's draws it is."""

    stage: int
    step: int
    draw: int


Batch = tuple[Float, Float]  # features (B, S, 17, F), targets (B, S, 17, 3): engines.training.sampler
DrawBatch = Callable[[Place], Batch]


def draw_batch(config: TrainConfig, bank: Bank, place: Place) -> Batch:
    """The batch of a place: the same one whenever it is asked for."""
    rng = np.random.default_rng((config.seed, *place))
    stage = config.stages[place.stage]
    length = int(rng.choice(stage.lengths))
    return sample(rng, bank, max(stage.frames // length, 1), length, config.sampling, config.model.features)


@contextmanager
def drawn_ahead(config: TrainConfig, bank: Bank, stage: int, step: int) -> Iterator[DrawBatch]:
    """Batches in the order of a run that goes on at `step` of `stage`, drawn by another process meanwhile."""
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(1, context, initializer=_begin, initargs=(config, bank))
    coming = _places(config, stage, step)
    drawn: deque[tuple[Place, Future[Batch]]] = deque()

    def take(place: Place) -> Batch:
        while len(drawn) <= AHEAD and (then := next(coming, None)) is not None:
            drawn.append((then, pool.submit(_draw, then)))
        expected, batch = drawn.popleft()
        if expected != place:
            raise ValueError(f"batches are drawn in order: {expected} comes next, not {place}")
        return batch.result()

    try:
        yield take
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _places(config: TrainConfig, stage: int, step: int) -> Iterator[Place]:
    for number in range(stage, len(config.stages)):
        for at in range(step if number == stage else 0, config.stages[number].steps):
            for draw in range(config.stages[number].draws):
                yield Place(number, at, draw)


_run: tuple[TrainConfig, Bank]  # of this process, where it is the one beside


def _begin(config: TrainConfig, bank: Bank) -> None:
    global _run
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the trainer's to answer
    threading.Thread(target=_end_with_trainer, daemon=True).start()
    _run = config, bank


def _end_with_trainer() -> None:
    """A trainer that is killed tells nobody, and a pool waits for work for ever."""
    trainer = multiprocessing.parent_process()
    if trainer is not None:
        trainer.join()
        os._exit(0)


def _draw(place: Place) -> Batch:
    return draw_batch(*_run, place)
