"""`realtime export` as its user has it: every format by its ending, and mistakes told in a sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from figures import in_camera, take_of_people, walk

from realtime.export.export_file import EVERYBODY, FOXGLOVE, ONE_PERSON, export_file

PEOPLE = {1: in_camera(walk(20)), 2: in_camera(walk(20, 1.0), 7.0)}


def export(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "realtime.cli", "export", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120)


def test_every_format_is_written_for_everybody(tmp_path: Path) -> None:
    take = take_of_people(tmp_path / "take.mcap", PEOPLE)
    for suffix in (*EVERYBODY, *ONE_PERSON, FOXGLOVE):
        done = export(take.name, "-o", f"out{suffix}", cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, ""), suffix
        names = [f"out{suffix}"] if suffix not in ONE_PERSON else [f"out-1{suffix}", f"out-2{suffix}"]
        assert [line.split(":")[0] for line in done.stdout.splitlines()] == names
        assert all((tmp_path / name).stat().st_size > 500 for name in names)
    one = export(take.name, "-o", "alone.bvh", "--person", 2, cwd=tmp_path)
    assert one.stdout.startswith("alone.bvh: person 2, 20 frames at 30 Hz")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["take.mcap", "-o", "out.fbx"], "end it in one of .bvh, .c3d, .csv"),
        (["take.mcap", "-o", "out"], "says no format"),
        (["take.mcap", "-o", "out.bvh", "--rate", 0], "--rate 0"),
        (["take.mcap", "-o", "out.bvh", "--bones", "long"], "choose one of auto, fixed, measured"),
        (["take.mcap", "-o", "out.bvh", "--person", 9], "choose one of 1, 2"),
        (["missing.mcap", "-o", "out.bvh"], "missing.mcap"),
        (["take.mcap", "-o", "there.csv"], "there.csv exists: choose another name or add --overwrite"),
        (["missing.mcap", "-o", "there.csv"], "there.csv exists"),
        (["missing.mcap", "-o", "there.csv/out.bvh"], "there.csv/out.bvh cannot be written"),
        (["take.mcap", "-o", "take.mcap/out.csv"], "cannot be written"),
    ],
)  # fmt: skip
def test_mistakes_are_told_in_a_sentence_and_write_nothing(
    tmp_path: Path, arguments: list[object], complaint: str
) -> None:
    take_of_people(tmp_path / "take.mcap", PEOPLE)
    (tmp_path / "there.csv").write_text("mine")
    done = export(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["take.mcap", "there.csv"]
    assert (tmp_path / "there.csv").read_text() == "mine"


def test_of_several_files_none_is_written_where_one_is_in_the_way(tmp_path: Path) -> None:
    take_of_people(tmp_path / "take.mcap", PEOPLE)
    (tmp_path / "out-2.bvh").write_text("mine")
    assert export("take.mcap", "-o", "out.bvh", cwd=tmp_path).returncode == 2
    assert not (tmp_path / "out-1.bvh").exists()
    assert export("take.mcap", "-o", "out.bvh", "--overwrite", cwd=tmp_path).returncode == 0
    assert (tmp_path / "out-2.bvh").read_text().startswith("HIERARCHY")


def test_a_single_frame_is_enough_for_every_format(tmp_path: Path) -> None:
    take_of_people(tmp_path / "take.mcap", {1: PEOPLE[1][:1]})
    for suffix in (*EVERYBODY, *ONE_PERSON):
        (written,) = export_file(tmp_path / "take.mcap", tmp_path / f"out{suffix}")
        assert written.path.stat().st_size > 500
