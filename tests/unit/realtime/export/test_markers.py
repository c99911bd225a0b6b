"""C3D by another library, TRC by its own description: the same places within a tenth of a millimetre, gaps marked."""

from __future__ import annotations

from pathlib import Path

import c3d
import numpy as np
import pytest
from figures import in_camera, take_of_people, walk

from engines.errors import UserError
from realtime.export.export_file import export_file
from realtime.export.markers import C3D_FRAMES, MARKERS
from realtime.rig.axes import to_y_up, to_z_up

FRAMES, GAPS = 50, (12, 13, 30)
JOINTS = in_camera(walk(FRAMES))
TENTH_MM = 0.1
pytestmark = pytest.mark.filterwarnings("ignore:No analog data found:UserWarning")  # c3d's word for markers alone


@pytest.fixture
def take(tmp_path: Path) -> Path:
    return take_of_people(tmp_path / "take.mcap", {4: JOINTS}, changes={(4, gap): {"held": True} for gap in GAPS})


def read_c3d(path: Path) -> tuple[c3d.Reader, np.ndarray]:
    """By the library c3d, which has nothing in common with ezc3d: (T, 17, 5) with residuals and cameras last."""
    with path.open("rb") as file:
        reader = c3d.Reader(file)
        return reader, np.stack([points for _, points, _ in reader.read_frames()])


def test_c3d(tmp_path: Path, take: Path) -> None:
    (written,) = export_file(take, tmp_path / "walk.c3d")
    assert "3 of 50 frames are gaps" in written.said
    reader, points = read_c3d(written.path)
    assert [label.strip() for label in reader.point_labels] == list(MARKERS)
    assert reader.point_rate == 30
    assert reader.get("POINT:UNITS").string_value.strip() == "mm"
    assert reader.get("SUBJECTS:NAMES").string_value.strip() == "4"
    there = np.setdiff1d(np.arange(FRAMES), GAPS)
    assert abs(points[there, :, :3] - 1000 * to_z_up(JOINTS, "camera")[there]).max() < TENTH_MM
    assert (points[there, :, 3] == 0).all()
    assert (points[list(GAPS), :, 3] == -1).all()
    assert not list(tmp_path.glob(".*"))


def read_trc(path: Path) -> tuple[dict[str, str], list[str], np.ndarray]:
    lines = path.read_text().split("\n")
    assert lines[0].split("\t") == ["PathFileType", "4", "(X/Y/Z)", path.name]
    head = dict(zip(lines[1].split("\t"), lines[2].split("\t"), strict=True))
    names = [name for name in lines[3].split("\t")[2:] if name]
    assert lines[4].split("\t")[2:] == [f"{axis}{n}" for n in range(1, len(names) + 1) for axis in "XYZ"]
    assert lines[5] == ""
    rows = [[float(cell) if cell else np.nan for cell in line.split("\t")] for line in lines[6:] if line]
    return head, names, np.array(rows)


def test_trc(tmp_path: Path, take: Path) -> None:
    (written,) = export_file(take, tmp_path / "walk.trc")
    head, names, rows = read_trc(written.path)
    assert (head["DataRate"], head["NumFrames"], head["NumMarkers"], head["Units"]) == ("30", "50", "17", "mm")
    assert names == list(MARKERS)
    np.testing.assert_array_equal(rows[:, 0], np.arange(1, 51))
    np.testing.assert_allclose(rows[:, 1], np.arange(50) / 30, atol=1e-6)
    places = rows[:, 2:].reshape(FRAMES, 17, 3)
    assert np.flatnonzero(np.isnan(places).all((1, 2))).tolist() == list(GAPS)
    there = np.setdiff1d(np.arange(FRAMES), GAPS)
    assert abs(places[there] - 1000 * to_y_up(JOINTS, "camera")[there]).max() < TENTH_MM


def test_another_rate_and_world_axes(tmp_path: Path) -> None:
    joints = walk(FRAMES) @ np.array(((1, 0, 0), (0, 0, 1), (0, -1, 0)))  # z up
    take = take_of_people(tmp_path / "world.mcap", {4: joints}, space="world")
    (written,) = export_file(take, tmp_path / "walk.c3d", rate_hz=60)
    reader, points = read_c3d(written.path)
    assert (reader.point_rate, len(points)) == (60, 2 * FRAMES - 1)
    assert abs(points[::2, :, :3] - 1000 * joints).max() < TENTH_MM


def test_more_frames_than_a_c3d_counts(tmp_path: Path, take: Path) -> None:
    rate = 999.0
    frames = int((FRAMES - 1) / 30 * rate)
    assert frames < C3D_FRAMES
    long = take_of_people(tmp_path / "long.mcap", {4: JOINTS}, source_ns=np.arange(FRAMES) * 1_500_000_000)
    with pytest.raises(UserError, match="lower --rate"):
        export_file(long, tmp_path / "long.c3d", rate_hz=rate)
    assert not (tmp_path / "long.c3d").exists()
