"""What a window keeps for the next one."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from realtime.view.remembered import WindowView, recall, remember
from realtime.view.scene.stage import Stage

VIEW = WindowView(640, 480, -120.5, 20.0, 1.5)
FIELDS = {"width": 640, "height": 480, "azimuth_deg": 0.0, "elevation_deg": 14.0, "zoom": 1.0}
sides = st.integers(64, 8192)


@given(sides, sides, st.floats(-180, 180), st.floats(-90, 90), st.floats(0.1, 10))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_view_comes_back(
    tmp_path: Path, width: int, height: int, azimuth: float, elevation: float, zoom: float
) -> None:
    view = WindowView(width, height, azimuth, elevation, zoom)
    remember(tmp_path / "settings" / "window.json", view)
    assert recall(tmp_path / "settings" / "window.json") == view
    assert [path.name for path in (tmp_path / "settings").iterdir()] == ["window.json"]


def test_the_first_window_has_nothing_to_remember(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert recall(tmp_path / "none.json") is None
    assert not caplog.records


@pytest.mark.parametrize("text", [
    "", "{", "[]", "5", "null", "{}", '"width"', "[" * 100_000, "\x00\xff", json.dumps({**FIELDS, "more": 1}),
    *(json.dumps({**FIELDS, name: value}) for name, value in (
        ("width", 0), ("width", 10**9), ("width", 640.0), ("width", True), ("height", "480"), ("zoom", 0),
        ("zoom", None), ("azimuth_deg", float("nan")), ("azimuth_deg", float("inf")), ("elevation_deg", 91),
        ("elevation_deg", float("nan")), ("elevation_deg", [1]),
    )),
])  # fmt: skip
def test_a_file_of_something_else_is_said_and_left_out(
    tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "window.json"
    path.write_text(text, encoding="latin-1")
    assert recall(path) is None
    assert len(caplog.records) == 1
    assert "opens as new" in caplog.text


def test_settings_that_cannot_be_written_stop_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "settings").write_text("a file where the folder should be")
    with caplog.at_level(logging.WARNING):
        remember(tmp_path / "settings" / "window.json", VIEW)
    assert len(caplog.records) == 1
    assert "not kept" in caplog.text


@pytest.mark.parametrize("angle_deg", [(0.0, 0.0), (32.0, 14.0), (-150.0, -30.0), (179.0, 84.0)])
def test_the_eye_tells_where_it_looks_from(angle_deg: tuple[float, float]) -> None:
    with Stage((160, 120), window=False, supersample=1) as stage:
        stage.eye.look_from(*angle_deg, zoom=2.0)
        stage.eye.wheel(1)
        assert stage.eye.angle_deg == pytest.approx(angle_deg, abs=1e-6)
        assert stage.eye.zoom == pytest.approx(1.8)
