"""Sessions that end as no success: nobody was ever seen, or there is no folder to be in."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from run_process import TIMEOUT_S, RunProcess


def empty_room(path: Path) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (160, 120))
    for _ in range(12):
        writer.write(np.full((120, 160, 3), 90, np.uint8))
    writer.release()
    return path


@pytest.mark.parametrize(("options", "code"), [((), 2), (("--frames", "5"), 0)])
def test_a_film_in_which_nobody_was_ever_seen_is_no_plain_success(
    options: tuple[str, ...], code: int, tmp_path: Path
) -> None:
    film = empty_room(tmp_path / "room.avi")
    with RunProcess("--source", str(film), "--max-speed", "--no-view", *options) as run:
        assert run.popen.stdout is not None
        summary = json.loads(run.popen.stdout.read())
        assert run.popen.wait(TIMEOUT_S) == code
    assert summary["frames_with_person"] == 0, "the summary is there all the same"
    assert ("nobody was seen in any of the 12 frames" in "\n".join(run.said)) == (code == 2)


@pytest.mark.skipif(sys.platform == "win32", reason="a folder in use cannot be deleted there")
@pytest.mark.parametrize("command", [("run", "--no-view"), ("run", "--render", "out.mp4"), ("doctor",)])
def test_a_folder_that_was_deleted_is_said_in_one_sentence(command: tuple[str, ...], tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = 'rmdir "$PWD" && exec "$@"'
    done = subprocess.run(["sh", "-c", script, "sh", sys.executable, "-m", "realtime.cli", *command], cwd=gone,
                          capture_output=True, text=True, timeout=TIMEOUT_S, check=False)  # fmt: skip
    assert done.returncode != 0
    assert "has been deleted" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
