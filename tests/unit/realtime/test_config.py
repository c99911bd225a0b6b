from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from engines.errors import UserError
from realtime.config import RunConfig, load_config


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "run.toml"
    path.write_text(text)
    return path


def test_without_anything_the_demo_runs() -> None:
    config = load_config(None, {"source.name": None, "frames": None})
    assert config == RunConfig()
    assert config.source.name == "demo"


def test_flags_win_over_the_file(tmp_path: Path) -> None:
    path = written(
        tmp_path, 'frames = 5\n[source]\nname = "0"\nfps = 30\n[detector]\nsize = "lite"\n[view]\nrender = "out.mp4"\n'
    )
    config = load_config(path, {"detector.size": "heavy", "source.mirror": True, "source.loop": None})
    assert config.frames == 5
    assert (config.source.name, config.source.fps, config.source.mirror, config.source.loop) == ("0", 30.0, True, False)
    assert config.detector.size == "heavy"
    assert config.view.render == Path("out.mp4")


def test_it_travels_to_a_spawned_process() -> None:
    config = load_config(None, {"source.name": "clip.mp4", "detector.people": 2})
    assert pickle.loads(pickle.dumps(config)) == config  # noqa: S301 our own bytes


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[source]\ncolour = 1", "no setting 'colour'"),
        ("speed = 1", "no setting 'speed'"),
        ("[source]\nloop = 1", "loop must be bool, got 1"),
        ("[source]\nname = 0", "name must be str, got 0"),
        ("source = 3", "must be a table"),
        ("frames = true", "frames must be int"),
        ("frames = 0", "above 0, got 0"),
        ("duration_s = -1", "above 0, got -1"),
        ("[detector]\nsize = 'huge'", "'huge' is none of lite, full, heavy"),
        ("[detector]\npeople = 9", "from 1 to 8, got 9"),
        ("[source]\nwidth = -3", "width must be above 0, got -3"),
        ("[source", "not valid TOML"),
        ("[stream]\nencoding = 'xml'", "'xml' is none of msgpack, json"),
        ("[detector]\npeople = 2\n[place]\nperson = 'ana'", "2 people cannot all have the size of ana"),
        ("[view]\nenabled = false\nrender = 'out.mp4'", "leave out either --no-view"),
    ],
)
def test_mistakes_are_named_with_their_value(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        load_config(written(tmp_path, text), {})


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere\.toml"):
        load_config(tmp_path / "nowhere.toml", {})


@pytest.mark.parametrize("follow", ["nearest", "largest", "7"])
def test_one_of_several_people_can_be_followed(follow: str) -> None:
    assert load_config(None, {"stream.follow": follow, "detector.people": 2}).stream.follow == follow


def test_whom_nobody_can_follow() -> None:
    with pytest.raises(UserError, match="cannot follow 'tallest': give nearest, largest or the id"):
        load_config(None, {"stream.follow": "tallest", "detector.people": 2})
    with pytest.raises(UserError, match="the nearest of one is no choice: look for more people with --people 2"):
        load_config(None, {"stream.follow": "nearest"})


def test_a_file_may_name_the_standard_input_as_the_option_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("realtime.config.standard_input", lambda: "/proc/1/fd/0")
    (tmp_path / "run.toml").write_text('[source]\nname = "-"\n')
    assert load_config(tmp_path / "run.toml", {}).source.name == "/proc/1/fd/0"
    assert load_config(None, {"source.name": "-"}).source.name == "/proc/1/fd/0"
