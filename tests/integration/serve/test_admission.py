"""Who is let in: as many as there are places, names of one's own key, and each refused one is told why."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
import urllib.request
from functools import partial
from pathlib import Path

import pytest
from many_producers import Light
from serve_process import ProducersProcess, ServeProcess
from waiting import until as until_within

from engines.errors import UserError
from realtime.client.status import StatusListener
from realtime.client.subscribe import Subscriber
from realtime.keys.key_store import KeyStore
from realtime.produce.sender import Sender
from realtime.wire.endpoints import ClientKeys

WAIT_S = 120.0
until = partial(until_within, wait_s=WAIT_S)


def keys_of(store: KeyStore, name: str) -> ClientKeys:
    return ClientKeys.load(store.directory / f"{name}.key_secret", store.directory / "server.key")


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    store = KeyStore(tmp_path / "keys")
    for name in ("server", "door", "stranger"):
        store.new(name)
    store.allow("door")
    return store


def test_beyond_the_limit_a_producer_is_told_why_and_gets_the_next_free_place(
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    caplog.set_level(logging.INFO, "realtime.produce")
    with ServeProcess("--streams", "1") as server, Sender(server.intake, "second") as second:
        with Sender(server.intake, "first") as first:
            until(lambda: first.ready, first.tend)
            until(lambda: "all 1 places are taken" in caplog.text, lambda: (first.tend(), second.tend()))
            assert not second.joined
        until(lambda: second.ready, second.tend)


def test_a_name_that_another_producer_sends_is_taken(caplog: pytest.LogCaptureFixture) -> None:
    with (
        ServeProcess() as server, Sender(server.intake, "door") as first, Sender(server.intake, "door") as other
    ):  # fmt: skip
        until(lambda: first.ready, first.tend)
        until(lambda: "another producer sends the stream 'door'" in caplog.text,
              lambda: (first.tend(), other.tend()))  # fmt: skip
        assert first.joined
        assert not other.joined


def test_a_key_sends_streams_of_its_own_name_alone(store: KeyStore) -> None:
    with ServeProcess("--keys", str(store.directory)) as server:
        own = keys_of(store, "door")
        for stream in ("door", "door.left"):
            with Sender(server.intake, stream, own) as sender:
                until(lambda sender=sender: sender.ready, sender.tend)
        with (
            Sender(server.intake, "doors", own) as sender,
            pytest.raises(UserError, match="the key 'door' may send the stream 'door'"),
        ):
            until(lambda: sender.ready, sender.tend)


def test_a_key_that_is_revoked_sends_no_more_and_others_go_on(store: KeyStore) -> None:
    store.allow("stranger")
    with (
        ServeProcess("--keys", str(store.directory)) as server,
        Sender(server.intake, "door", keys_of(store, "door")) as door,
        Sender(server.intake, "stranger", keys_of(store, "stranger")) as stranger,
    ):
        until(lambda: door.ready and stranger.ready, lambda: (door.tend(), stranger.tend()))
        store.revoke("stranger")
        server.wait_for(re.compile("'stranger' has left, it was silent"))  # nobody tends either: both lose their places
        until(lambda: door.ready, lambda: (door.tend(), stranger.tend()))
        until(lambda: not stranger.joined, lambda: (door.tend(), stranger.tend()))


def test_a_producer_outlives_its_server(store: KeyStore) -> None:
    with ServeProcess() as server:
        light = Light(server.intake, "door")
        until(lambda: light.sender.sent > 3, light.step)
        intake = server.intake
    with ServeProcess("--bind", intake) as server, Subscriber(server.address, "door") as subscriber:
        until(lambda: (newest := subscriber.latest()) is not None and bool(newest.persons), light.step)
    light.sender.close()


def test_a_stalled_stream_says_so_and_goes_on_with_its_next_frame() -> None:
    with (
        ServeProcess() as server, Subscriber(server.address, "door") as subscriber,
        StatusListener(server.address, "door") as status,
    ):  # fmt: skip
        light = Light(server.intake, "door")
        until(lambda: (newest := subscriber.latest()) is not None and bool(newest.persons), light.step)
        until(lambda: (newest := status.latest()) is not None and newest["state"] == "stalled", light.sender.tend)
        before = subscriber.latest()
        until(lambda: (newest := subscriber.latest()) is not None and newest.seq > before.seq, light.step)
        light.sender.close()


def test_metrics_are_those_of_the_dashboard() -> None:
    pytest.importorskip("prometheus_client")
    dashboard = (Path(__file__).resolve().parents[3] / "docs" / "grafana_serve.json").read_text()
    with ServeProcess("--metrics", "127.0.0.1:0") as server, ProducersProcess(server.intake, ["door"], fps=30):

        def page() -> str:
            with urllib.request.urlopen(server.metrics, timeout=WAIT_S) as answer:
                return str(answer.read().decode())

        until(lambda: re.search(r"^realtime_poses_total [1-9]", page(), re.M) is not None)
        until(lambda: re.search(r"^realtime_streams 1\.0", page(), re.M) is not None)
        named, given = set(re.findall(r"\brealtime_\w+", dashboard)), page()
        assert len(named) > 5
        assert not [name for name in named if f"\n{name}" not in given and f"# TYPE {name} " not in given]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--streams", "0"], "--streams must be from 1"),
        (["--window", "3"], "--window must be from 0 to 2 ms"),
        (["--metrics", "nowhere"], "is no place to listen"),
        (["--bind", "tcp://0.0.0.0:0"], "can be reached by other machines"),
        (["--floor", "wet"], "--floor 'wet' is none of auto, off"),
        (["--engine", "magic"], "engine 'magic' is unknown"),
    ],
)  # fmt: skip
def test_mistakes_get_one_sentence(options: list[str], complaint: str) -> None:
    anywhere = [word for name in ("--address", "--rpc", "--bind") for word in (name, "tcp://127.0.0.1:*")]
    command = [sys.executable, "-m", "realtime.cli", "serve", *anywhere, *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr
