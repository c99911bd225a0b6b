"""Who is whom across cameras: each camera's people given to the people in the room, moment by moment."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np

from calibration.cameras.fuse import Fused, fuse
from calibration.lens.placed import PlacedCamera
from realtime.clock import NS_PER_S
from realtime.fusion.belief import Belief, misfit, root_covariance
from realtime.fusion.timeline import Sight
from realtime.tracking.assignment import NOBODY, assign

FORGOTTEN_NS = 3 * NS_PER_S  # unseen for longer, they come back as somebody else
_JOINS, _STAYS = 5.0, 20.0  # the worst misfit with which a camera's person becomes, or remains, one of the room's
_KNOWN = 3.0  # how much better fits who was this person a moment ago
_CONFIRMED = 4  # moments
_ALIKE = 12  # moments in a row after which two who fit are one
_MOST_FROM_ONE = 8


class RoomPeople:
    """The people in the room. Cameras are numbers, in the order of `placed`."""

    def __init__(self, placed: Sequence[PlacedCamera]) -> None:
        self._placed = list(placed)
        self._next = 0
        self.people: dict[int, Belief] = {}

    def see(self, at_ns: int, sights: Sequence[Sight]) -> dict[int, tuple[Fused, list[Sight]]]:
        """Of one moment: the fused pose of everybody seen, by their number, and by whom. Who is new is left out until
        they have been seen a few times."""
        self.people = {number: one for number, one in self.people.items() if at_ns - one.seen_ns <= FORGOTTEN_NS}
        seen: dict[int, list[Sight]] = {}
        ordered = sorted(sights, key=lambda sight: (-self._known(sight), sight.camera, sight.track_id))
        for _, group in groupby(sorted(ordered, key=lambda sight: sight.camera), key=lambda sight: sight.camera):
            for sight, number in self._given(at_ns, list(group)[:_MOST_FROM_ONE]):
                seen.setdefault(number, []).append(sight)
        results = {}
        for number, of in seen.items():
            fused = fuse([self._placed[sight.camera] for sight in of], [sight.seen for sight in of])
            self.people[number].update(fused, of, self._placed, at_ns)
            results[number] = fused, of
        self._merge(at_ns, set(results))
        return {number: result for number, result in results.items()
                if number in self.people and self.people[number].moments >= _CONFIRMED}  # fmt: skip

    def _known(self, sight: Sight) -> bool:
        return any(one.members.get(sight.camera) == sight.track_id for one in self.people.values())

    def _given(self, at_ns: int, sights: list[Sight]) -> list[tuple[Sight, int]]:
        """Each of one camera's people with their number; who fits nobody is new."""
        numbers = list(self.people)
        cost = [[self._cost(at_ns, sight, self.people[number]) for number in numbers] for sight in sights]
        columns = assign(cost, leave=_JOINS) if numbers and sights else [NOBODY] * len(sights)
        return [(sight, self._new(at_ns, sight) if column == NOBODY else numbers[column])
                for sight, column in zip(sights, columns, strict=True)]  # fmt: skip

    def _cost(self, at_ns: int, sight: Sight, belief: Belief) -> float:
        """Infinite where it cannot be; what fits best is least, and who was this person a moment ago before others."""
        worst = misfit(sight, self._placed[sight.camera], belief, at_ns)
        if belief.members.get(sight.camera) == sight.track_id:
            return max(worst - _KNOWN, 0.0) * _JOINS / _STAYS
        return worst if worst <= _JOINS else float("inf")

    def _new(self, at_ns: int, sight: Sight) -> int:
        number, self._next = self._next, self._next + 1
        placed = self._placed[sight.camera]
        self.people[number] = Belief(
            number, placed.to_world(sight.seen.joints_m), sight.seen.sigma_m, root_covariance(sight, placed), at_ns,
            members={sight.camera: sight.track_id},
        )  # fmt: skip
        return number

    def _merge(self, at_ns: int, seen: set[int]) -> None:
        """Two whom different cameras see, and who fit each other for long enough, are the one who was there first."""
        for number in sorted(seen):
            for other in sorted(seen):
                if other <= number or number not in self.people or other not in self.people:
                    continue
                first, second = self.people[number], self.people[other]
                first.alike[other] = first.alike.get(other, 0) + 1 if self._fit(first, second, at_ns) else 0
                if first.alike[other] >= _ALIKE:
                    first.members.update(second.members)
                    del self.people[other]

    def _fit(self, first: Belief, second: Belief, at_ns: int) -> bool:
        now = {camera for camera in first.members if camera in second.members}
        if now or at_ns != first.seen_ns or at_ns != second.seen_ns:
            return False
        off_m = first.joints_m[0] - second.joints_m[0]
        hips = float(off_m @ np.linalg.solve(first.root_covariance + second.root_covariance, off_m)) / 3
        bodies = (first.joints_m - first.joints_m[0]) - (second.joints_m - second.joints_m[0])
        return hips + float(np.linalg.norm(bodies, axis=1).mean() / 0.2) ** 2 <= _JOINS
