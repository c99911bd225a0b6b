"""Whether pictures are fresh, by their content."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from realtime.clock import NS_PER_S
from realtime.sources import source_watch
from realtime.sources.source_watch import SourceWatch

DARK = np.full((480, 640, 3), 3, np.uint8)


class Clock:
    def __init__(self) -> None:
        self.now_ns = NS_PER_S

    def __call__(self) -> int:
        return self.now_ns


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(source_watch, "monotonic_ns", clock)
    return clock


@pytest.fixture
def told() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def watch(clock: Clock, told: list[tuple[str, str]]) -> SourceWatch:
    return SourceWatch(cast(Any, SimpleNamespace(work=lambda state, event: told.append((state, event)))))


def test_a_dark_still_room_is_not_frozen_but_one_picture_again_and_again_is(
    watch: SourceWatch, clock: Clock, told: list[tuple[str, str]]
) -> None:
    rng = np.random.default_rng(0)
    for _ in range(90):
        clock.now_ns += NS_PER_S // 30
        assert not watch.repeated(DARK + (rng.random(DARK.shape) < 0.001).astype(np.uint8), 30)
    assert told == []
    watch.repeated(DARK, 30)
    for _ in range(60):
        clock.now_ns += NS_PER_S // 30
        assert watch.repeated(DARK.copy(), 30)
    assert [state for state, _ in told] == ["frozen"]
    clock.now_ns += NS_PER_S // 30
    assert not watch.repeated(DARK + 1, 30)
    assert [state for state, _ in told] == ["frozen", "running"]


def test_a_picture_sent_twice_is_no_news_and_no_fault(
    watch: SourceWatch, clock: Clock, told: list[tuple[str, str]]
) -> None:
    for count in range(90):
        clock.now_ns += NS_PER_S // 30
        assert watch.repeated(DARK + count // 2, 30) == bool(count % 2)
    assert told == []


def test_a_picture_of_another_size_is_another_one(watch: SourceWatch) -> None:
    watch.repeated(np.zeros((480, 640, 3), np.uint8), 30)
    assert not watch.repeated(np.zeros((640, 480, 3), np.uint8), 30)


def test_a_source_under_half_its_rate_is_degraded(
    watch: SourceWatch, clock: Clock, told: list[tuple[str, str]]
) -> None:
    for count in range(40):
        clock.now_ns += NS_PER_S // 10
        watch.repeated(DARK + count, 30)
    assert [state for state, _ in told] == ["degraded"]
    for count in range(60):
        clock.now_ns += NS_PER_S // 25
        watch.repeated(DARK + 100 + count, 30)
    assert [state for state, _ in told] == ["degraded", "running"]


def test_silence_is_stalled_and_a_source_that_is_gone_reconnects(
    watch: SourceWatch, clock: Clock, told: list[tuple[str, str]]
) -> None:
    watch.repeated(DARK, 30)
    watch.silent("", reconnecting=False)
    assert told == []
    clock.now_ns += 2 * NS_PER_S
    watch.silent("", reconnecting=False)
    watch.silent("", reconnecting=True)
    watch.silent("camera 0 is gone", reconnecting=False)
    assert [state for state, _ in told] == ["stalled", "reconnecting", "reconnecting"]
    assert told[-1][1] == "camera 0 is gone"
    watch.repeated(DARK + 1, 30)
    assert told[-1][0] == "running"
