"""`realtime bench fusion` on a person who is known: made up, before four cameras; figures that belong together."""

from __future__ import annotations

import json

import numpy as np
import pytest
from room import LENS, cameras_round, wandering

from calibration.lens.placed import PlacedCamera
from engines.lifting.load_lifter import load_lifter
from realtime.bench.fusion import LESS_PERCENT, bench_fusion
from realtime.files.keypoints_file import KeypointsFile
from realtime.model import four_views, fused_live
from realtime.model.four_views import TRUTH, Watched, compare_views
from realtime.model.fused_live import ClockRow, LiveRow

Given = tuple[list[PlacedCamera], dict[str, list[Watched]]]


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Given:
    """In place of the real person's pictures, which are not here. MediaPipe's own poses are the true ones, turned."""
    cameras, t_s = cameras_round(4), np.arange(0, 4, 1 / 30)
    body, views = wandering(t_s, 4), []
    for number, camera in enumerate(cameras):
        inside = camera.to_camera(body)
        noise = np.random.default_rng(number).normal(0, 1.0, (len(t_s), 17, 2))
        keypoints = KeypointsFile(
            np.asarray(LENS.project(inside) + noise, np.float32), np.full((len(t_s), 17), 0.95, np.float32), t_s, LENS
        )
        views.append(Watched(keypoints, np.asarray(inside - inside[:, :1], np.float32)))
    seen = cameras, {TRUTH: views}
    monkeypatch.setattr(four_views, "watch_views", lambda *_: seen)
    return seen


def test_last_line_is_json_with_every_pair_alone_and_together(
    given: Given, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    live = [LiveRow("all", TRUTH, 31.0, 42.0)], [ClockRow(TRUTH, (1.0,), (None,), (2.0,))]
    monkeypatch.setattr(fused_live, "fuse_live", lambda *_: live)  # takes long, and has a test of its own
    bench_fusion("default")
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    names = [camera.name for camera in given[0]]
    pairs = result["pairs"]
    assert [pair["cameras"] for pair in pairs] == [
        f"{one} + {other}" for at, one in enumerate(names) for other in names[at + 1 :]
    ]
    for pair in pairs:
        assert 0 < pair["fused_mm"] < 90
        assert pair["less_percent"] == pytest.approx(100 * (1 - pair["fused_mm"] / pair["better_mm"]))
        assert 0 <= pair["within_sigma_percent"] <= 100
    fused, better = (np.mean([pair[key] for pair in pairs]) for key in ("fused_mm", "better_mm"))
    assert result["less_percent"][TRUTH] == pytest.approx(100 * (1 - fused / better))
    assert result["met"] == (result["less_percent"][TRUTH] >= LESS_PERCENT)
    assert result["live"] == [row.as_dict() for row in live[0]]
    assert result["clocks"] == [json.loads(json.dumps(row.as_dict())) for row in live[1]]


def test_poses_that_are_true_have_no_error_in_any_view(given: Given) -> None:
    with load_lifter("default") as lifter:
        rows = compare_views(lifter)
    assert [(row.view, row.detector) for row in rows] == [(camera.name, TRUTH) for camera in given[0] for _ in "12"]
    ours, theirs = rows[::2], rows[1::2]
    assert {row.poses for row in theirs} == {"MediaPipe world"}
    for row in theirs:
        assert row.p_mpjpe_mm < 15  # the truth is triangulated from keypoints with errors of a pixel
        assert row.knee_deg < 5
    assert min(row.p_mpjpe_mm for row in ours) > max(row.p_mpjpe_mm for row in theirs)
    assert rows[0].cells()[:3] == (rows[0].view, TRUTH, rows[0].poses)
