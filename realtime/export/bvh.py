"""BVH: y up, centimetres, rotations in the order z x y, every frame of the same length.

Written here: of the libraries that are alive, pybvh has no position channels below the root, and bvhio's writer wants
a tree whose every joint and frame is an object. Both read these files; so does Blender.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from realtime.export.even import even_times
from realtime.export.figure import Figure, figure_of
from realtime.export.recording import Track
from realtime.rig.nodes import NODES, TIPS_M
from realtime.rig.rotations import euler_zxy

Double = NDArray[np.float64]

CM = 100.0
CLOSE_M = 0.01  # no joint is further off, or the bones' lengths are written for each frame
_POSITIONS, _ROTATIONS = "Xposition Yposition Zposition", "Zrotation Xrotation Yrotation"


def write_bvh(track: Track, rate_hz: float, bones: str, path: Path) -> str:
    """`bones`: fixed, measured (every joint has position channels too), or auto. Returns what to tell of it."""
    figure = figure_of(track, even_times(track, rate_hz))
    moving = bones == "measured" or (bones == "auto" and float(figure.error_m.max()) > CLOSE_M)
    with path.open("w", encoding="ascii", newline="\n") as file:
        file.write("HIERARCHY\n" + "\n".join(_hierarchy(figure, 0, moving)) + "\n")
        file.write(f"MOTION\nFrames: {len(figure.local)}\nFrame Time: {1 / rate_hz:.8f}\n")
        np.savetxt(file, _channels(figure, moving), fmt="%.5f")
    if moving:
        return "each joint has position channels, since its bones' lengths change in the recording"
    off_mm = 1000 * figure.error_m
    return f"rotations alone; joints within {off_mm.max():.0f} mm (median {np.median(off_mm):.0f}) of the recording"


def _hierarchy(figure: Figure, index: int, moving: bool, depth: int = 0) -> Iterator[str]:
    node, tab = NODES[index], "\t" * depth
    channels = f"6 {_POSITIONS} {_ROTATIONS}" if moving or index == 0 else f"3 {_ROTATIONS}"
    yield f"{tab}{'JOINT' if index else 'ROOT'} {node.name}"
    yield tab + "{"
    yield f"{tab}\tOFFSET {_numbers(figure.bones_m[index])}"
    yield f"{tab}\tCHANNELS {channels}"
    children = [child for child, below in enumerate(NODES) if below.parent == index]
    for child in children:
        yield from _hierarchy(figure, child, moving, depth + 1)
    if not children:
        tip = TIPS_M.get(node.name, np.array((0.0, figure.head_m, 0.0)))
        yield from (f"{tab}\tEnd Site", tab + "\t{", f"{tab}\t\tOFFSET {_numbers(tip)}", tab + "\t}")
    yield tab + "}"


def _numbers(place_m: Double) -> str:
    return " ".join(f"{value:.5f}" for value in CM * place_m + 0.0)


def _channels(figure: Figure, moving: bool) -> Double:
    """(T, channels) in the order of the nodes, which is that of the hierarchy."""
    columns = []
    for index in range(len(NODES)):
        if moving or index == 0:
            columns.append(CM * figure.offsets_m[:, index])
        columns.append(_euler_deg(figure.local[:, index]))
    return np.concatenate(columns, 1)


def _euler_deg(turned: Double) -> Double:
    """Rotations (T, 3, 3) -> angles (T, 3) about z, x, y, without leaps of a whole turn from frame to frame."""
    return np.degrees(np.unwrap(np.stack(euler_zxy(turned), -1), axis=0))
