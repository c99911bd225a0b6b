"""Scenes in which the wall clock of a program is set: of a session, of a producer, of a server."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from realtime.chaos.faults import Fault, kill, wait
from realtime.chaos.place import Place
from realtime.chaos.programs import found, new_stream, program, run_words, serving
from realtime.chaos.set_clock import WallClock
from realtime.chaos.target import Target

_HOUR_S = 3600.0
_STEPS, _STEP_S, _APART_S = 20, 5.0, 0.1


@contextlib.contextmanager
def on_set_clock(folder: Path) -> Iterator[Place]:
    """What counts is when poses arrive here, whose clock is not set: they carry times of another."""
    stream = new_stream("clock")
    with WallClock(folder) as clock, program(
        *run_words("demo", stream), more_env=clock.env, log=folder / "clock.log"
    ) as popen:
        faults: dict[str, Fault] = {
            **_settings(clock),
            "an hour on, kill-lifter": partial(_set_and_kill, clock, _HOUR_S, "lifter"),
            "an hour back, kill-lifter": partial(_set_and_kill, clock, -_HOUR_S, "lifter"),
            "an hour back, kill-producer": partial(_set_and_kill, clock, -_HOUR_S, "producer"),
        }
        yield Place(found(stream, popen), stream, faults, by_arrival=True)


@contextlib.contextmanager
def on_producers_clock(folder: Path) -> Iterator[Place]:
    """Poses carry times of the server's clock, which is right: those of new pictures must be new by it."""
    with WallClock(folder) as clock, serving(folder, produce_env=clock.env) as door:
        yield Place(door.target, door.stream, _settings(clock))


@contextlib.contextmanager
def on_servers_clock(folder: Path) -> Iterator[Place]:
    with WallClock(folder) as clock, serving(folder, serve_env=clock.env) as door:
        yield Place(door.target, door.stream, _settings(clock), by_arrival=True)


def _settings(clock: WallClock) -> dict[str, Fault]:
    return {
        "an hour back": partial(_set, clock, -_HOUR_S), "two hours on": partial(_set, clock, 2 * _HOUR_S),
        "to and fro": partial(_to_and_fro, clock),
    }  # fmt: skip


def _set(clock: WallClock, seconds: float, _: Target, __: random.Random) -> None:
    clock.step(seconds)


def _to_and_fro(clock: WallClock, _: Target, rng: random.Random) -> None:
    """It is set again and again, and is right in the end."""
    steps_s = [rng.uniform(-_STEP_S, _STEP_S) for _ in range(_STEPS)]
    for step_s in [*steps_s, -sum(steps_s)]:
        clock.step(step_s)
        wait(_APART_S)


def _set_and_kill(clock: WallClock, seconds: float, name: str, target: Target, rng: random.Random) -> None:
    clock.step(seconds)
    kill(name, target, rng)
