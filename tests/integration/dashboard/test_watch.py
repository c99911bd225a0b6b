"""`realtime watch` in a real terminal, on a real stream."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from view_walker import Walker

from realtime.keys.key_store import KeyStore
from realtime.server.publish import Publisher

pytest.importorskip("termios", reason="no terminals of this kind here")
pytest.importorskip("pyte", reason="the terminal of the tests: pip install -e '.[test]'")

from terminal import Terminal


def test_a_stream_is_shown_in_80_by_24_and_left_with_ctrl_c() -> None:
    with Walker(lambda: True, people=2) as walker, Terminal("watch", walker.address) as terminal:
        terminal.until_text("running", "engine onnxruntime", "model stream-243", "fresh", "space camera", "p50")
        lines = terminal.text.splitlines()
        assert lines[0].startswith("╭─")
        assert f"realtime: main at {walker.address}" in lines[0]
        assert lines[-1].startswith("╰─")
        assert len(lines) == 24
        assert sum("fresh" in line for line in lines) == 2
        assert "4.00 m" in terminal.text
        assert terminal.alternate
        terminal.press(b"\x03")
        assert terminal.finish() == 0
        assert not terminal.alternate
        assert terminal.written.rfind(b"\x1b[?25h") > terminal.written.rfind(b"\x1b[?25l")  # the cursor is back
        assert b"Traceback" not in terminal.written


def test_it_waits_for_a_stream_and_says_when_it_ends_and_comes_again() -> None:
    with Publisher("tcp://127.0.0.1:0", rpc_address=None) as found:
        address = found.address
    with Terminal("watch", address) as terminal:
        terminal.until_text("waiting for the stream")
        with Publisher(address, rpc_address=None):
            terminal.until_text("starting")
        terminal.until_text("stopped")
        with Publisher(address, rpc_address=None):
            terminal.until_text("starting")


def test_it_fills_a_terminal_that_is_resized() -> None:
    with Walker(lambda: True) as walker, Terminal("watch", walker.address) as terminal:
        terminal.until_text("fresh")
        terminal.resize(110, 30)
        lines = [" " * 110]
        while not (lines[0][109:] == "╮" and lines[-1][:1] + lines[-1][109:] == "╰╯"):
            terminal.until_change()
            lines = terminal.text.splitlines()
        assert len(lines) == 30


def test_sigterm_leaves_the_terminal_as_it_was() -> None:
    with Terminal("watch", "tcp://127.0.0.1:9") as terminal:
        terminal.until_text("waiting for the stream")
        terminal.popen.terminate()
        assert terminal.finish() == 128 + 15
        assert not terminal.alternate


def test_a_stream_with_keys_is_shown_to_who_has_one(tmp_path: Path) -> None:
    store = KeyStore(tmp_path)
    secret = store.new("me")
    store.new("server")
    store.allow("me")
    with Publisher("tcp://127.0.0.1:0", rpc_address=None, keys=tmp_path) as publisher:
        keys = ["--key", str(secret), "--server-key", store.server().public]
        with Terminal("watch", publisher.address, *keys) as terminal:
            terminal.until_text("starting")


@pytest.mark.parametrize(
    ("arguments", "terminal", "complaint"),
    [
        ([], "xterm", "the dashboard needs a terminal and stdout is none: run it in one, or print the stream with"),
        (["--key", "me.key_secret"], "xterm", "needs both --key"),
    ],
)
def test_without_a_terminal_it_is_refused(arguments: list[str], terminal: str, complaint: str) -> None:
    done = subprocess.run([sys.executable, "-m", "realtime.cli", "watch", *arguments], capture_output=True, text=True,
                          env={**os.environ, "TERM": terminal}, check=False)  # fmt: skip
    assert done.returncode == 2
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_a_terminal_that_cannot_move_its_cursor_is_refused() -> None:
    with Terminal("watch", TERM="dumb") as terminal:
        assert terminal.finish() == 2
        assert b"TERM=dumb" in terminal.written
