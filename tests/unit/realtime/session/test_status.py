"""The line that is current while a session runs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from realtime.process.stats import LifterStats, Load, ProducerStats
from realtime.session.child import Child
from realtime.session.processes import PROCESSES
from realtime.session.status import STAGE_TEXTS, line

LOAD = Load.now()


def test_what_matters_most_is_seen_on_a_narrow_terminal() -> None:
    children = {process.name: Child(process) for process in PROCESSES}
    recent_ms = dict.fromkeys(STAGE_TEXTS, 12.3)
    children["producer"].stats.append(ProducerStats(5000, 4000, 123, 29.9, 29.9, LOAD))
    children["lifter"].stats.append(
        LifterStats(4900, 3900, 4, 0, 29.9, 29.9, "onnxruntime", "stream-243", recent_ms, {}, LOAD)
    )
    said = line(cast(Any, SimpleNamespace(children=children, restarted=2)))
    assert said[:80].startswith("29.9 fps | dropped 127 | stream-243 on onnxruntime | restarts 2 | ")
    assert "total 12.3 ms" in said
