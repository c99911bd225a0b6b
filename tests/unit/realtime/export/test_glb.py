"""glTF: read by its specification with nothing of the writer's, the figure's nodes and skin are where the joints were.

Khronos' own validator finds nothing, where npm can bring it.
"""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from figures import in_camera, take_of_people, walk
from scipy.spatial.transform import Rotation

from realtime.export.export_file import export_file
from realtime.rig.axes import to_y_up
from realtime.rig.nodes import NODES

FRAMES = 45
PEOPLE = {1: in_camera(walk(FRAMES)), 6: in_camera(walk(FRAMES, 1.5), 8.0)}
KINDS = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}
VALIDATE = """
const validator = require('gltf-validator'), fs = require('fs');
validator.validateBytes(new Uint8Array(fs.readFileSync(process.argv[1])))
  .then(report => console.log(JSON.stringify(report.issues)));
"""


class Gltf:
    """A .glb by the specification."""

    def __init__(self, path: Path) -> None:
        raw = path.read_bytes()
        magic, version, length = struct.unpack_from("<4sII", raw)
        assert (magic, version, length) == (b"glTF", 2, len(raw))
        size, kind = struct.unpack_from("<I4s", raw, 12)
        assert kind == b"JSON"
        self.json: dict[str, Any] = json.loads(raw[20 : 20 + size])
        self._bytes = raw[28 + size :]

    def array(self, accessor: int) -> np.ndarray:
        about = self.json["accessors"][accessor]
        view = self.json["bufferViews"][about["bufferView"]]
        kind = {5126: np.float32, 5121: np.uint8}[about["componentType"]]
        width = KINDS[about["type"]]
        return np.frombuffer(self._bytes, kind, about["count"] * width, view["byteOffset"]).reshape(-1, width)

    def posed(self, frame_s: float) -> dict[int, np.ndarray]:
        """Node -> its matrix (4, 4), at a time that has a key."""
        moved: dict[tuple[int, str], np.ndarray] = {}
        for channel in self.json["animations"][0]["channels"]:
            sampler = self.json["animations"][0]["samplers"][channel["sampler"]]
            times, values = self.array(sampler["input"])[:, 0], self.array(sampler["output"])
            assert (np.diff(times) > 0).all()
            row = max(int(np.searchsorted(times, frame_s + 1e-4)) - 1, 0)
            moved[channel["target"]["node"], channel["target"]["path"]] = values[row].astype(float)
        placed: dict[int, np.ndarray] = {}

        def place(index: int, above: np.ndarray) -> None:
            node, own = self.json["nodes"][index], np.eye(4)
            turned = Rotation.from_quat(moved.get((index, "rotation"), np.array((0, 0, 0, 1.0)))).as_matrix()
            own[:3, :3] = turned * moved.get((index, "scale"), np.ones(3))
            own[:3, 3] = moved.get((index, "translation"), node.get("translation", (0, 0, 0)))
            placed[index] = above @ own
            for child in node.get("children", ()):
                place(child, placed[index])

        for root in self.json["scenes"][0]["nodes"]:
            place(root, np.eye(4))
        return placed


@pytest.fixture
def written(tmp_path: Path) -> Gltf:
    changes = {(6, frame): None for frame in (*range(10), *range(20, 30))} | {(1, 44): {"held": True}}
    export_file(take_of_people(tmp_path / "take.mcap", PEOPLE, changes=changes), tmp_path / "all.glb")
    return Gltf(tmp_path / "all.glb")


def test_nodes_are_where_the_joints_were(written: Gltf) -> None:
    names = [node.name for node in NODES]
    for person, (skin, joints) in enumerate(zip(written.json["skins"], PEOPLE.values(), strict=True)):
        assert [written.json["nodes"][node]["name"] for node in skin["joints"]] == names
        for frame in (12, 18, 35):
            placed = written.posed(frame / 30)
            found = np.array([placed[node][:3, 3] for node in skin["joints"]])
            wanted = to_y_up(joints, "camera")[frame, [node.joint for node in NODES]]
            assert np.linalg.norm(found - wanted, axis=-1).max() < 1e-4, person


def test_the_skin_of_each_bone_lies_along_it(written: Gltf) -> None:
    placed, skin = written.posed(12 / 30), written.json["skins"][0]
    (part,) = written.json["meshes"][0]["primitives"]
    corners, owners = written.array(part["attributes"]["POSITION"]), written.array(part["attributes"]["JOINTS_0"])[:, 0]
    unbinding = written.array(skin["inverseBindMatrices"]).reshape(-1, 4, 4).swapaxes(1, 2)
    moved = np.array([placed[node] for node in skin["joints"]]) @ unbinding
    world = np.einsum("vij,vj->vi", moved[owners], np.c_[corners, np.ones(len(corners))])[:, :3]
    joints = to_y_up(PEOPLE[1], "camera")[12]
    for index, node in enumerate(NODES):
        if node.end is None:
            continue
        own = world[owners == index]
        start, end = joints[node.joint], joints[node.end]
        length = np.linalg.norm(end - start)
        along = (own - start) @ (end - start) / length
        assert along.min() == pytest.approx(0, abs=1e-3), node.name
        assert along.max() == pytest.approx(length, abs=1e-3), node.name
    np.testing.assert_allclose(written.array(part["attributes"]["WEIGHTS_0"]).sum(1), 1)


def test_who_is_not_there_is_scaled_to_nothing(written: Gltf) -> None:
    armature = next(node for node in written.json["nodes"] if node["name"] == "person-6")
    gaps = armature["extras"]["gaps_s"]
    np.testing.assert_allclose(gaps, [(0, 10 / 30), (19 / 30, 1)], atol=1e-3)
    first = written.json["nodes"].index(armature)
    for frame, size in ((3, 0), (15, 1), (25, 0), (35, 1)):
        assert np.linalg.norm(written.posed(frame / 30)[first][:3, 0]) == size


def test_khronos_validator_finds_nothing(written: Gltf, tmp_path: Path) -> None:
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("no npm and node here, which bring glTF's validator")
    got = subprocess.run([npm, "install", "--prefix", str(tmp_path), "gltf-validator@2.0.0-dev.3.10"],
                         capture_output=True, timeout=120)  # fmt: skip
    if got.returncode:
        pytest.skip("npm cannot fetch gltf-validator here")
    done = subprocess.run(["node", "-e", VALIDATE, str(tmp_path / "all.glb")], cwd=tmp_path, capture_output=True,
                          text=True, check=True)  # fmt: skip
    issues = json.loads(done.stdout)
    assert (issues["numErrors"], issues["numWarnings"], issues["messages"]) == (0, 0, [])
