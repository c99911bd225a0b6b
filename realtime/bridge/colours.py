"""The colours of a figure elsewhere: the person's left, right and middle, and grey where a pose is only held."""

from __future__ import annotations

from engines.models.skeleton import LEFT, PARENTS, RIGHT

Rgb = tuple[float, float, float]  # 0 to 1
BONES = tuple((parent, joint) for joint, parent in enumerate(PARENTS) if parent >= 0)
MIDDLE_RGB: Rgb = (0.75, 0.78, 0.82)
_LEFT_RGB: Rgb = (0.98, 0.47, 0.2)
_RIGHT_RGB: Rgb = (0.16, 0.5, 0.93)
_HELD_RGB: Rgb = (0.5, 0.5, 0.5)


def joint_rgb(joint: int, held: bool) -> Rgb:
    if held:
        return _HELD_RGB
    return _LEFT_RGB if joint in LEFT else _RIGHT_RGB if joint in RIGHT else MIDDLE_RGB
