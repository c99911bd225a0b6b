"""A lifter that fails at its first frame."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from engines.lifting.load_lifter import load_lifter
from engines.lifting.taps import TapMemory
from realtime.config import LifterConfig
from realtime.pipeline import load


def test_a_plan_that_fails_at_its_first_frame_gives_way_to_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, str]] = []
    link = cast(Any, SimpleNamespace(work=lambda state, event: told.append((state, event))))

    def loads(model: str, engine: str, *args: Any, **options: Any) -> Any:
        lifter = load_lifter(model, "onnxruntime")
        if engine == "tensorrt":
            lifter.engine = "tensorrt"

            def fail(*_: Any) -> None:
                raise RuntimeError("an illegal memory access was encountered")

            monkeypatch.setattr(lifter, "push", fail)
        return lifter

    monkeypatch.setattr(load, "load_lifter", loads)
    with load.load_working(LifterConfig(engine="tensorrt"), link) as lifter:
        assert lifter.engine == "onnxruntime"
    assert told[0][0] == "degraded"
    assert "illegal memory access" in told[0][1]


def test_memory_for_everybody_is_there_before_they_come(monkeypatch: pytest.MonkeyPatch) -> None:
    grown: list[int] = []
    grow = TapMemory.grow

    def watched(memory: TapMemory, capacity: int) -> None:
        grown.append(capacity)
        grow(memory, capacity)

    monkeypatch.setattr(TapMemory, "grow", watched)
    with load.load_working(LifterConfig(engine="onnxruntime"), cast(Any, None), people=2) as lifter:
        assert max(grown) >= 3
        grown.clear()
        streams = [lifter.open() for _ in range(3)]  # two, and one who comes before another has gone
        lifter.push(streams, np.zeros((3, 17, 2), np.float32), np.ones((3, 17), np.float32))
    assert not grown
