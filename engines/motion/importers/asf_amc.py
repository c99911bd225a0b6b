"""Acclaim ASF/AMC motion capture (the CMU database's own format): skeletons, and clips as joint positions.

Format: "Acclaim skeleton and motion files", M. Schafer, 1994. A bone's direction is in world axes at rest; its turns
are about the axes of its `axis` line, in fixed order x, y, z.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from engines.errors import UserError
from engines.models.skeleton import JOINTS
from engines.motion.importers.kinematics import Double, Node, positions

RATE_HZ = 120.0  # of the CMU database; the files do not say
METRES_PER_INCH = 0.0254
# Joint of the 17 -> the bone that starts there.
BONE_STARTS: dict[int, str] = {
    1: "rfemur", 2: "rtibia", 3: "rfoot", 4: "lfemur", 5: "ltibia", 6: "lfoot", 7: "thorax", 9: "head",
    11: "lhumerus", 12: "lradius", 13: "lwrist", 14: "rhumerus", 15: "rradius", 16: "rwrist",
}  # fmt: skip
Float = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Skeleton:
    """Nodes parents first, each at the start of its bone; `tails` where the bone ends; lengths in metres."""

    nodes: tuple[Node, ...]
    tails: dict[str, Double]
    metres: float  # of the files' unit of length


def read_asf(path: Path) -> Skeleton:
    """Raises UserError, naming the file, where it is not an ASF in degrees."""
    try:
        return _skeleton(_sections(path))
    except (ValueError, KeyError, IndexError, StopIteration) as error:
        raise UserError(f"{path} is not an ASF skeleton this can read ({error}): download it again") from error


def read_amc(path: Path, skeleton: Skeleton) -> dict[str, Double]:
    """Positions in metres, y up: of each bone's start under its name, of its end under `NAME.end`; each (T, 3)."""
    frames: list[dict[str, list[float]]] = []
    try:
        for words in _lines(path):
            if words[0].startswith(":"):
                continue
            if len(words) == 1:
                frames.append({})
            else:
                frames[-1][words[0]] = [float(word) for word in words[1:]]
        motion = {name: np.array([frame[name] for frame in frames]) for name in frames[0]}
        widths = {node.name: len(node.channels) for node in skeleton.nodes}
        for name, values in motion.items():
            if values.shape[1] != widths[name]:
                raise ValueError(f"{name} has {values.shape[1]} numbers, the skeleton {widths[name]}")
    except (ValueError, KeyError, IndexError) as error:
        raise UserError(f"{path} does not fit its ASF skeleton or is cut short ({error}): download both") from error
    return positions(skeleton.nodes, _ready(motion, skeleton), skeleton.tails)


def amc_joints(path: Path, skeleton: Skeleton) -> Float:
    """The clip as (T, 17, 3) metres, y up. Hip and thorax are midway between the hips and the shoulders."""
    at = read_amc(path, skeleton)
    try:
        joints = {joint: at[bone] for joint, bone in BONE_STARTS.items()}
        joints[10] = at["head.end"]
    except KeyError as error:
        raise UserError(f"{path}: the skeleton has no bone {error}, which CMU's have") from error
    joints[0], joints[8] = (joints[1] + joints[4]) / 2, (joints[11] + joints[14]) / 2
    return np.stack([joints[joint] for joint in range(JOINTS)], 1).astype(np.float32)


def _ready(motion: dict[str, Double], skeleton: Skeleton) -> dict[str, Double]:
    """Shifts in metres; turns about fixed x, y, z are those about turned z, y, x: columns reversed, as the channels."""
    out = {name: values[:, ::-1].copy() for name, values in motion.items()}
    for node in skeleton.nodes:
        shifts = [column for column, channel in enumerate(node.channels) if channel.endswith("position")]
        if shifts:
            out[node.name][:, shifts] *= skeleton.metres
    return out


def _lines(path: Path) -> Iterator[list[str]]:
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        words = line.split("#")[0].split()
        if words:
            yield words


def _sections(path: Path) -> dict[str, list[list[str]]]:
    sections: dict[str, list[list[str]]] = {}
    for words in _lines(path):
        if words[0].startswith(":"):
            current = sections.setdefault(words[0], [])
            words = words[1:]
        if words:
            current.append(words)
    return sections


def _skeleton(sections: dict[str, list[list[str]]]) -> Skeleton:
    units = {words[0]: words[1] for words in sections[":units"]}
    if units.get("angle", "deg") != "deg":
        raise ValueError("angles are not in degrees")
    metres = METRES_PER_INCH / float(units["length"])
    root = {words[0]: words[1:] for words in sections[":root"]}
    bones = {"root": Node("root", None, metres * np.array(root["position"], float), _channels(root["order"]))}
    tails: dict[str, Double] = {"root": np.zeros(3)}
    for bone in _bones(sections[":bonedata"]):
        name = bone["name"][0]
        x, y, z = (float(word) for word in bone["axis"][:3])
        frame = Rotation.from_euler("xyz", (x, y, z), degrees=True).as_matrix()
        bones[name] = Node(name, None, np.zeros(3), _channels(bone.get("dof", [])), frame)
        tails[name] = metres * float(bone["length"][0]) * np.array(bone["direction"][:3], float)
    order = ["root"]
    for words in sections[":hierarchy"]:
        for child in words[1:] if words[0] in bones else []:
            bones[child].parent, bones[child].offset = words[0], tails[words[0]]
            order.append(child)
    return Skeleton(tuple(bones[name] for name in order), tails, metres)


def _bones(lines: list[list[str]]) -> Iterator[dict[str, list[str]]]:
    bone: dict[str, list[str]] = {}
    for words in lines:
        if words[0] == "begin":
            bone = {}
        elif words[0] == "end":
            yield bone
        else:
            bone[words[0]] = words[1:]


def _channels(order: list[str]) -> tuple[str, ...]:
    """`TX RY` -> reversed, in BVH's words: see `_ready`."""
    kinds = {"t": "position", "r": "rotation"}
    return tuple(word[1].upper() + kinds[word[0].lower()] for word in reversed(order))
