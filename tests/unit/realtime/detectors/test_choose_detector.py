"""`--detector auto`: what a machine's speed chooses."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.errors import UserError
from realtime.assets.catalogue import ASSETS
from realtime.assets.fetch import cached
from realtime.config import DETECTOR_SIZES, DetectorConfig, RunConfig, SourceConfig
from realtime.detectors.choose_detector import SHARE, choose, with_detector


@pytest.mark.parametrize(
    ("times_ms", "chosen", "tried"),
    [
        ((8, 13, 25), "heavy", {"full", "heavy"}),
        ((8, 13, 40), "full", {"full", "heavy"}),
        ((20, 30, 90), "lite", {"full", "lite"}),
        ((60, 90, 300), "lite", {"full", "lite"}),  # none keeps up: the fastest
    ],
)
def test_the_largest_that_keeps_up(times_ms: tuple[float, ...], chosen: str, tried: set[str]) -> None:
    size, measured = choose(1000 / 30, dict(zip(DETECTOR_SIZES, times_ms, strict=True)).__getitem__)
    assert (size, set(measured)) == (chosen, tried)


@given(st.lists(st.floats(0.1, 500), min_size=3, max_size=3).map(sorted), st.floats(5, 100))
def test_whatever_the_machine_one_is_chosen_that_fits_if_any_does(times_ms: list[float], interval_ms: float) -> None:
    times = dict(zip(DETECTOR_SIZES, times_ms, strict=True))
    size, measured = choose(interval_ms, times.__getitem__)
    assert size in measured
    fits = [name for name in DETECTOR_SIZES if times[name] <= SHARE * interval_ms]
    assert size == (fits[-1] if fits else "lite")


def test_a_size_that_is_not_there_is_done_without() -> None:
    def measure(size: str) -> float:
        if size == "heavy":
            raise UserError("pose-heavy cannot be fetched")
        return 5.0

    assert choose(1000 / 30, measure) == ("full", {"full": 5.0})


def test_a_size_that_was_given_is_left_alone() -> None:
    config = RunConfig(detector=DetectorConfig("lite"))
    assert with_detector(config) is config


def test_on_this_machine_a_slow_source_gets_the_largest(caplog: pytest.LogCaptureFixture) -> None:
    if not all(cached(ASSETS[name]) for name in ("demo", "pose-lite", "pose-full", "pose-heavy")):
        pytest.skip("the detectors and the demo clip are not in the cache: realtime assets fetch")
    config = RunConfig(detector=DetectorConfig("auto"), source=SourceConfig(fps=0.05))  # 16 s a frame: any machine can
    with caplog.at_level("INFO", "realtime.run"):
        chosen = with_detector(config)
    assert chosen == replace(config, detector=replace(config.detector, size="heavy"))
    assert "detector heavy, of full" in caplog.text
