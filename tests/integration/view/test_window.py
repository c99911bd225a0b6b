"""The viewer's window on a real X server, and what its death does to the publisher."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest
from view_walker import Walker

from engines.errors import UserError
from realtime.client.subscribe import Subscriber

VIEW = "import typer; from realtime.commands.live.view import view; typer.run(view)"


def start(display: str, *arguments: str) -> subprocess.Popen[str]:
    env = {"PATH": "/usr/bin:/bin", "DISPLAY": display}
    command = [sys.executable, "-c", VIEW, *arguments, "--size", "400x300"]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_window_shows_the_stream_and_ends_at_its_limit(display: str) -> None:
    with Walker(lambda: True, people=2) as walker:
        viewer = start(display, walker.address, "--frames", "20")
        try:
            out, said = viewer.communicate(timeout=90)
        finally:
            viewer.kill()
            viewer.wait()
    assert viewer.returncode == 0, said
    assert "drew 20 frames" in said
    assert out == ""


def test_killing_the_window_changes_nothing_for_other_subscribers(display: str) -> None:
    with Walker(lambda: True) as walker, Subscriber(walker.address) as other:
        viewer = start(display, walker.address)
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


def test_a_display_that_does_not_answer_counts_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    from realtime.view.view import view

    monkeypatch.setenv("DISPLAY", ":7654")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    ready = threading.Event()
    with pytest.raises(UserError, match="no display"):
        view(on_ready=ready.set)
    assert not ready.is_set()
