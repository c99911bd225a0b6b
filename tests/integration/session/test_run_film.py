"""A film that a session draws, and is interrupted at: what it holds is said, or nothing is left of it."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import av
import psutil
from run_process import TIMEOUT_S, RunProcess
from waiting import until


def begun(folder: Path) -> bool:
    """Its first picture is drawn."""
    return any(folder.glob(".out.*.mp4"))


def test_an_interrupted_session_says_how_far_its_film_goes(tmp_path: Path) -> None:
    film = tmp_path / "out.mp4"
    with RunProcess("--source", "demo", "--loop", "--render", str(film), "--size", "160x120") as run:
        until(lambda: begun(tmp_path), wait_s=TIMEOUT_S)
        run.interrupt()
        summary = run.finish()
        said = "\n".join(run.said)
    with av.open(str(film)) as video:
        frames = len(list(video.decode(video=0)))
    told = re.search(r"out\.mp4 holds (\d+) pictures", said)
    assert told is not None, said
    assert int(told[1]) == frames
    assert f"as far as it was published, {summary['published']} frames: it was interrupted" in " ".join(said.split())
    assert list(tmp_path.iterdir()) == [film]


def test_a_second_ctrl_c_leaves_nothing_of_a_film(tmp_path: Path) -> None:
    film = tmp_path / "out.mp4"
    with RunProcess("--source", "demo", "--loop", "--render", str(film), "--size", "160x120") as run:
        pids = {name: int(run.wait_for(rf"({name}) started \(pid (\d+)\)")[2]) for name in ("producer", "lifter",
                                                                                           "viewer")}  # fmt: skip
        until(lambda: begun(tmp_path), wait_s=TIMEOUT_S)
        os.kill(pids["viewer"], signal.SIGSTOP)  # it finishes nothing
        run.interrupt()
        until(lambda: not psutil.pid_exists(pids["lifter"]), wait_s=TIMEOUT_S)
        run.interrupt()
        assert run.popen.wait(TIMEOUT_S) == 2
        run.wait_for("out.mp4 was not made")
    assert list(tmp_path.iterdir()) == []
