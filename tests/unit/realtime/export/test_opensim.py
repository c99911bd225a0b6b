"""OpenSim's motion files: a whole header, the coordinates of its model, and the angles that were bent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from figures import figure, in_camera, take_of_people, turn, walk

from realtime.export.export_file import export_file


def read_mot(path: Path) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    head, _, body = path.read_text().partition("endheader\n")
    fields = dict(line.split("=") for line in head.splitlines() if "=" in line)
    names, *rows = body.splitlines()
    values = np.array([row.split("\t") for row in rows], float)
    return fields, dict(zip(names.split("\t"), values.T, strict=True))


def test_angles_of_a_walk(tmp_path: Path) -> None:
    take = take_of_people(tmp_path / "take.mcap", {1: in_camera(walk(90))}, changes={(1, 40): {"held": True}})
    (written,) = export_file(take, tmp_path / "gait.mot")
    assert "1 gaps bridged" in written.said
    fields, columns = read_mot(written.path)
    assert fields["inDegrees"] == "yes"
    assert (int(fields["nRows"]), int(fields["nColumns"])) == (90, len(columns))
    assert not any(np.isnan(values).any() for values in columns.values())
    there, t = np.setdiff1d(np.arange(90), 40), np.arange(90) / 30
    np.testing.assert_allclose(columns["time"], t, atol=1e-6)
    bend = 30 * np.cos(2 * np.pi * 0.9 * t)
    np.testing.assert_allclose(columns["knee_angle_r"][there], (35 + bend)[there], atol=0.01)
    np.testing.assert_allclose(columns["knee_angle_l"][there], (35 - bend)[there], atol=0.01)
    assert not any("ankle" in name for name in columns)


def test_the_room_is_opensims(tmp_path: Path) -> None:
    """x forward (away from the camera), y up, z to the right."""
    joints = figure(turn("y", 180) @ turn("x", 20), root_m=(0.3, 1.1, -2.0))
    take = take_of_people(tmp_path / "take.mcap", {1: np.repeat((joints * (1, -1, -1))[None], 3, 0)})
    (written,) = export_file(take, tmp_path / "lean.mot")
    _, columns = read_mot(written.path)
    for name, wanted in {"pelvis_tx": 2.0, "pelvis_ty": 1.1, "pelvis_tz": 0.3, "pelvis_tilt": -20,
                         "pelvis_list": 0, "pelvis_rotation": 0}.items():  # fmt: skip
        np.testing.assert_allclose(columns[name], wanted, atol=1e-3, err_msg=name)
