"""`realtime plot` as its user has it: a file with the panels, lines and words that it must hold, or one sentence."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from lifted_poses import lifted_poses, write_lifted
from plot_tracks import walker
from takes import take_of

from engines.errors import UserError
from realtime.plot.panels import PANELS
from realtime.view.scene.figure import TINTS_RGB

pytest.importorskip("matplotlib")
import cv2

from realtime.plot.figure import draw
from realtime.plot.plot_file import plot_file

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def take(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return take_of(tmp_path_factory.mktemp("takes") / "take.mcap", 60)


def poses(path: Path, frames: int = 30, *, held: bool = False) -> Path:
    person = walker(frames)
    write_lifted(lifted_poses(
        person.joints_m.astype(np.float32), person.root_m.astype(np.float32), person.sigma_m.astype(np.float32),
        np.ones(frames, np.float32), np.full(frames, held), person.t_s, 0, "m", "e", "stream"), path)  # fmt: skip
    return path


def texts(path: Path) -> list[str]:
    return ["".join(element.itertext()) for element in ElementTree.parse(path).iter(f"{SVG}text")]


def strokes(path: Path) -> list[str]:
    """The colours of the lines that go through more than a few points."""
    paths = [element for element in ElementTree.parse(path).iter(f"{SVG}path") if element.get("clip-path")]
    long = [element.get("style", "") for element in paths if len(re.findall("[ML]", element.get("d", ""))) > 5]
    return [found[1] for style in long if (found := re.search(r"stroke: (#\w+)", style))]


def test_a_takes_figure_says_what_it_shows_in_which_unit(take: Path, tmp_path: Path) -> None:
    out = tmp_path / "take.svg"
    assert plot_file(take, out) == (1, 7)
    said = texts(out)
    for label in ("Height (m)", "Speed (m/s)", "Leg angles (degrees)", "Arm angles (degrees)", "Bone length (cm)",
                  "Joint error (mm)", "time (s)", "latency from grab to message (ms)", "frames", "p50 40.0 ms",
                  "above the lowest ankle", "left wrist", "right forearm"):  # fmt: skip
        assert label in said, label
    assert any(text.startswith("take.mcap, person 0: stream main, m on e") for text in said)
    assert list(tmp_path.iterdir()) == [out]


def test_left_and_right_are_drawn_in_the_viewers_colours(take: Path, tmp_path: Path) -> None:
    out = tmp_path / "angles.svg"
    assert plot_file(take, out, what=["angles"]) == (1, 2)
    left, right, _ = ("#" + "".join(f"{round(255 * part):02x}" for part in rgb) for rgb in TINTS_RGB[0])
    assert sorted(strokes(out)) == sorted([left, right] * 4)  # two angles in each of two panels


def test_a_png_is_a_picture_of_the_lines(tmp_path: Path) -> None:
    out = tmp_path / "new" / "poses.png"
    assert plot_file(poses(tmp_path / "poses.npz"), out) == (1, 6)
    image = cv2.imread(str(out))
    assert image.shape[0] > image.shape[1] > 1000
    orange = np.array(TINTS_RGB[0][0][::-1]) * 255
    assert (np.abs(image - orange).max(-1) < 3).sum() > 500
    assert (image == 255).all(-1).mean() > 0.7


def test_the_same_recording_makes_the_same_bytes(take: Path, tmp_path: Path) -> None:
    for name in ("a.svg", "b.svg"):
        plot_file(take, tmp_path / name, what=["heights", "latency"])
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_people_stand_side_by_side_on_one_time_and_one_scale() -> None:
    tracks = [walker(60, number=1), walker(30, number=4, placed=False)]
    figure = draw("two", [(track, [*PANELS["heights"](track, "camera"), *PANELS["sigma"](track, "camera")])
                          for track in tracks], np.full(60, 40.0))  # fmt: skip
    heights, lower = figure.axes[:2], figure.axes[2:6]
    assert [axes.get_title() for axes in heights] == ["person 1", "person 4"]
    assert [len(axes.get_lines()) for axes in heights] == [8, 8]
    assert [text.get_text() for axes in heights for text in axes.texts] == ["above the lowest ankle", "above the hip"]
    assert heights[0].get_xlim() == heights[1].get_xlim() == lower[3].get_xlim()
    assert heights[0].get_ylim() == heights[1].get_ylim()
    assert [axes.get_ylabel() for axes in figure.axes] == [
        "Height (m)", "", "Joint error (mm)", "", "Root error (mm)", "", "frames",
    ]  # fmt: skip
    np.testing.assert_allclose(lower[0].get_lines()[0].get_ydata(), 30)
    assert len(figure.axes[-1].patches) > 0


def test_somebody_whose_root_error_is_unknown_leaves_a_place_empty() -> None:
    known, unknown = walker(), walker(number=2)
    unknown.root_sigma_m[:] = np.nan
    figure = draw("two", [(track, list(PANELS["sigma"](track, "camera"))) for track in (known, unknown)], None)
    assert [len(axes.get_lines()) for axes in figure.axes] == [6, 6, 1, 0]


def test_any_name_of_a_file_can_be_a_title(tmp_path: Path) -> None:
    named = poses(tmp_path / "50$ \\frac{ $^_ <&>\x1b.npz")
    plot_file(named, tmp_path / "out.svg", what=["bones"])
    assert any(text.startswith("50$ \\frac{ $^_ <&>?.npz, the person") for text in texts(tmp_path / "out.svg"))


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["-o", "out.pdf"], "out.pdf is neither .png nor .svg"),
        (["-o", "out.png", "--what", "moods"], "--what moods is unknown: choose of heights, speeds"),
        (["-o", "out.png", "--person", "9"], "holds no person 9: choose of 0"),
        (["-o", "there.png"], "there.png exists: choose another name or add --overwrite"),
        (["-o", "out.png", "--stream", "other"], "holds no stream other: choose one of main"),
    ],
)
def test_a_mistake_is_one_sentence_and_writes_nothing(
    take: Path, tmp_path: Path, options: list[str], complaint: str
) -> None:
    (tmp_path / "there.png").write_bytes(b"mine")
    done = plot(str(take), *options, cwd=tmp_path)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"mine"]


def test_the_command_draws_and_replaces_when_told(take: Path, tmp_path: Path) -> None:
    (tmp_path / "out.png").write_bytes(b"old")
    done = plot(str(take), "-o", "out.png", "--what", "latency", "--overwrite", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "out.png: 1 panel\n", "")
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")


def test_without_matplotlib_the_extra_is_named(take: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(UserError, match=r"need the package matplotlib: run pip install '(matplotlib|realtime-pose)"):
        plot_file(take, tmp_path / "out.png")


def test_what_a_file_cannot_tell_is_said(tmp_path: Path) -> None:
    lifted = poses(tmp_path / "poses.npz")
    with pytest.raises(UserError, match=r"does not say when its poses were published: plot the latency of a take"):
        plot_file(lifted, tmp_path / "out.png", what=["latency"])
    with pytest.raises(UserError, match="holds no pose of anybody that was seen"):
        plot_file(poses(tmp_path / "held.npz", held=True), tmp_path / "out.png")


def plot(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "realtime.cli", "plot", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=120)
