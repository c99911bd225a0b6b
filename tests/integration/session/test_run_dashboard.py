"""`realtime run --dashboard` in a real terminal, with everything behind it real."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from run_process import free_port
from waiting import until

from realtime.assets.fetch import fetch
from realtime.client.status import StatusListener
from realtime.client.subscribe import Subscriber
from realtime.keys.key_store import KeyStore
from realtime.ring.segment import sweep

pytest.importorskip("termios", reason="no terminals of this kind here")
pytest.importorskip("pyte", reason="the terminal of the tests: pip install -e '.[test]'")

from terminal import MAIN_SCREEN, WAIT_S, Terminal


@pytest.fixture(scope="module")
def clip() -> Path:
    shared = Path(__file__).resolve().parents[4] / "shared" / "videos" / "tfjs_pose_1.mp4"
    return shared if shared.exists() else fetch("demo")


@pytest.fixture
def address() -> str:
    return f"tcp://127.0.0.1:{free_port()}"


@pytest.fixture(autouse=True)
def _no_memory_is_left_behind() -> Iterator[None]:
    sweep()
    yield
    assert not sweep()


def arguments(clip: Path, address: str, *more: str) -> list[str]:
    rpc = f"tcp://127.0.0.1:{free_port()}"
    return ["run", "--source", str(clip), "--no-view", "--dashboard", "--address", address, "--rpc-address", rpc, *more]


def test_the_session_is_shown_while_it_runs_and_summed_up_after_it(clip: Path, address: str) -> None:
    with Terminal(*arguments(clip, address, "--loop", "--json")) as terminal:
        terminal.until_text("starting: waiting for")
        terminal.until_text("fresh", "running", "onnxruntime", "stream-243", "producer", "lifter ready", "p50")
        assert terminal.alternate
        children = psutil.Process(terminal.popen.pid).children(recursive=True)
        assert len(children) >= 2
        terminal.press(b"\x03")
        assert terminal.finish() == 0
    assert not terminal.alternate
    _, alive = psutil.wait_procs(children, timeout=WAIT_S)
    assert alive == []
    after = terminal.written.split(MAIN_SCREEN)[-1].decode()
    assert "lifter ready" in after  # what was said meanwhile is not lost
    assert "capture to message" in after
    assert "Traceback" not in after
    assert json.loads(after.splitlines()[-1])["published"] > 0


def test_a_terminal_that_is_held_stops_the_picture_alone(clip: Path, address: str, tmp_path: Path) -> None:
    """Ctrl-S: nothing can be written any more. The stream goes on, and ends in order by itself."""
    with (tmp_path / "log").open("w") as log, Terminal(
        *arguments(clip, address, "--loop", "--duration", "8"), stderr=log.fileno()
    ) as terminal, StatusListener(address) as status:  # fmt: skip
        terminal.until_text("fresh")
        terminal.press(b"\x13")
        with Subscriber(address, timeout_s=WAIT_S) as subscriber:
            first = next(subscriber).seq
            until(lambda: next(subscriber).seq >= first + 20)
        until(lambda: (status.latest() or {}).get("state") == "stopped")
        terminal.press(b"\x11")
        assert terminal.finish() == 0
    assert "lifter ready" in (tmp_path / "log").read_text()


def test_a_stream_with_keys_is_shown_with_a_key_of_its_own(clip: Path, address: str, tmp_path: Path) -> None:
    KeyStore(tmp_path).new("server")
    with Terminal(*arguments(clip, address, "--keys", str(tmp_path))) as terminal:
        terminal.until_text("fresh", "stream-243")
        terminal.press(b"\x03")
        assert terminal.finish() == 0
    assert [key.name for key in KeyStore(tmp_path).known() if key.allowed] == ["viewer"]


def test_ctrl_c_while_it_starts_leaves_the_terminal_as_it_was(clip: Path, address: str) -> None:
    with Terminal(*arguments(clip, address)) as terminal:
        terminal.until(lambda: terminal.alternate)
        terminal.press(b"\x03")
        assert terminal.finish() == 130
        assert not terminal.alternate
        assert b"Traceback" not in terminal.written


def test_what_ends_the_session_is_said_on_the_terminal_it_was_started_from(clip: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video" * 1000)
    with Terminal(*arguments(broken, "tcp://127.0.0.1:0")) as terminal:
        assert terminal.finish() == 2
    after = terminal.written.split(MAIN_SCREEN)[-1].decode()
    assert "realtime: " in after
    assert "broken.mp4" in after


def test_without_a_terminal_it_is_refused_before_anything_starts(clip: Path) -> None:
    command = [sys.executable, "-m", "realtime.cli", *arguments(clip, "tcp://127.0.0.1:0")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=WAIT_S)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "realtime: the dashboard needs a terminal and stdout is none: run it in one, or leave out --dashboard\n"
    )
