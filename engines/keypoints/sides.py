"""Left and right, where a detector takes one for the other for a while: of the whole body, the legs or the arms.

A hidden Markov model of four states, legs swapped or not, arms swapped or not. What it sees is how well the joints
continue where they were, as named or with the sides exchanged, and whether hips and shoulders agree on where left is.
Where both sides are in one place, in a person who turns round, nothing speaks for a swap, and the detector is believed.
Detectors are right mostly, and soon right again: what goes on for longer than it was the other way is no swap, it was
the beginning that was swapped, and the detector is believed again.

In plain numbers: for 17 joints NumPy's calls take longer than that.
"""

from __future__ import annotations

import math
from typing import Final

from engines.models.normalise import Point
from engines.models.skeleton import FLIP

LEG_PAIRS, ARM_PAIRS = ((4, 1), (5, 2), (6, 3)), ((11, 14), (12, 15), (13, 16))
LEGS, ARMS = (1, 2, 3, 4, 5, 6), (11, 12, 13, 14, 15, 16)
STATES = ((False, False), (True, True), (True, False), (False, True))  # legs swapped, arms swapped

BEGINS_PER_S = (0.3, 0.003, 0.003)  # swaps of all, of the legs, of the arms
ENDS_PER_S: Final = 1.5
PATIENCE_S: Final = 0.3  # how much longer a swap may last than it was right before; and no longer
MOST_CREDIT_S: Final = 2.0
HEAVY: Final = 2.0  # exponent of the tails: one joint gone astray does not decide, many do
STEP_M: Final = 0.06  # 1 sigma of a joint about where it is expected: at once, and for each second since
STEP_M_S: Final = 1.5
TWISTED: Final = 0.2  # how likely hips and shoulders disagree on where left is, beside one of them being swapped
TWIST_HASTE: Final = 4.0  # so much sooner the detector is believed where, put right, they disagree
WIDE_M: Final = 0.1  # hips and shoulders narrower than this in the picture do not tell
SECURE: Final = 0.02  # of doubt that is none: the chances of a swap that has not been seen


class Sides:
    """Of one person: what of the newest frame was swapped, and how much that is in doubt."""

    def __init__(self) -> None:
        self.legs_swapped = self.arms_swapped = False
        self.doubt = 0.0  # 0 to 1: the share of the likelihood that speaks for another state
        self._chances = [1.0, 0.0, 0.0, 0.0]
        self._twisted = False
        self._credit_s = [0.0, 0.0]  # of the legs, the arms: how long they were right, less how long swapped

    def push(self, rays: list[Point], seen: list[bool], expected: list[Point], scale: float, dt_s: float) -> None:
        """The next frame: rays (17, 2) as detected; `expected` (17, 2), the sides put right, NaN where not known;
        `scale` in rays a metre."""
        sigma = (STEP_M + STEP_M_S * dt_s) * scale
        legs = _continues(rays, seen, expected, LEG_PAIRS, sigma)
        arms = _continues(rays, seen, expected, ARM_PAIRS, sigma)
        twisted = _twisted(rays, seen, scale)
        # how likely it is with one part swapped, and with none or both
        odd = {None: (1.0, 1.0), True: (1.0, TWISTED), False: (TWISTED, 1.0)}[twisted]
        change = _changes(dt_s)
        chances = [
            sum(known * change[before][state] for before, known in enumerate(self._chances))
            * legs[of_legs] * arms[of_arms] * odd[of_legs == of_arms]
            for state, (of_legs, of_arms) in enumerate(STATES)
        ]  # fmt: skip
        total = sum(chances)
        if total > 0:  # else the frame fits nothing, and says nothing
            self._chances = [chance / total for chance in chances]
        likeliest = max(range(len(STATES)), key=self._chances.__getitem__)
        self.legs_swapped, self.arms_swapped = STATES[likeliest]
        self._twisted = twisted is not None and twisted ^ self.legs_swapped ^ self.arms_swapped
        self.doubt = max(1 - self._chances[likeliest] - SECURE, 0.0)

    def concede(self, dt_s: float) -> tuple[int, ...]:
        """The joints, of both sides, that the detector has named otherwise for so long that it is believed after all.

        None mostly. To be asked after each push; what is expected of these joints is to be exchanged.
        """
        given_up = []
        for part, swapped in enumerate((self.legs_swapped, self.arms_swapped)):
            passed_s = TWIST_HASTE * dt_s if self._twisted else dt_s
            credit_s = self._credit_s[part] + (-passed_s if swapped else dt_s)
            if credit_s < -PATIENCE_S:
                given_up.append(part)
                credit_s = 0.0
            self._credit_s[part] = min(credit_s, MOST_CREDIT_S)
        if given_up:
            self.legs_swapped = self.legs_swapped and 0 not in given_up
            self.arms_swapped = self.arms_swapped and 1 not in given_up
            right = STATES.index((self.legs_swapped, self.arms_swapped))
            self._chances = [float(state == right) for state in range(len(STATES))]
        return (*(LEGS if 0 in given_up else ()), *(ARMS if 1 in given_up else ()))

    def order(self) -> tuple[int, ...]:
        """The detector's joint to take for each of the 17."""
        swapped = (*(LEGS if self.legs_swapped else ()), *(ARMS if self.arms_swapped else ()))
        return tuple(FLIP[joint] if joint in swapped else joint for joint in range(len(FLIP)))


def _changes(dt_s: float) -> tuple[tuple[float, float, float, float], ...]:
    """The chances of going from a state, a row each, to another within `dt_s`."""
    whole, part, other = (min(rate * dt_s, 0.1) for rate in BEGINS_PER_S)
    ends = min(ENDS_PER_S * dt_s, 0.4)
    stays = 1 - ends - 2 * part
    return (
        (1 - whole - part - other, whole, part, other),
        (ends, stays, part, part), (ends, part, stays, part), (ends, part, part, stays),
    )  # fmt: skip


def _continues(
    rays: list[Point], seen: list[bool], expected: list[Point], pairs: tuple[tuple[int, int], ...], sigma: float
) -> tuple[float, float]:
    """How likely the joints' places are with the sides as named, and exchanged."""
    as_named = exchanged = 1.0
    for left, right in pairs:
        if seen[left] and seen[right] and math.isfinite(expected[left][0] + expected[right][0]):
            same = _square(rays[left], expected[left]) + _square(rays[right], expected[right])
            other = _square(rays[left], expected[right]) + _square(rays[right], expected[left])
            as_named *= 1 + same / (2 * sigma * sigma)
            exchanged *= 1 + other / (2 * sigma * sigma)
    return as_named**-HEAVY, exchanged**-HEAVY


def _twisted(rays: list[Point], seen: list[bool], scale: float) -> bool | None:
    """Whether hips and shoulders, as detected, disagree on where left is; None where they do not tell."""
    if not (seen[1] and seen[4] and seen[11] and seen[14]):
        return None
    hips, shoulders = rays[4][0] - rays[1][0], rays[11][0] - rays[14][0]
    return hips * shoulders < 0 if min(abs(hips), abs(shoulders)) > WIDE_M * scale else None


def _square(one: Point, other: Point) -> float:
    x, y = one[0] - other[0], one[1] - other[1]
    return x * x + y * y
