"""glTF 2.0 in one file, .glb: y up, metres; a skinned stick figure a person, moved by one animation for all.

Rotations and bones' lengths are keyed at the recording's own times. A person's figure is scaled to nothing where it has
a gap, and `extras.gaps_s` of its node lists when.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realtime.export.even import BRIDGED_S
from realtime.export.figure import Figure, figure_of
from realtime.export.gltf_buffer import GltfBuffer
from realtime.export.recording import Track
from realtime.export.stick_figure import stick_figure
from realtime.rig.nodes import NODES
from realtime.rig.rotations import quaternions

Double = NDArray[np.float64]


def write_glb(tracks: Sequence[Track], path: Path) -> str:
    import pygltflib as gltf

    document = gltf.GLTF2(
        asset=gltf.Asset(version="2.0", generator="realtime"), scene=0, scenes=[gltf.Scene(nodes=[])],
        materials=[gltf.Material(
            pbrMetallicRoughness=gltf.PbrMetallicRoughness(metallicFactor=0.0, roughnessFactor=0.8), doubleSided=True,
        )],
        animations=[gltf.Animation(name="recording", channels=[], samplers=[])],
    )  # fmt: skip
    buffer = GltfBuffer(document)
    begun_s = min(float(track.t_s[0]) for track in tracks)
    ended_s = max(float(track.t_s[-1]) for track in tracks)
    for track in tracks:
        figure = figure_of(track)
        first = _add_figure(document, buffer, track.person, figure)
        there = ~track.gap
        times = buffer.add(track.t_s[there] - begun_s, "SCALAR", bounds=True)
        _add_motion(document, buffer, figure, there, first, times)
        _add_gaps(document, buffer, _gaps(track, begun_s, ended_s), ended_s - begun_s, first - 1)
    buffer.finish()
    document.save_binary(str(path))
    gaps = sum(int(track.gap.sum()) for track in tracks)
    people = "1 person" if len(tracks) == 1 else f"{len(tracks)} people"
    return f"{people}, {ended_s - begun_s:.2f} s; {gaps} frames are gaps"


def _add_figure(document: Any, buffer: GltfBuffer, person: str, figure: Figure) -> int:
    """The armature, its nodes after it and the mesh's; returns the index of the hips' node."""
    import pygltflib as gltf

    armature, first = len(document.nodes), len(document.nodes) + 1
    document.nodes.append(gltf.Node(name=f"person-{person}", children=[first]))
    for index, node in enumerate(NODES):
        below = [first + child for child, other in enumerate(NODES) if other.parent == index]
        document.nodes.append(gltf.Node(
            name=node.name, translation=figure.bones_m[index].tolist(), children=below or None,
        ))  # fmt: skip
    document.nodes.append(gltf.Node(name=f"body-{person}", mesh=len(document.meshes), skin=len(document.skins)))
    document.scenes[0].nodes += [armature, first + len(NODES)]  # a skinned mesh is moved by its joints alone
    mesh = stick_figure(figure.bones_m, figure.head_m)
    corners = len(mesh.nodes)
    of_node = np.zeros((corners, 4), np.uint8)
    of_node[:, 0] = mesh.nodes
    weights = np.zeros((corners, 4), np.float32)
    weights[:, 0] = 1
    attributes = gltf.Attributes(
        POSITION=buffer.add(mesh.positions_m, "VEC3", bounds=True, vertices=True),
        NORMAL=buffer.add(mesh.normals, "VEC3", vertices=True),
        COLOR_0=buffer.add(mesh.colours_rgb, "VEC3", vertices=True),
        JOINTS_0=buffer.add(of_node, "VEC4", vertices=True), WEIGHTS_0=buffer.add(weights, "VEC4", vertices=True),
    )  # fmt: skip
    document.meshes.append(gltf.Mesh(primitives=[gltf.Primitive(attributes=attributes, material=0)]))
    document.skins.append(gltf.Skin(
        inverseBindMatrices=buffer.add(_unbinding(figure.bones_m), "MAT4"), skeleton=first,
        joints=list(range(first, first + len(NODES))),
    ))  # fmt: skip
    return first


def _unbinding(bones_m: Double) -> Double:
    """(19, 16): from the rest pose's axes to each node's own, columns first as glTF has matrices."""
    places = np.zeros_like(bones_m)
    for index, node in enumerate(NODES[1:], 1):
        places[index] = places[node.parent] + bones_m[index]
    matrices = np.tile(np.eye(4), (len(NODES), 1, 1))
    matrices[:, 3, :3] = -places
    return matrices.reshape(-1, 16)


def _add_motion(
    document: Any, buffer: GltfBuffer, figure: Figure, there: NDArray[np.bool_], first: int, times: int
) -> None:
    """Rotations of every node, and its place in its parent, at the frames that are no gaps."""
    for index in range(len(NODES)):
        turns = _nearest_signs(quaternions(figure.local[there, index]))
        _add_channel(document, times, buffer.add(turns, "VEC4"), first + index, "rotation")
        places = figure.offsets_m[there, index]
        if np.abs(places - figure.bones_m[index]).max() > 1e-6:
            _add_channel(document, times, buffer.add(places, "VEC3"), first + index, "translation")


def _add_gaps(document: Any, buffer: GltfBuffer, gaps_s: list[tuple[float, float]], length_s: float, node: int) -> None:
    if not gaps_s:
        return
    document.nodes[node].extras = {"gaps_s": [[round(time, 6) for time in gap] for gap in gaps_s]}
    edges = {0.0: 1.0, **{time: float(shown) for gap in gaps_s for time, shown in zip(gap, (0, 1), strict=True)}}
    edges = {time: size for time, size in sorted(edges.items()) if time < length_s or not size}
    times = buffer.add(np.array(list(edges)), "SCALAR", bounds=True)
    sizes = buffer.add(np.repeat(np.array(list(edges.values()))[:, None], 3, 1), "VEC3")
    _add_channel(document, times, sizes, node, "scale", "STEP")


def _add_channel(document: Any, times: int, values: int, node: int, path: str, steps: str = "LINEAR") -> None:
    import pygltflib as gltf

    animation = document.animations[0]
    animation.channels.append(gltf.AnimationChannel(
        sampler=len(animation.samplers), target=gltf.AnimationChannelTarget(node=node, path=path),
    ))  # fmt: skip
    animation.samplers.append(gltf.AnimationSampler(input=times, output=values, interpolation=steps))


def _gaps(track: Track, begun_s: float, ended_s: float) -> list[tuple[float, float]]:
    """(start, end) of what is longer than a moment, before the person came and after it went too."""
    there_s = track.t_s[~track.gap] - begun_s
    edges = np.concatenate(([-np.inf if there_s[0] <= 0 else 0.0], there_s, [ended_s - begun_s]))
    return [
        (float(start), float(end)) for start, end in pairwise(edges)
        if np.isfinite(start) and end - start > BRIDGED_S
    ]  # fmt: skip


def _nearest_signs(turns: Double) -> Double:
    """(T, 4): q and -q are the same turn; from one to the next the nearer is taken, or viewers go the long way."""
    signs = np.cumprod(np.where((turns[1:] * turns[:-1]).sum(-1) < 0, -1.0, 1.0))
    return np.concatenate((turns[:1], turns[1:] * signs[:, None]))
