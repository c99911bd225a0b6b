"""What can be plotted: each panel's lines with their units, as numbers; how they look is figure.py's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engines.evaluation.joint_angles import CORNERS, corner_angles
from engines.models.skeleton import JOINT_NAMES, LEFT, RIGHT
from realtime.plot.quantities import bone_lengths_m, heights_m, speeds_m_s
from realtime.plot.recording import Double, Track

# By the joint that each ends in.
_BONES = {"knee": "thigh", "ankle": "shin", "elbow": "upper arm", "wrist": "forearm"}
SIDES = ("left", "right", "middle")


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    name: str  # of the joint or bone, without its side
    side: int  # index of SIDES
    values: Double  # (T,)


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    title: str
    unit: str
    note: str  # what the values are against; "" where that goes without saying
    lines: tuple[Line, ...]
    from_zero: bool = True


def heights(track: Track, space: str) -> Iterator[Panel]:
    joints = _joints("head", "wrist", "hip", "knee", "ankle")
    values, above = heights_m(track, space, joints)
    yield Panel("Height", "m", f"above {above}", _lines(joints, values), from_zero=False)


def speeds(track: Track, _space: str) -> Iterator[Panel]:
    joints = _joints("wrist", "hip", "ankle")
    values, against = speeds_m_s(track, joints)
    yield Panel("Speed", "m/s", against, _lines(joints, values))


def angles(track: Track, _space: str) -> Iterator[Panel]:
    both = corner_angles(track.joints_m)
    away = ~np.isfinite(track.joints_m).all((1, 2))
    for title, names in (("Leg angles", ("hip", "knee")), ("Arm angles", ("shoulder", "elbow"))):
        lines = []
        for name in names:
            for column, corner in enumerate(CORNERS[name]):
                values = np.where(away, np.nan, both[name][:, column])
                lines.append(Line(name, _side(corner[-1]), values))
        lines.sort(key=lambda line: (names.index(line.name), line.side))
        yield Panel(title, "degrees", "180 is straight", tuple(lines), from_zero=False)


def bones(track: Track, _space: str) -> Iterator[Panel]:
    joints = _joints(*_BONES)
    yield Panel("Bone length", "cm", "", _lines(joints, 100 * bone_lengths_m(track, joints), _BONES))


def sigma(track: Track, _space: str) -> Iterator[Panel]:
    joints = _joints("head", "wrist", "ankle")
    sigma_mm = 1000 * track.sigma_m
    lines = (*_lines(joints, sigma_mm[:, joints]), Line("all joints, mean", SIDES.index("middle"), sigma_mm.mean(1)))
    yield Panel("Joint error", "mm", "1 sigma, as published", lines)
    if np.isfinite(track.root_sigma_m).any():
        root = Line("root, along the view", SIDES.index("middle"), 1000 * track.root_sigma_m)
        yield Panel("Root error", "mm", "1 sigma, as published", (root,))


PANELS: dict[str, Callable[[Track, str], Iterator[Panel]]] = {
    "heights": heights, "speeds": speeds, "angles": angles, "bones": bones, "sigma": sigma,
}  # fmt: skip


def _joints(*names: str) -> list[int]:
    """The joints of these names; of both sides where the name alone is none of them ("hip" is the middle one)."""
    found = []
    for name in names:
        wanted = (name,) if name in JOINT_NAMES else (f"left_{name}", f"right_{name}")
        found += [JOINT_NAMES.index(one) for one in wanted]
    return found


def _lines(joints: Sequence[int], values: Double, names: Mapping[str, str] | None = None) -> tuple[Line, ...]:
    """A line for each joint's column of `values` (T, J), under the joint's name or what `names` makes of it."""
    whole = [JOINT_NAMES[joint].removeprefix("left_").removeprefix("right_") for joint in joints]
    called = [names[name] if names else name for name in whole]
    return tuple(
        Line(name, _side(joint), values[:, at]) for at, (joint, name) in enumerate(zip(joints, called, strict=True))
    )


def _side(joint: int) -> int:
    return 0 if joint in LEFT else 1 if joint in RIGHT else 2
