"""How many workers the load asks for: what autoscaling follows, here or elsewhere (`/metrics`)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

FULL = 0.8  # of the places taken, beyond which another worker is wanted
BUSY = 0.7  # of the time at work, likewise


def workers_wanted(workers: Sequence[Mapping[str, Any]]) -> int:
    """By places and by time at work, whichever asks for more; never none. `workers`: each one's `streams`, `limit` and
    `busy` (part of the time), as the directory tells of them."""
    if not workers:
        return 1
    limit = sum(worker["limit"] for worker in workers) / len(workers)
    by_places = sum(worker["streams"] for worker in workers) / (FULL * limit)
    by_time = sum(worker["busy"] for worker in workers) / BUSY
    return max(1, math.ceil(max(by_places, by_time)))
