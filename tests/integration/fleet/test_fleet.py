"""`realtime fleet` as its user has it: keys, figures, its end, and one sentence for each mistake."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest
from fleet_process import WAIT_S, FleetProcess, is_alive, shared_memory
from many_producers import Light, carries_signature
from waiting import until as until_within

from realtime.client.ask import RpcClient
from realtime.client.status import StatusListener
from realtime.client.subscribe import StreamTimeoutError, Subscriber
from realtime.keys.key_store import KeyStore
from realtime.wire.endpoints import ClientKeys

pytest.importorskip("ray", reason="needs the extra [fleet]")

UP = [sys.executable, "-m", "realtime.cli", "fleet", "up"]
ANYWHERE = [word for name in ("--bind", "--address", "--rpc") for word in (name, "tcp://127.0.0.1:*")]
until = partial(until_within, wait_s=WAIT_S)


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    store = KeyStore(tmp_path / "keys")
    for name in ("server", "door"):
        store.new(name)
    store.allow("door")
    return store


def keys_of(store: KeyStore) -> ClientKeys:
    return ClientKeys.load(store.directory / "door.key_secret", store.directory / "server.key")


def test_with_keys_producers_and_subscribers_find_their_way_and_nothing_is_left_in_the_end(store: KeyStore) -> None:
    pytest.importorskip("prometheus_client")
    before, keys = shared_memory(), keys_of(store)
    with FleetProcess(
        "--workers", "1", "--most-workers", "1", "--keys", str(store.directory), "--metrics", "127.0.0.1:0",
        end=signal.SIGTERM,
    ) as fleet:  # fmt: skip
        with (
            Subscriber(fleet.address, "door.left", keys=keys) as subscriber,
            StatusListener(fleet.address, "door.left", keys) as status,
        ):
            light = Light(fleet.intake, "door.left", keys)
            until(lambda: (newest := subscriber.latest()) is not None and bool(newest.persons), light.step)
            newest = subscriber.latest()
            assert newest is not None
            assert carries_signature("door.left", newest.persons[0])
            until(lambda: (told := status.latest()) is not None and told["state"] == "running", light.step)
            with RpcClient(fleet.rpc, keys) as rpc:
                assert rpc.ask("hello", timeout_s=WAIT_S)["streams"] == ["door.left"]
            assert fleet.told()["streams"].keys() == {"door.left"}
            logs = Path(fleet.told()["logs"])
            assert any("door.left" in path.read_text(errors="replace") for path in logs.glob("worker-*.err"))
            assert fleet.said[:3] == ["starting Ray", "opening the door", "starting 1 worker, loading the model"]
            until(lambda: "realtime_fleet_streams 1.0" in page(fleet), light.step)
            assert "realtime_fleet_workers_wanted 1.0" in page(fleet)
            light.sender.close()
            refused = fleet.try_order("remove")
            assert refused.returncode == 2
            assert "the last worker stays" in refused.stderr
        with Subscriber(fleet.address, "door.left") as stranger, pytest.raises(StreamTimeoutError):
            stranger.receive(0.5)
    if sys.platform == "linux":
        assert {name for name in shared_memory() - before if "plasma" in name or "ray" in name} == set()


def page(fleet: FleetProcess) -> str:
    with urllib.request.urlopen(fleet.metrics, timeout=WAIT_S) as answer:
        return str(answer.read().decode())


def test_where_the_fleet_is_killed_its_processes_end_too(tmp_path: Path) -> None:
    environment = {**os.environ, "REALTIME_RUNTIME": str(tmp_path)}
    with subprocess.Popen([*UP, *ANYWHERE, "--workers", "1"], stderr=subprocess.PIPE, text=True, env=environment) as up:
        assert up.stderr is not None
        said = next(line for line in up.stderr if "producers at" in line)
        assert re.search(r"1 workers: producers at tcp://", said)
        below = psutil.Process(up.pid).children(recursive=True)
        agents = [one for one in below if "Agent" in " ".join(one.cmdline())]  # Ray's own, which take a minute
        ours = [one for one in below if "Actor" in " ".join(one.cmdline())]
        assert len(ours) == 2
        up.kill()
    try:
        until(lambda: not any(is_alive(one) for one in below if one not in agents))
    finally:
        for one in filter(is_alive, below):
            one.kill()


@pytest.fixture
def taken() -> Iterator[str]:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        yield f"tcp://127.0.0.1:{held.getsockname()[1]}"


def said_of(options: list[str], tmp_path: Path) -> str:
    environment = {**os.environ, "REALTIME_RUNTIME": str(tmp_path)}
    done = subprocess.run(options, capture_output=True, text=True, timeout=WAIT_S, env=environment)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    return done.stderr


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--workers", "0"], "--workers must be from 1"),
        (["--workers", "3", "--most-workers", "2"], "--most-workers must be from --workers (3)"),
        (["--name", "a b"], "--name 'a b' is not"),
        (["--gpus", "-1"], "--gpus must be from 0"),
        (["--bind", "tcp://0.0.0.0:0"], "can be reached by other machines"),
        (["--model", "no-such"], "no model 'no-such'"),
        (["--engine", "abacus"], "engine 'abacus' is unknown"),
        (["--floor", "wet"], "--floor 'wet' is none of"),
        (["--metrics", "nowhere"], "--metrics 'nowhere' is no place to listen"),
        (["--ray-address", "127.0.0.1:1"], "no Ray cluster answers at 127.0.0.1:1"),
        (["--ray-address", "nowhere"], "is no place of a cluster"),
        (["--keys", "no-such-folder"], "the publisher has no key in no-such-folder"),
    ],
)  # fmt: skip
def test_mistakes_get_one_sentence(options: list[str], complaint: str, tmp_path: Path) -> None:
    assert complaint in said_of([*UP, *ANYWHERE, *options], tmp_path)


def test_a_port_that_is_taken_is_said_before_anything_starts(taken: str, tmp_path: Path) -> None:
    assert f"cannot listen at {taken}" in said_of([*UP, *ANYWHERE, "--bind", taken], tmp_path)
    place = taken.removeprefix("tcp://")
    assert f"cannot answer /metrics at {place}" in said_of([*UP, *ANYWHERE, "--metrics", place], tmp_path)


@pytest.mark.parametrize("order", ["status", "add", "remove", "upgrade", "down"])
def test_where_no_fleet_runs_an_order_says_so(order: str, tmp_path: Path) -> None:
    said = said_of([sys.executable, "-m", "realtime.cli", "fleet", order], tmp_path)
    assert "no fleet 'main' runs on this machine" in said


def test_without_ray_it_says_what_to_install(tmp_path: Path) -> None:
    missing = "import sys; sys.modules['ray'] = None; from realtime.cli import main; main()"
    said = said_of([sys.executable, "-c", missing, "fleet", "up"], tmp_path)
    assert "pip install 'realtime-pose[fleet]'" in said
