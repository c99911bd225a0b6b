"""The viewer's window on a real X server, and what its death does to the publisher."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from view_walker import Walker

from engines.errors import UserError
from realtime.client.subscribe import Subscriber

Start = Callable[..., "subprocess.Popen[str]"]
VIEW = "import typer; from realtime.commands.live.view import view; typer.run(view)"


@pytest.fixture
def start(display: str, tmp_path: Path) -> Start:
    """A viewer's process with settings of its own."""
    env = {"PATH": "/usr/bin:/bin", "DISPLAY": display, "XDG_CONFIG_HOME": str(tmp_path)}

    def started(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", VIEW, *arguments]
        return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    return started


def watch(start: Start, *arguments: str) -> str:
    """What a viewer says that draws a few frames of a walk."""
    with Walker(lambda: True, people=2) as walker:
        viewer = start(walker.address, "--frames", "5", *arguments)
        try:
            _, said = viewer.communicate(timeout=90)
        finally:
            viewer.kill()
            viewer.wait()
    assert viewer.returncode == 0, said
    return said


def test_the_window_shows_the_stream_and_ends_at_its_limit(start: Start) -> None:
    with Walker(lambda: True, people=2) as walker:
        viewer = start(walker.address, "--frames", "20", "--size", "400x300")
        try:
            out, said = viewer.communicate(timeout=90)
        finally:
            viewer.kill()
            viewer.wait()
    assert viewer.returncode == 0, said
    assert "drew 20 frames" in said
    assert out == ""


def test_killing_the_window_changes_nothing_for_other_subscribers(start: Start) -> None:
    with Walker(lambda: True) as walker, Subscriber(walker.address) as other:
        viewer = start(walker.address)
        try:
            before = other.receive(30)
            for _ in range(200):  # the viewer starts, and may be drawing, while this one reads on
                other.receive(30)
            viewer.kill()
            viewer.communicate()
            for _ in range(200):
                after = other.receive(30)
        finally:
            viewer.kill()
            viewer.wait()
    assert other.gaps == 0
    assert after.session == before.session


def test_a_window_opens_as_the_one_before_was_left(start: Start, tmp_path: Path) -> None:
    kept = tmp_path / "realtime-pose" / "window.json"

    def left() -> tuple[int, int, int, int]:
        view = json.loads(kept.read_text())
        return view["width"], view["height"], round(view["azimuth_deg"]), round(view["elevation_deg"])

    watch(start, "--size", "500x400", "--azimuth", "75")
    assert left() == (500, 400, 75, 14)
    watch(start)
    assert left() == (500, 400, 75, 14)
    watch(start, "--size", "320x240")
    assert left() == (320, 240, 75, 14)  # the size that is given wins, the view stays
    kept.write_text("{")
    assert "does not say how the window was" in watch(start)
    assert left() == (960, 720, 32, 14)


def test_a_display_that_does_not_answer_counts_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    from realtime.view.view import view

    monkeypatch.setenv("DISPLAY", ":7654")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    ready = threading.Event()
    with pytest.raises(UserError, match="no display"):
        view(on_ready=ready.set)
    assert not ready.is_set()
