"""Numbers for the lifters' streams, and how much of each has been seen."""

from __future__ import annotations

from collections.abc import Sequence


class Slots:
    """Numbers for streams that come and go: the lowest free one first."""

    def __init__(self) -> None:
        self.used: set[int] = set()
        # frames committed since the stream was primed; absent: it is primed at its next push
        self.seen: dict[int, int] = {}

    def take(self) -> int:
        slot = next(number for number in range(len(self.used) + 1) if number not in self.used)
        self.used.add(slot)
        self.seen.pop(slot, None)
        return slot

    def free(self, slot: int) -> None:
        self.check([slot])
        self.used.remove(slot)

    def reset(self, slot: int) -> None:
        """The stream starts anew."""
        self.check([slot])
        self.seen.pop(slot, None)

    def check(self, slots: Sequence[int]) -> None:
        unknown = set(slots) - self.used
        if unknown or len(set(slots)) != len(slots):
            raise ValueError(f"streams {sorted(slots)} must be open and named once each; open: {sorted(self.used)}")
