"""The page and its stream: for who has the code, from a real stream, drawn by a real browser, over a restart."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from bridge_process import BridgeProcess
from chromium import CHROMIUM, Chromium
from figures import in_camera, pose, walk
from run_process import free_port
from waiting import until
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from realtime.clock import monotonic_ns
from realtime.contracts import PoseFrame, Stamp
from realtime.server.publish import Publisher

JOINTS = in_camera(walk(300))
# of the canvas: pixels in the colours of left, right and a held pose, and how tall what is drawn in them is
PIXELS = """
(() => {
  const canvas = document.querySelector('canvas');
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  const near = (i, r, g, b) => Math.abs(data[i] - r) + Math.abs(data[i+1] - g) + Math.abs(data[i+2] - b) < 30;
  const found = {left: 0, right: 0, held: 0, top: canvas.height, bottom: 0, height: canvas.height};
  for (let i = 0; i < data.length; i += 4) {
    const is = near(i, 250, 120, 51) ? 'left' : near(i, 41, 128, 237) ? 'right' : near(i, 160, 165, 173) ? 'held' : '';
    if (!is) continue;
    found[is]++;
    const row = Math.floor(i / 4 / canvas.width);
    [found.top, found.bottom] = [Math.min(found.top, row), Math.max(found.bottom, row)];
  }
  return found;
})()
"""


def publish(publisher: Publisher, held: bool = False, reach_m: float | None = None) -> None:
    """`reach_m`: so high over the wrist is a knuckle."""
    frame, now_ns = publisher.sent(), monotonic_ns()
    joints, hands = JOINTS[frame % 300], {}
    if reach_m is not None:
        knuckles = np.full((6, 3), np.nan, np.float32)
        knuckles[4] = joints[13] - joints[0] - np.array((0, reach_m, 0))
        hands = {"hands_m": knuckles, "hands_sigma_m": np.where(np.isnan(knuckles[:, 0]), np.nan, 0.05)}
    people = (pose(7, joints, held=held, **hands),)
    publisher.send(PoseFrame(Stamp(frame, now_ns, now_ns), (640, 480), people), engine="e")


def url_of(bridge: BridgeProcess) -> str:
    match = re.search(r"http://\S+/#[A-Z2-9]{8}", bridge.wait_for("Ctrl-C ends it"))
    assert match is not None
    return match[0]


def test_who_has_the_code_gets_the_people() -> None:
    port = free_port()
    with (
        Publisher("tcp://127.0.0.1:*", None) as publisher,
        BridgeProcess("web", publisher.address, "--listen", f"127.0.0.1:{port}") as bridge,
    ):
        url, code = url_of(bridge).split("#")
        assert url == f"http://127.0.0.1:{port}/"
        with urllib.request.urlopen(url) as page:
            assert page.headers["Content-Type"] == "text/html; charset=utf-8"
            text = page.read().decode()
        assert "<canvas>" in text
        assert "http" not in re.sub(r"https:\"|http-equiv", "", text)  # fetches nothing from elsewhere
        assert code not in text
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{url}other")
        for wrong in ("", "AAAAAAAA", code.lower(), code + "A"):
            with connect(f"ws://127.0.0.1:{port}/stream") as socket:
                socket.send(wrong)
                publish(publisher)
                with pytest.raises(ConnectionClosed) as closed:
                    socket.recv(timeout=10)
                assert closed.value.rcvd is not None
                assert closed.value.rcvd.code == 4401
        with connect(f"ws://127.0.0.1:{port}/stream") as socket, connect(f"ws://127.0.0.1:{port}/stream") as second:
            got = []
            for one in (socket, second):
                one.send(code)
                until(lambda one=one: bool(received(one, got)), lambda: publish(publisher))
            assert bridge.end() == 0
            with pytest.raises(ConnectionClosed):
                drain(socket)
        assert "Traceback" not in "\n".join(bridge.said)
    frame = json.loads(got[-1])
    (person,) = frame["people"]
    assert person["id"] == 7
    wanted = JOINTS[frame["seq"] % 300] * (1, -1, -1)
    np.testing.assert_allclose(np.array(person["joints"]) / 1000, wanted, atol=6e-4)


def received(socket: ClientConnection, got: list[str]) -> bool:
    try:
        got.append(socket.recv(timeout=0.02))
    except TimeoutError:
        return False
    return True


def drain(socket: ClientConnection) -> None:
    while True:
        socket.recv(timeout=10)


def test_a_place_that_is_taken_is_said() -> None:
    port = free_port()
    with BridgeProcess("web", "--listen", f"127.0.0.1:{port}") as first:
        url_of(first)
        with BridgeProcess("web", "--listen", f"127.0.0.1:{port}") as second:
            assert second.popen.wait(60) == 2
            second.wait_for("choose another place with --listen")
        assert first.end() == 0


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here, which draws the page")
def test_a_browser_draws_the_person_and_goes_on_after_a_restart(tmp_path: Path) -> None:
    address, port = f"tcp://127.0.0.1:{free_port()}", free_port()
    with BridgeProcess("web", address, "--listen", f"127.0.0.1:{port}") as bridge:
        url, code = url_of(bridge).split("#")
        with Chromium(tmp_path / "profile") as browser:
            browser.visit(url)
            until(lambda: browser.run("getComputedStyle(document.querySelector('form')).display") == "grid")
            assert drawn(browser)["left"] == 0
            enter(browser, "WRONGONE")
            until(lambda: "not the code" in browser.run("document.querySelector('#said').textContent"))
            enter(browser, code.lower())
            for held, colours in ((False, ("left", "right")), (True, ("held",)), (False, ("left", "right"))):
                with Publisher(address, None) as publisher:  # a new one each time

                    def seen(colours: tuple[str, ...] = colours) -> bool:
                        return all(drawn(browser)[colour] > 500 for colour in colours)

                    until(seen, lambda to=publisher, held=held: publish(to, held))
                    found = drawn(browser)
                    assert 0.25 < (found["bottom"] - found["top"]) / found["height"] < 0.9
                    browser.screenshot(tmp_path / "page.png")
            with Publisher(address, None) as publisher:
                until(lambda: drawn(browser)["top"] < found["top"] - found["height"] / 8,
                      lambda: publish(publisher, reach_m=2.0))  # fmt: skip
                browser.screenshot(tmp_path / "hand.png")
            until(lambda: "waiting" in browser.run("document.querySelector('#said').textContent"))
            assert drawn(browser)["left"] == 0
        assert bridge.end() == 0


def drawn(browser: Chromium) -> dict[str, int]:
    return dict(browser.run(PIXELS))


def enter(browser: Chromium, code: str) -> None:
    browser.run(f"document.querySelector('#code').value = '{code}'; document.querySelector('form').requestSubmit()")
