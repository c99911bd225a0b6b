"""`--detector auto`: the largest pose detector that keeps up here, measured on the demo clip before the session."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from statistics import median

from engines.errors import UserError
from realtime.config import AUTO, DETECTOR_SIZES, RunConfig

USUAL_FPS = 30.0  # of a source that was not asked for another rate
SHARE = 0.8  # of the time between frames: decoding, lifting and sending want the processor too
_FRAMES, _FIRST = 16, 4  # measured, after those in which the networks warm up and find the person

log = logging.getLogger("realtime.run")


def with_detector(config: RunConfig) -> RunConfig:
    """With a size in place of auto; what was measured is said. Raises UserError where nothing can be measured."""
    if config.detector.size != AUTO:
        return config
    from realtime.assets.fetch import fetch

    for name in ("demo", "pose-full", "pose-lite"):
        fetch(name)  # here, where a download's bar has the terminal to itself
    with contextlib.suppress(UserError):
        fetch("pose-heavy")  # which is left out where it cannot be had
    interval_ms = 1000 / (config.source.fps or config.source.file_fps or USUAL_FPS)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:  # MediaPipe stays out of this process
        try:
            size, measured = pool.submit(_choose_here, interval_ms).result()
        except BrokenProcessPool as error:
            raise UserError("the detectors cannot be measured: choose one with --detector lite|full|heavy") from error
    took = ", ".join(f"{name} {took_ms:.0f} ms" for name, took_ms in measured.items())
    log.info("detector %s, of %s a frame, %.0f ms between frames", size, took, interval_ms)
    return replace(config, detector=replace(config.detector, size=size))


def choose(interval_ms: float, measure: Callable[[str], float]) -> tuple[str, dict[str, float]]:
    """The largest size whose time fits in its share of the interval, the quickest where none does; and the times.

    `measure` gives a size's milliseconds a frame, and raises UserError for one that is not there. The middle one comes
    first: what it takes says which of its neighbours is still to be measured.
    """
    lite, full, heavy = DETECTOR_SIZES
    measured = {full: measure(full)}
    other = heavy if measured[full] <= SHARE * interval_ms else lite
    with contextlib.suppress(UserError):
        measured[other] = measure(other)
    known = [size for size in DETECTOR_SIZES if size in measured]
    fitting = [size for size in known if measured[size] <= SHARE * interval_ms]
    return (fitting[-1] if fitting else min(known, key=measured.__getitem__)), measured


def _choose_here(interval_ms: float) -> tuple[str, dict[str, float]]:
    from realtime.process.signals import leave_to_parent

    leave_to_parent()
    return choose(interval_ms, _measure)


def _measure(size: str) -> float:
    """Milliseconds of a frame of the demo clip, which shows people."""
    from realtime.clock import elapsed_ms, monotonic_ns
    from realtime.detectors.mediapipe_pose import Detector
    from realtime.sources.open_source import open_source

    took_ms: list[float] = []
    with open_source("demo", max_speed=True) as source, Detector(size) as detector:
        while len(took_ms) < _FIRST + _FRAMES and (frame := source.read(10.0)) is not None:
            begun_ns = monotonic_ns()
            detector.detect(frame)
            took_ms.append(elapsed_ms(begun_ns, monotonic_ns()))
    return median(took_ms[_FIRST:])
