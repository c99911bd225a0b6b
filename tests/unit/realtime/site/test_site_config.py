"""What a site's file may say."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from engines.errors import UserError
from realtime.site.config import SiteConfig, is_site, load_site
from realtime.site.processes import table
from realtime.site.told import told_camera, told_lifter, told_viewer

TWO = """[[camera]]
name = "door"
source = "rtsp://10.0.0.7/a"
[[camera]]
name = "hall"
[camera.source]
name = "1"
fps = 30
"""


def loaded(tmp_path: Path, text: str, **flags: object) -> SiteConfig:
    path = tmp_path / "site.toml"
    path.write_text(text)
    return load_site(path, {name.replace("__", "."): value for name, value in flags.items()})


def test_a_source_is_a_name_or_a_table(tmp_path: Path) -> None:
    config = loaded(tmp_path, TWO)
    assert [(one.name, one.source.name, one.source.fps) for one in config.camera] == [
        ("door", "rtsp://10.0.0.7/a", None), ("hall", "1", 30.0)
    ]  # fmt: skip


def test_flags_win_and_a_file_without_cameras_is_no_site(tmp_path: Path) -> None:
    text = f'[detector]\nsize = "lite"\n{TWO}'
    config = loaded(tmp_path, text, detector__size="heavy", stream__name="room", frames=None)
    assert (config.detector.size, config.stream.name, config.frames) == ("heavy", "room", None)
    assert is_site(tmp_path / "site.toml")
    (tmp_path / "run.toml").write_text('[source]\nname = "0"\n')
    assert not is_site(tmp_path / "run.toml")


@pytest.mark.parametrize(("text", "said"), [
    (TWO.replace("hall", "door"), "two streams would be named 'door'"),
    ('cameras = "c.yaml"\n[stream]\nname = "hall"\n' + TWO, "two streams would be named 'hall'"),
    (TWO.replace('"door"', '"a b"'), "stream name"),
    ("camera = 3\n", "must be a list"),
    ("camera = []\n", "1 to 16"),
    ('[[camera]]\nsource = "0"\n', "name"),
    (TWO.replace("fps = 30", "speed = 30"), "no setting 'speed'"),
    ('[stream]\nfollow = "3"\n' + TWO, "cannot be followed"),
    ("".join(f'[[camera]]\nname = "c{number}"\n' for number in range(17)), "not 17"),
])  # fmt: skip
def test_mistakes_are_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        loaded(tmp_path, text)


def test_what_is_said_of_one_source_is_refused_for_several(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"\[\[camera\]\] tables .*\(source.mirror\)"):
        loaded(tmp_path, TWO, source__mirror=True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"duration_s = -1\n{TWO}", "duration must be above 0"),
        (f"frames = 0\n{TWO}", "frames must be above 0"),
        ('[[camera]]\nsource = "0"', r"camera\[0\] lacks 'name'"),
    ],
)
def test_what_is_missing_or_cannot_be_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        loaded(tmp_path, text)


def test_the_floors_option_is_of_all_cameras_and_others_have_no_place_yet(tmp_path: Path) -> None:
    assert loaded(tmp_path, TWO, place__floor="off").floor == "off"
    with pytest.raises(UserError, match="which have no --realtime-priority yet"):
        loaded(tmp_path, TWO, realtime_priority=True)


def test_each_process_is_told_its_own_and_it_travels(tmp_path: Path) -> None:
    config = loaded(tmp_path, f'cameras = "c.yaml"\n[detector]\npeople = 2\n{TWO}')
    assert [process.name for process in table(config)] == ["camera door", "camera hall", "lifter", "viewer"]
    told = told_camera(config, config.camera[0], "tcp://127.0.0.1:9")
    assert pickle.loads(pickle.dumps(told)) == told  # noqa: S301 our own bytes
    assert (told.stream, told.config.detector.people) == ("door", 2)
    whole = told_lifter(config, "tcp://127.0.0.1:9")
    assert pickle.loads(pickle.dumps(whole)) == whole  # noqa: S301 our own bytes
    lifter = whole.options
    assert (lifter.streams, lifter.people, lifter.cameras) == (2, 2, Path("c.yaml"))
    assert told_viewer(config).stream.name == "main"
    assert told_viewer(loaded(tmp_path, TWO)).stream.name == "door"


@pytest.mark.parametrize("layout", ["side", "inset"])
def test_a_layout_with_a_cameras_picture_is_refused(tmp_path: Path, layout: str) -> None:
    said = rf"leave out --layout {layout} \(view\.layout\), or choose 3d"
    with pytest.raises(UserError, match=said):
        loaded(tmp_path, TWO, view__layout=layout)
    with pytest.raises(UserError, match=said):
        loaded(tmp_path, f'[view]\nlayout = "{layout}"\n{TWO}')
    assert told_viewer(loaded(tmp_path, TWO, view__layout="3d")).view.layout == "3d"
    assert told_viewer(loaded(tmp_path, TWO)).view.layout == "3d"


def test_figures_are_asked_for_as_with_one_camera(tmp_path: Path) -> None:
    assert loaded(tmp_path, TWO, metrics="127.0.0.1:9100").metrics == "127.0.0.1:9100"
    assert loaded(tmp_path, f'metrics = "9100"\n{TWO}').metrics == "9100"


def test_look_ahead_has_no_place_with_fused_cameras(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="leave out --lookahead"):
        told_lifter(loaded(tmp_path, f'cameras = "c.yaml"\n[lifter]\nlookahead = 4\n{TWO}'), "tcp://127.0.0.1:9")
