"""`realtime bench floor` on one scene of each kind: figures that belong together, and files that are none."""

from __future__ import annotations

import json
from math import nan
from pathlib import Path

import numpy as np
import pytest
from walk_clips import gesture, straight_walk

from engines.errors import UserError
from realtime.bench.placing.floor import LIMITS, NOTICED_S, _met, _noticed, bench_floor
from realtime.bench.placing.floor_cases import LENS, MOVES, SECONDS, long_scenes, scenes


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    np.savez(tmp_path / "clips.npz", walk=straight_walk(), stand=gesture())
    return tmp_path / "clips.npz"


def bench(mocap: Path, walks: str = "walk", stands: str = "stand") -> None:
    bench_floor(mocap, walks, stands, count=1, model="default", table=True)


def test_last_line_is_json_with_every_scene_and_limit(clips: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bench(clips)
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [scene["kind"] for scene in result["scenes"]] == list(SECONDS)
    assert [scene["move"] for scene in result["moves"]] == list(MOVES)
    assert len(result["met"]) == len(LIMITS) + len(MOVES)
    for scene in result["scenes"]:
        assert 0 <= scene["up_error_deg"] <= 90
        assert 0 <= scene["floor_error_percent"] <= 100
    of_walk = next(met for met in result["met"] if (met["of"], met["measure"]) == ("walk", "up_error_deg"))
    assert of_walk["median"] == result["scenes"][0]["up_error_deg"]
    assert of_walk["met"] == (result["scenes"][0]["up_error_deg"] <= of_walk["limit"])


def test_everybody_of_a_scene_stands_on_its_floor_or_on_a_box_and_is_in_the_picture() -> None:
    made = list(scenes([straight_walk()], [gesture()], "walk, then stand", 8))
    assert {scene.row["people"] for scene in made} == {1, 2, 3}
    assert any(scene.row["box"] for scene in made)
    for scene in made:
        assert scene.world_m.shape == (sum(SECONDS["walk, then stand"]) * 30, scene.row["people"], 17, 3)
        lowest = scene.world_m[..., 2].min((0, 2))
        assert lowest == pytest.approx([0.08] * (len(lowest) - 1) + [0.08 + 0.5 * scene.row["box"]], abs=0.06)
        camera = scene.camera_m()
        pixels = camera[..., :2] / camera[..., 2:] * 720 + 720
        assert (camera[..., 2] > 0).all()
        assert ((pixels >= 0) & (pixels <= LENS.image_wh)).all()
    moved = next(long_scenes([straight_walk()], [gesture()], 1))
    assert len(moved.world_m) == 330  # longer than the move and what comes after it


def test_what_was_not_published_is_not_counted() -> None:
    rows = [{"kind": "walk", "feet_off_floor_mm": value} for value in (10.0, 40.0, nan)] + [{"kind": "walk"}]
    rows.append({"kind": "stand", "feet_off_floor_mm": 90.0})
    met = _met(rows, "walk", "feet_off_floor_mm", 30.0, 50)
    assert (met["scenes"], met["within_percent"], met["median"], met["met"]) == (2, 50.0, 40.0, True)
    assert not _met(rows, "walk", "feet_off_floor_mm", 30.0, 51)["met"]
    nothing = _met([], "walk", "feet_off_floor_mm", 30.0, 50)
    assert (nothing["scenes"], nothing["met"]) == (0, False)


def test_a_move_that_nobody_noticed_is_late() -> None:
    rows = [{"move": "pan", "noticed_after_s": seconds} for seconds in (1.0, NOTICED_S, nan)]
    told = _noticed(rows, "pan")
    assert (told["scenes"], told["within_percent"], told["median"]) == (3, pytest.approx(200 / 3), NOTICED_S)
    assert not told["met"]
    assert _noticed(rows[:2], "pan")["met"]
    assert not _noticed(rows, "tilt")["met"]


def test_a_file_that_holds_no_clips_is_refused(clips: Path) -> None:
    with pytest.raises(UserError, match="give an npz of clips with --mocap"):
        bench(clips.with_name("none.npz"))
    with pytest.raises(UserError, match="name others with --walks and --stands"):
        bench(clips, walks="walk,run")
    clips.write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(UserError, match=r"write it with numpy\.savez"):
        bench(clips)
