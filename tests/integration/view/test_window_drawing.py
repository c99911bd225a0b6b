"""What a window on a real X server shows, and how it is drawn where there is no graphics card."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise

import pytest

from realtime.bench.viewing.lasting import crowd
from realtime.view.scene.follow import MOST_PEOPLE

# Samples a pixel, variables that are left set, and each limb in its colour where it is projected.
SCRIPT = """
import ctypes, json, os
import numpy as np
from realtime.bench.viewing.walkers import walkers
from realtime.view.picture import Show
from realtime.view.scene.graphics import software_gl
from realtime.view.scene.stage import Stage
from realtime.view.window import Window
from engines.models.skeleton import LEFT, RIGHT
class Stream:
    rate_hz, address = 30.0, "here"
with Stage((640, 480), window=True, angle_deg=(0, 0)) as stage:
    window = Window(stage, None, Show("3d", panel=False))
    window.show(walkers(0, 1), Stream())
    samples = ctypes.c_int(-1)
    ctypes.CDLL("libGL.so.1").glGetIntegerv(0x80A9, ctypes.byref(samples))
    image = stage.image().astype(int)
    pixels = stage.project(window.picture.follow.figures[0].joints_m).round().astype(int)
    warm = image[..., 2] - image[..., 0] > 60
    cool = image[..., 0] - image[..., 2] > 60
    drawn = [bool(mask[y - 1:y + 2, x - 1:x + 2].any()) for side, mask in ((LEFT, warm), (RIGHT, cool))
             for x, y in pixels[list(side)]]
    floor = image[pixels[3, 1] + 4, 320].tolist()
    print(json.dumps({"computed": stage.computed, "samples": samples.value, "drawn": drawn, "floor": floor,
                      "left": sorted({"DRI_NO_MSAA", "XDG_RUNTIME_DIR"} & set(os.environ))}))
"""


@pytest.fixture(scope="module")
def shown(display: str) -> dict:
    env = {"PATH": "/usr/bin:/bin", "DISPLAY": display, "LIBGL_ALWAYS_SOFTWARE": "1"}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout), said=done.stderr)


def test_a_window_that_the_processor_draws_has_one_sample_a_pixel(shown: dict) -> None:
    assert shown["computed"]
    assert shown["samples"] in (0, 1)
    assert shown["left"] == []  # the environment is as it was
    assert shown["said"] == ""


def test_the_window_shows_left_and_right_in_their_colours_and_the_floor_under_them(shown: dict) -> None:
    assert all(shown["drawn"])
    assert len(shown["drawn"]) == 12
    assert max(shown["floor"]) < 0.945 * 255  # darker than what is behind


def test_the_benchmark_tells_each_crowds_redraw(display: str) -> None:
    env = {"PATH": "/usr/bin:/bin", "DISPLAY": display}
    command = [sys.executable, "-m", "realtime.cli", "bench", "redraw", "--people", "1,3", "--pictures", "5",
               "--size", "320x240"]  # fmt: skip
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["rows"]
    assert [row["people"] for row in rows] == [1, 3]
    assert all(row["cpu_ms"] > 0 for row in rows)


def test_the_benchmark_of_memory_has_people_come_and_go(display: str) -> None:
    env = {"PATH": "/usr/bin:/bin", "DISPLAY": display}
    command = [sys.executable, "-m", "realtime.cli", "bench", "redraw", "--lasting", "320", "--size", "320x240"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    row = json.loads(done.stdout)["lasting"]
    assert (row["poses"], row["most_people"], len(row["rss_mb"])) == (320, 5, 20)
    assert row["warm_mb"] == row["rss_mb"][4]
    assert row["end_mb"] == row["rss_mb"][-1] > 50


def test_a_crowd_is_never_larger_than_a_window_holds_and_nobody_comes_back() -> None:
    messages = list(crowd(5000))
    ids = [[person.id for person in message.persons] for message in messages]
    assert max(map(len, ids)) <= MOST_PEOPLE
    assert min(map(len, ids)) == 0
    assert any(person.held for message in messages for person in message.persons)
    gone: set[int] = set()
    for before, now in pairwise([here for here in ids if here]):
        gone |= set(before) - set(now)
        assert not gone & set(now)
    assert len(gone) > 100
    assert sum(message.new_session for message in messages) == 2


def test_the_benchmark_without_a_display_says_how() -> None:
    command = [sys.executable, "-m", "realtime.cli", "bench", "redraw"]
    done = subprocess.run(command, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert "no display for a window" in done.stderr


# Poses 200 ms apart by the camera's clock and more by ours, so that there is time between them on any machine.
BETWEEN = """
import json, time
import numpy as np
from dataclasses import replace
from realtime.bench.viewing.walkers import walkers
from realtime.view.picture import Show
from realtime.view.scene.stage import Stage
from realtime.view.window import Window
class Stream:
    rate_hz, address = 5.0, "here"
def message(index):
    made = walkers(0, 1)
    person = replace(made.persons[0], root_m=np.array((0.2 * index, 0.1, 4), np.float32))
    return replace(made, t_capture_ns=index * 200_000_000, persons=(person,))
said = {}
for smooth in (True, False):
    with Stage((320, 240), window=True, angle_deg=(0, 0)) as stage:
        window, end = Window(stage, None, Show("3d", panel=False, smooth=smooth)), time.monotonic() + 100
        for index in range(40):
            window.show(message(index), Stream())
            newest = stage.image()
            next_at = time.monotonic() + (0.2 if index < 3 or not smooth else 3.0)
            while time.monotonic() < min(next_at, end) and not window.between:
                window.idle(Stream())
            if window.between or (not smooth and index == 5):
                break
        between = stage.image()
    warm = [np.nonzero(image[..., 2].astype(int) - image[..., 0] > 60) for image in (newest, between)]
    said[smooth] = {"between": window.between, "index": index, "same": bool((newest == between).all()),
                    "drawn": min(len(rows) for rows, _ in warm)}
print(json.dumps([said[True], said[False]]))
"""


def test_the_window_goes_on_between_poses_unless_asked_not_to(display: str) -> None:
    env = {"PATH": "/usr/bin:/bin", "DISPLAY": display}
    done = subprocess.run([sys.executable, "-c", BETWEEN], env=env, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    smooth, plain = json.loads(done.stdout)
    assert smooth["between"] == 1
    assert not smooth["same"]
    assert smooth["drawn"] > 100
    assert plain["between"] == 0
    assert plain["same"]
