"""`realtime bench stream`: options alone; what measures is realtime/bench/measure_stream.py."""

from __future__ import annotations

import json
import sys


def bench_stream(
    seconds: float = 10.0, rounds: int = 3, rate_hz: float = 60.0, subscribers: int = 50, stalled: int = 10,
    pause_s: float = 10.0,
) -> None:  # fmt: skip
    """Measure encoding, latency, one subscriber against many of which some never read, and a reader that pauses.

    Ratios are those of many to one on a machine that is as busy, and to one alone.
    Example: realtime bench stream --seconds 10 --rounds 3
    """
    from realtime.bench.measure_stream import measure

    result = measure(seconds, rounds, rate_hz, subscribers, stalled, pause_s)
    for name, value in result.items():
        sys.stderr.write(f"{name:32} {value}\n")
    sys.stdout.write(json.dumps(result) + "\n")
