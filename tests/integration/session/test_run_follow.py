"""`realtime run --follow` with two people before a camera: one is published, and who comes and goes is told."""

from __future__ import annotations

import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from mjpeg_server import MjpegServer
from run_process import COMMAND, TIMEOUT_S, RunProcess

from realtime.client.subscribe import Subscriber
from realtime.wire.messages import PoseMessage

CLIP = Path(__file__).resolve().parents[4] / "shared" / "videos" / "tfjs_pose_1.mp4"


def pictures(count: int) -> list[np.ndarray]:
    """One person on the left, and one of six tenths of their size on the right."""
    video = cv2.VideoCapture(str(CLIP))
    images = [cv2.resize(video.read()[1], (420, 420), interpolation=cv2.INTER_AREA) for _ in range(count)]
    video.release()
    both = []
    for image in images:
        small = cv2.resize(image, (252, 252), interpolation=cv2.INTER_AREA)
        beside = np.full((420, 252, 3), image[0, 0], np.uint8)
        beside[168:] = small
        both.append(np.hstack([image, beside]))
    return both


def ids(message: PoseMessage) -> set[int]:
    return {person.id for person in message.persons}


@pytest.mark.skipif(not CLIP.exists(), reason="needs ../shared/videos/tfjs_pose_1.mp4")
def test_one_of_two_is_published_and_who_comes_and_goes_is_told() -> None:
    shown = pictures(40)
    nobody = [np.full_like(shown[0], 90)] * 30
    with (
        MjpegServer([*shown, *nobody], fps=15) as camera,
        RunProcess("--source", camera.url, "--no-view", "--people", "2", "--follow", "largest") as run,
    ):
        run.wait_for("producer ready")
        with Subscriber(run.address) as subscriber:
            before = subscriber.receive(timeout_s=TIMEOUT_S)
            came, went = len(before.appeared), 0
            while not (came and went):
                message = subscriber.receive(timeout_s=TIMEOUT_S)
                assert len(message.persons) <= 1
                if message.gap == 0:
                    assert set(message.appeared) == ids(message) - ids(before)
                    assert set(message.left) == ids(before) - ids(message)
                came, went = came + len(message.appeared), went + len(message.left)
                before = message
        run.interrupt()
        run.finish()


def test_whom_nobody_can_follow_is_said_in_one_line() -> None:
    done = subprocess.run([*COMMAND, "--people", "2", "--follow", "tallest"], capture_output=True, text=True,
                          timeout=TIMEOUT_S, check=False)  # fmt: skip
    assert done.returncode == 2
    assert "give nearest, largest or the id of a person" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
