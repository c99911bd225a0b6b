"""A video that another program writes into `realtime run --source -`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from realtime.assets.fetch import fetch

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a pipe is opened by its name in /proc")
RUN = [sys.executable, "-m", "realtime.cli", "run", "--source", "-", "--no-view", "--max-speed", "--json",
       "--address", "tcp://127.0.0.1:*", "--rpc", "tcp://127.0.0.1:*", "--stream", "piped"]  # fmt: skip
FRAMES = 25


@pytest.fixture(scope="module")
def nut(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The demo's first frames in a container for pipes."""
    import av

    path = tmp_path_factory.mktemp("piped") / "demo.nut"
    with av.open(str(fetch("demo"))) as clip, av.open(str(path), "w", format="nut") as piped:
        stream = piped.add_stream("mpeg4", rate=30)
        stream.width, stream.height = clip.streams.video[0].width, clip.streams.video[0].height
        for number, frame in enumerate(clip.decode(video=0)):
            if number == FRAMES:
                break
            image = av.VideoFrame.from_ndarray(np.asarray(frame.to_ndarray(format="yuv420p")), "yuv420p")
            piped.mux(stream.encode(image))
        piped.mux(stream.encode(None))
    return path.read_bytes()


def test_a_piped_video_is_read_to_its_end_without_a_loss(nut: bytes) -> None:
    ran = subprocess.run(RUN, input=nut, capture_output=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    summary = json.loads(ran.stdout)
    assert (summary["frames"], summary["source"], summary["lost"]) == (FRAMES, "the piped video", 0)


def test_a_piped_video_is_lifted(nut: bytes, tmp_path: Path) -> None:
    out = tmp_path / "poses.npz"
    lift = [sys.executable, "-m", "realtime.cli", "lift", "-", "-o", str(out)]
    lifted = subprocess.run(lift, input=nut, capture_output=True, timeout=120)
    assert lifted.returncode == 0, lifted.stderr
    assert len(np.load(out)["t_s"]) == FRAMES


@pytest.mark.parametrize(("given", "options", "why"), [
    (b"no video", [], "cannot be read as a video"), (b"", ["--loop"], "leave out --loop"),
    (None, [], "no video is piped"),
])  # fmt: skip
def test_what_cannot_be_read_is_one_sentence(given: bytes | None, options: list[str], why: str) -> None:
    stdin = {"stdin": subprocess.DEVNULL} if given is None else {"input": given}
    ran = subprocess.run([*RUN, *options], capture_output=True, timeout=120, **stdin)  # type: ignore[call-overload]
    assert ran.returncode == 2
    assert why in " ".join(ran.stderr.decode().split())
    assert "Traceback" not in ran.stderr.decode()
