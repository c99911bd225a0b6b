"""BVH motion capture: a clip's joints as the 17 of this project, and any skeleton's joint positions.

A parser of its own: `bvhio` (MIT, alive) reads the same files to the same positions (within 1e-4 cm), but frame by
frame, five times slower, and pins one exact version of a compiled dependency.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engines.errors import UserError
from engines.motion.importers.kinematics import Double, Node, positions

Float = NDArray[np.float32]
# The names of right hip, knee, ankle, left hip, knee, ankle, spine, neck, head, left shoulder, elbow, wrist, right
# shoulder, elbow, wrist in the conversions of the CMU database for Daz and MotionBuilder.
NAMINGS: tuple[tuple[str, ...], ...] = (
    ("rThigh", "rShin", "rFoot", "lThigh", "lShin", "lFoot", "chest", "neck", "head",
     "lShldr", "lForeArm", "lHand", "rShldr", "rForeArm", "rHand"),
    ("RightUpLeg", "RightLeg", "RightFoot", "LeftUpLeg", "LeftLeg", "LeftFoot", "Spine1", "Neck", "Head",
     "LeftArm", "LeftForeArm", "LeftHand", "RightArm", "RightForeArm", "RightHand"),
)  # fmt: skip
NECK_M, HEAD_M = 0.10, 0.22
# MotionBuilder's conversions of the CMU database leave out the thorax: neck and shoulders sit on the bone's lower end,
# 117 mm too low. It is as long as the bone below it, measured on 02_01 against its AMC.
THORAX, THORAX_END, THORAX_LENGTH = "Spine1", "Spine1.end", 1.004
UNITS_M = (1.0, 0.01, 0.0254, 0.0254 / 0.45)
LEG_M = (0.5, 1.15)
REST_JUMP_M = 0.1  # conversions begin with a rest pose: then the second frame is a leap away


@dataclass(frozen=True, slots=True, eq=False)
class BvhClip:
    """Positions (T, 3) of each joint in the file's unit, y up; a leaf's end is `NAME.end`."""

    joints: dict[str, Double]
    rate_hz: float


def read_bvh(path: Path) -> BvhClip:
    """Raises UserError, naming the file, where it is not a BVH."""
    try:
        head, _, body = path.read_text(encoding="utf-8", errors="replace").partition("MOTION")
        nodes, tails = _hierarchy(head.split())
        rate_hz, values = _motion(body, sum(len(node.channels) for node in nodes))
    except (ValueError, IndexError, StopIteration) as error:
        raise UserError(f"{path} is not a whole BVH file ({error}): convert or download it again") from error
    edges = np.cumsum([0, *(len(node.channels) for node in nodes)])
    motion = {node.name: values[:, low:high] for node, (low, high) in zip(nodes, pairwise(edges), strict=True)}
    return BvhClip(positions(nodes, motion, tails | _left_out(nodes)), rate_hz)


def _left_out(nodes: list[Node]) -> dict[str, Double]:
    """The thorax's end, where neck and shoulders sit on its beginning."""
    below = next((node for node in nodes if node.name == THORAX), None)
    on_it = [node for node in nodes if node.parent == THORAX]
    length = 0.0 if below is None else float(np.linalg.norm(below.offset))
    if below is None or not on_it or max(np.linalg.norm(node.offset) for node in on_it) > 0.05 * length:
        return {}
    return {THORAX: THORAX_LENGTH * below.offset}


def _hierarchy(tokens: list[str]) -> tuple[list[Node], dict[str, Double]]:
    """Nodes in file order (that of the channels) and the offsets of the end sites by their node."""
    nodes: list[Node] = []
    tails: dict[str, Double] = {}
    stack: list[str] = []
    words = iter(tokens)
    for word in words:
        if word in ("ROOT", "JOINT"):
            nodes.append(Node(next(words), stack[-1] if stack else None, np.zeros(3)))
            opening = nodes[-1].name
        elif word == "End":
            next(words)
            opening = ""
        elif word == "{":
            stack.append(opening)
        elif word == "}":
            stack.pop()
        elif word == "OFFSET":
            offset = np.array([float(next(words)) for _ in range(3)])
            if stack[-1]:
                nodes[-1].offset = offset
            else:
                tails[stack[-2]] = offset
        elif word == "CHANNELS":
            nodes[-1].channels = tuple(next(words) for _ in range(int(next(words))))
    if not nodes:
        raise ValueError("no ROOT in it")
    return nodes, tails


def _motion(text: str, width: int) -> tuple[float, Double]:
    lines = text.split("\n", 3)
    frames, seconds = int(lines[1].split(":")[1]), float(lines[2].split(":")[1])
    values = np.array(lines[3].split(), np.float64)
    if values.size != frames * width:
        raise ValueError(f"{frames} frames of {width} numbers announced, {values.size} numbers found")
    return 1 / seconds, values.reshape(frames, width)


def bvh_joints(path: Path) -> tuple[Float, float]:
    """The clip as (T, 17, 3) metres, y up, and its rate. Raises UserError for a skeleton of unknown joint names.

    Hip and thorax are midway between the hips and the shoulders; neck and head lie 10 and 22 cm up the neck.
    """
    clip = read_bvh(path)
    names = next((names for names in NAMINGS if set(names) <= set(clip.joints)), None)
    if names is None:
        raise UserError(f"{path} has joints named {', '.join(list(clip.joints)[:6])} ...: no known naming of a BVH")
    joints = [clip.joints[name] for name in names]
    scale = _metres(path, joints)
    rhip, rknee, rankle, lhip, lknee, lankle, spine, neck, head, lsho, lelb, lwri, rsho, relb, rwri = (
        scale * joint for joint in joints
    )
    if THORAX_END in clip.joints:
        thorax = scale * (clip.joints[THORAX_END] - clip.joints[THORAX])
        neck, head, lsho, lelb, lwri, rsho, relb, rwri = (
            joint + thorax for joint in (neck, head, lsho, lelb, lwri, rsho, relb, rwri)
        )
    up = (head - neck) / np.linalg.norm(head - neck, axis=-1, keepdims=True)
    out = np.stack(
        ((rhip + lhip) / 2, rhip, rknee, rankle, lhip, lknee, lankle, spine, (lsho + rsho) / 2,
         neck + NECK_M * up, neck + HEAD_M * up, lsho, lelb, lwri, rsho, relb, rwri), 1,
    ).astype(np.float32)  # fmt: skip
    jump = len(out) > 1 and np.linalg.norm(out[1] - out[0], axis=-1).max() > REST_JUMP_M
    return out[1:] if jump else out, clip.rate_hz


def _metres(path: Path, joints: list[Double]) -> float:
    """Metres in the file's unit, which no BVH states: the one in which a leg is as long as a leg."""
    hip, knee, ankle = (joint[0] for joint in joints[:3])
    leg = float(np.linalg.norm(hip - knee) + np.linalg.norm(knee - ankle))
    for scale in UNITS_M:
        if LEG_M[0] <= leg * scale < LEG_M[1]:
            return scale
    raise UserError(f"{path} has legs of {leg:.3g} units: not metres, centimetres, inches or CMU units of a person")
