"""Numbers for the lifters' streams."""

from __future__ import annotations

from collections.abc import Sequence


class Slots:
    """Numbers for streams that come and go: the lowest free one first."""

    def __init__(self) -> None:
        self.used: set[int] = set()

    def take(self) -> int:
        slot = next(number for number in range(len(self.used) + 1) if number not in self.used)
        self.used.add(slot)
        return slot

    def free(self, slot: int) -> None:
        self.check([slot])
        self.used.remove(slot)

    def check(self, slots: Sequence[int]) -> None:
        unknown = set(slots) - self.used
        if unknown or len(set(slots)) != len(slots):
            raise ValueError(f"streams {sorted(slots)} must be open and named once each; open: {sorted(self.used)}")
