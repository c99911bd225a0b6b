"""Whose clock is late by how much, learned while people move: one pair of cameras at a time, now and then."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from calibration.cameras.time_offsets import Offset, offset_by_rays, offsets_of
from calibration.cameras.watched import Watched
from calibration.lens.placed import PlacedCamera
from realtime.clock import NS_PER_S
from realtime.fusion.timeline import Sight

EVERY_NS = NS_PER_S  # one pair each time
_SPAN_NS = 10 * NS_PER_S
_LEAST_FRAMES = 45
_REACH_S, _NEAR_S = 0.5, 0.15  # at first, and once the offset is known
_KEPT = 7  # estimates of a pair, whose median counts
_SURE_S = 0.012  # an offset known no better than this is not used
_MOMENTS = 90

Frame = tuple[int, Sight]


class Clocks:
    """Fed with every camera's newest frame of a person; `offset_ns` is what is to be added to a camera's times."""

    def __init__(self, placed: Sequence[PlacedCamera]) -> None:
        self._placed = list(placed)
        self._seen: dict[tuple[int, int], deque[Frame]] = defaultdict(deque)  # (person, camera)
        self._pairs = list(combinations(range(len(placed)), 2))
        self._found: dict[tuple[int, int], deque[Offset]] = defaultdict(lambda: deque(maxlen=_KEPT))
        self._turn, self._due_ns = 0, 0
        self._offsets: list[Offset | None] = [Offset(0.0, 0.0), *[None] * (len(placed) - 1)]

    def offset_ns(self, camera: int) -> int:
        """0 while it is not known."""
        offset = self._offsets[camera]
        return 0 if offset is None or offset.sigma_s > _SURE_S else round(offset.seconds * NS_PER_S)

    @property
    def offsets(self) -> list[Offset | None]:
        """Of each camera against the first; None: not known (yet)."""
        return list(self._offsets)

    def note(self, person: int, captured_ns: int, sight: Sight) -> None:
        """A camera's own frame of a person, once each."""
        frames = self._seen[person, sight.camera]
        if frames and captured_ns <= frames[-1][0]:
            return
        frames.append((captured_ns, sight))
        while captured_ns - frames[0][0] > _SPAN_NS:
            frames.popleft()

    def look(self, now_ns: int) -> None:
        """Sometimes: the next pair that has seen the same person for long enough."""
        if now_ns < self._due_ns or not self._pairs:
            return
        self._due_ns = now_ns + EVERY_NS
        self._forget(now_ns)
        for _ in self._pairs:
            pair = self._pairs[self._turn % len(self._pairs)]
            self._turn += 1
            if self._measure(pair):
                break
        pairs = {pair: _middle(found) for pair, found in self._found.items() if found}
        self._offsets = offsets_of(pairs, len(self._placed))

    def _measure(self, pair: tuple[int, int]) -> bool:
        """Whether there was enough to look at."""
        both = [[person for person, camera in self._seen if camera == one] for one in pair]
        shared = set(both[0]) & set(both[1])
        best = max(shared, key=lambda person: min(len(self._seen[person, one]) for one in pair), default=None)
        if best is None or min(len(self._seen[best, one]) for one in pair) < _LEAST_FRAMES:
            return False
        first, second = (_watched(self._seen[best, one], self._seen[best, pair[0]][0][0]) for one in pair)
        known = self._found[pair]
        about_s = _middle(known).seconds if known else 0.0
        reach_s = _NEAR_S if len(known) > 1 else _REACH_S
        placed = self._placed[pair[0]], self._placed[pair[1]]
        found = offset_by_rays(placed, (first, second), reach_s, about_s, _MOMENTS)
        if found is None:
            if known:
                known.popleft()  # it may have been wrong: look further again
        elif found.sigma_s < 3 * _SURE_S:
            known.append(found)
        return True

    def _forget(self, now_ns: int) -> None:
        for key in [key for key, frames in self._seen.items() if not frames or now_ns - frames[-1][0] > _SPAN_NS]:
            del self._seen[key]


def _watched(frames: deque[Frame], zero_ns: int) -> Watched:
    seen = [sight.seen for _, sight in frames]
    return Watched(
        np.array([(at_ns - zero_ns) / NS_PER_S for at_ns, _ in frames]), np.stack([one.rays for one in seen]),
        np.stack([one.score for one in seen]), np.stack([one.joints_m for one in seen]),
    )  # fmt: skip


def _middle(found: Sequence[Offset]) -> Offset:
    """The median; its error that of the surest, as the frames of neighbours are the same."""
    return Offset(float(np.median([one.seconds for one in found])), min(one.sigma_s for one in found))
