"""`realtime produce` as its user has it: capture and detector in one process, the poses from another."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from serve_process import WAIT_S, ServeProcess

from realtime.assets.fetch import fetch
from realtime.client.subscribe import Subscriber
from realtime.keys.key_store import KeyStore
from realtime.wire.endpoints import ClientKeys

PRODUCE = [sys.executable, "-m", "realtime.cli", "produce"]


@pytest.fixture(scope="module")
def clip() -> Path:
    """One person, the whole body, in every frame."""
    shared = Path(__file__).resolve().parents[4] / "shared" / "videos" / "tfjs_pose_1.mp4"
    return shared if shared.exists() else fetch("demo")


def test_a_films_poses_come_under_the_producers_name_with_keys(clip: Path, tmp_path: Path) -> None:
    store = KeyStore(tmp_path / "keys")
    for name in ("server", "door"):
        store.new(name)
    store.allow("door")
    secret, public = store.directory / "door.key_secret", store.directory / "server.key"
    with ServeProcess("--keys", str(store.directory)) as server:
        command = [*PRODUCE, "--to", server.intake, "--source", str(clip), "--loop", "--detector", "lite",
                   "--key", str(secret), "--server-key", str(public)]  # fmt: skip
        with (
            Subscriber(server.address, "door", timeout_s=WAIT_S, keys=ClientKeys.load(secret, public)) as subscriber,
            subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as producer,
        ):
            try:
                message = next(message for message in subscriber if message.persons)
                assert {"detect", "network", "wait", "lift", "total"} <= message.latency_ms.keys()
                assert message.persons[0].score.mean() > 0.5
                server.wait_for(re.compile("'door' has joined"))
            finally:
                producer.send_signal(signal.SIGINT)
            _, said = producer.communicate(timeout=WAIT_S)
            assert producer.returncode == 0
            assert "keypoints alone, no pictures" in said
        server.wait_for(re.compile("'door' has left, it has ended"))


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--to", "nowhere"], "cannot connect to 'nowhere'"),
        (["--to", "tcp://127.0.0.1:9", "--stream", "a b"], "stream name"),
        (["--to", "tcp://127.0.0.1:9", "--source", "no-such-film.mp4"], "no-such-film.mp4"),
        (["--to", "tcp://127.0.0.1:9", "--key", "mine.key_secret"], "needs both --key"),
        (["--to", "tcp://127.0.0.1:9", "--detector", "huge"], "detector 'huge' is none of"),
    ],
)  # fmt: skip
def test_mistakes_get_one_sentence(options: list[str], complaint: str, clip: Path) -> None:
    given = options if "--source" in options else [*options, "--source", str(clip)]
    done = subprocess.run([*PRODUCE, *given], capture_output=True, text=True, timeout=WAIT_S)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr
