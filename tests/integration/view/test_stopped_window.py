"""A viewer that stands still for ten seconds (SIGSTOP) and goes on: nobody waits for it, and it shows what is now."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from view_walker import frame, person
from waiting import until

from realtime.client.subscribe import Subscriber
from realtime.server.publish import Publisher

WAIT_S = 120.0
RATE_HZ, STOPPED_S = 30, 10
STOPPED = RATE_HZ * STOPPED_S  # messages that are published meanwhile
WRISTS = (13, 16)
# `realtime view`, which also tells of every message that it draws: its number, how far apart the figure's wrists are in
# the scene, whether the picture has a limb's colour where each wrist is, and what the panel says of the stream.
VIEW = f"""
import json, sys
import numpy as np
import typer
from realtime.commands.live.view import view
from realtime.view.window import Window
show = Window.show
def told(self, message, subscriber):
    still_open = show(self, message, subscriber)
    image, [figure] = self._stage.image().astype(int), self.picture.follow.figures
    wrists_m = figure.joints_m[{list(WRISTS)}]
    coloured = np.abs(image[..., 2] - image[..., 0]) > 60
    places = self._stage.project(wrists_m).round().astype(int)
    seen = [bool(coloured[y - 2:y + 3, x - 2:x + 3].any()) for x, y in places]
    apart_m = float(np.linalg.norm(wrists_m[0] - wrists_m[1]))
    state = self.picture.panel.rows(0.0, self.state(subscriber))[0][1]
    print(json.dumps([message.seq, apart_m, seen, state]), flush=True)
    return still_open
Window.show = told
typer.run(view)
"""


class Viewer:
    """A process with a window, and what it has told of what it drew."""

    def __init__(self, display: str, folder: Path, address: str) -> None:
        env = {"PATH": "/usr/bin:/bin", "DISPLAY": display, "XDG_CONFIG_HOME": str(folder)}
        words = [address, "--size", "480x360", "--azimuth", "0", "--elevation", "0"]
        self._popen = subprocess.Popen([sys.executable, "-c", VIEW, *words], env=env, stdout=subprocess.PIPE, text=True)
        self.drawn: list[tuple[int, float, list[bool], str]] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def __enter__(self) -> Viewer:
        return self

    def __exit__(self, *_: object) -> None:
        self._popen.kill()
        self._popen.wait()
        self._reader.join()

    @property
    def newest(self) -> int:
        return self.drawn[-1][0] if self.drawn else -1

    def signal(self, number: signal.Signals) -> None:
        os.kill(self._popen.pid, number)

    def _read(self) -> None:
        assert self._popen.stdout is not None
        for line in self._popen.stdout:
            self.drawn.append(tuple(json.loads(line)))
        self._popen.stdout.close()


class Source:
    """Someone who takes their hands further apart with every message, published as a camera's poses are."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher, self._pace = publisher, threading.Event()

    @staticmethod
    def apart_m(seq: int) -> float:
        return 0.5 + 0.001 * (seq % 1000)

    def send(self) -> None:
        seq = self._publisher.sent()
        one = person(0)
        joints_m = one.joints_m.copy()
        joints_m[list(WRISTS)] = [(side * self.apart_m(seq) / 2, -0.3, -0.2) for side in (1, -1)]
        self._publisher.send(frame(seq, (replace(one, joints_m=joints_m),), 0))
        self._pace.wait(1 / RATE_HZ)  # not a wait for anything: a camera's pace


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher("tcp://127.0.0.1:0", None) as opened:
        yield opened


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no SIGSTOP on this system")
def test_a_stopped_window_holds_nobody_up_and_shows_the_newest_pose_when_it_goes_on(
    display: str, publisher: Publisher, tmp_path: Path
) -> None:
    source = Source(publisher)
    with Viewer(display, tmp_path, publisher.address) as viewer, Subscriber(publisher.address) as witness:
        until(lambda: len(viewer.drawn) >= 5, lambda: (source.send(), witness.latest()), WAIT_S)
        until(lambda: (newest := witness.latest()) is not None and newest.seq == publisher.sent() - 1)
        viewer.signal(signal.SIGSTOP)
        heard = []
        for _ in range(STOPPED):
            source.send()
            heard.append(witness.receive(WAIT_S).seq)
        last, before = publisher.sent() - 1, viewer.newest
        assert heard == list(range(last - STOPPED + 1, last + 1))  # another subscriber missed nothing, one by one
        assert before <= last - STOPPED

        viewer.signal(signal.SIGCONT)
        until(lambda: viewer.newest == last, wait_s=WAIT_S)  # and nothing more is sent to make it so
        goes_on = len(viewer.drawn)
        until(lambda: len(viewer.drawn) >= goes_on + 5, source.send, WAIT_S)

    drawn = viewer.drawn
    assert all(later > earlier for (earlier, *_), (later, *_) in pairwise(drawn))
    # What was published while it stood still is not gone through: it is the newest that is drawn.
    assert sum(before < seq < last for seq, *_ in drawn) < STOPPED // 3
    for seq, apart_m, seen, state in drawn[-6:]:
        assert seq >= last
        assert apart_m == pytest.approx(source.apart_m(seq), abs=1e-4)
        assert seen == [True, True]
        assert state == "live"
    assert np.ptp([apart_m for _, apart_m, *_ in drawn]) > 0.25  # it is another pose than before
