"""The clients in other languages: 1,000 consecutive poses each, and the joints that the publisher sent."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
import zmq
from waiting import until

from realtime.bench.known_poses import known_frame, known_joints
from realtime.clock import monotonic_ns
from realtime.keys.key_store import KeyStore
from realtime.server.publish import Publisher
from realtime.wire.encode import encode_pose
from realtime.wire.endpoints import ClientKeys
from realtime.wire.framing import decode_map, encode_map, split, topic

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
POSES = 1000
ABOUT = {"stream": "main", "session": "s", "seq": 5, "t_capture_ns": 10**18, "t_publish_ns": 10**18}
WAIT_S = 120
Start = Callable[[list[str], dict[str, str]], "subprocess.Popen[str]"]


def missing(what: str) -> NoReturn:
    """Not here: no reason to fail, except where CI says that everything is installed."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


def tool(name: str) -> str:
    return shutil.which(name) or missing(f"{name} is not installed")


@pytest.fixture(scope="module")
def node_client(tmp_path_factory: pytest.TempPathFactory) -> Start:
    node, npm = tool("node"), tool("npm")
    folder = tmp_path_factory.mktemp("node")
    for name in ("package.json", "listen.mjs"):
        shutil.copy(EXAMPLES / "node" / name, folder)
    install = subprocess.run(
        [npm, "install", "--no-audit", "--no-fund", "--loglevel=error"], cwd=folder, capture_output=True, text=True,
        timeout=WAIT_S,
    )  # fmt: skip
    if install.returncode != 0:
        missing(f"npm cannot install the client's packages: {install.stderr[-300:]}")
    return lambda args, env: start([node, str(folder / "listen.mjs"), *args], env)


@pytest.fixture(scope="module")
def cpp_client(tmp_path_factory: pytest.TempPathFactory) -> Start:
    make, compiler = tool("make"), tool("g++")
    program = tmp_path_factory.mktemp("cpp") / "listen"
    headers = "#include <msgpack.hpp>\n#include <zmq.h>\n"
    found = subprocess.run(
        [compiler, "-DMSGPACK_NO_BOOST", "-E", "-x", "c++", "-"], input=headers, capture_output=True, text=True,
    )  # fmt: skip
    if found.returncode != 0:
        missing("libzmq3-dev and libmsgpack-cxx-dev are not installed")
    flags = "CXXFLAGS=-O1 -Wall -Wextra -Werror"
    subprocess.run([make, "-s", "-C", str(EXAMPLES / "cpp"), f"OUT={program}", flags], check=True)
    return lambda args, env: start([str(program), *args], env)


@pytest.fixture(scope="module")
def python_client() -> Start:
    def run(args: list[str], env: dict[str, str]) -> subprocess.Popen[str]:
        address, stream, count = args
        options = ["--json", "--address", address, "--stream", stream, "-n", count]
        return start([sys.executable, "-m", "realtime.cli", "listen", *options], env)

    return run


def start(command: list[str], env: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **env}
    )


def printed(process: subprocess.Popen[str], publisher: Publisher) -> list[dict]:
    """Publishes known poses until the client has had enough; its lines of JSON."""
    texts: list[str] = []
    reader = threading.Thread(target=lambda: texts.extend(process.communicate()))
    reader.start()
    pause, end_ns = threading.Event(), monotonic_ns() + WAIT_S * 10**9
    try:
        while reader.is_alive():
            assert monotonic_ns() < end_ns, "the client did not end"
            publisher.send(known_frame(publisher.sent(), persons=2))
            pause.wait(0.001)
    finally:
        process.kill()
        reader.join()
    output, errors = texts
    assert process.returncode == 0, errors
    return [json.loads(line) for line in output.splitlines()]


@pytest.mark.parametrize("client", ["node_client", "cpp_client"])
def test_a_client_prints_the_joints_of_1000_consecutive_poses(client: str, request: pytest.FixtureRequest) -> None:
    begin: Start = request.getfixturevalue(client)
    with Publisher("tcp://127.0.0.1:*", None, high_water=10_000) as publisher:
        lines = printed(begin([publisher.address, "main", str(POSES)], {}), publisher)
    check(lines)


def test_the_python_client_prints_them_too(python_client: Start) -> None:
    with Publisher("tcp://127.0.0.1:*", None, high_water=10_000) as publisher:
        lines = printed(python_client([publisher.address, "main", str(POSES)], {}), publisher)
    check(lines)


def check(lines: list[dict]) -> None:
    assert len(lines) == POSES
    first = lines[0]["seq"]
    for index, line in enumerate(lines):
        assert line["seq"] == first + index
        assert [person["id"] for person in line["persons"]] == [0, 1]
        for person in line["persons"]:
            sent = known_joints(line["seq"] + 1000 * person["id"])
            np.testing.assert_array_equal(np.array(person["joints"], np.float32), sent)


@pytest.mark.parametrize("client", ["node_client", "cpp_client"])
def test_a_client_skips_damaged_messages_and_refuses_another_version(
    client: str, request: pytest.FixtureRequest
) -> None:
    begin: Start = request.getfixturevalue(client)
    good = decode_map(split(encode_pose(known_frame(0), **ABOUT))[2])
    person = good["persons"][0]
    damaged = [b"", b"\xc0", b"\xc1", b"\x91\x01", b"\xdd\xff\xff\xff\xff", b"\x91" * 200_000] + [
        encode_map(fields) for fields in (
            {"a": 1}, {**good, "persons": "abc"}, {**good, "persons": [None]}, {**good, "seq": 1.5},
            {**good, "persons": [{**person, "joints": person["joints"][1:]}]},
            {**good, "persons": [{**person, "joints": "a" * 17}]},
            {**good, "persons": [person, {**person, "joints": [[float("nan")] * 3] * 17}]},
            {name: value for name, value in good.items() if name != "persons"},
        )
    ]  # fmt: skip
    with zmq.Context() as context, context.socket(zmq.PUB) as publisher:
        publisher.linger = 0
        port = publisher.bind_to_random_port("tcp://127.0.0.1")

        def publish(body: bytes) -> None:
            publisher.send(topic("pose3d", "main") + body)

        with begin([f"tcp://127.0.0.1:{port}", "main", "0"], {}) as process:
            assert process.stdout is not None
            lines: list[str] = []
            reader = threading.Thread(target=lambda: lines.extend(process.stdout))
            reader.start()
            try:
                until(lambda: len(lines) > 0, lambda: publish(encode_map(good)))
                for body in damaged:
                    publish(body)
                until(lambda: json.loads(lines[-1])["seq"] == 77, lambda: publish(encode_map({**good, "seq": 77})))
                until(lambda: process.poll() is not None, lambda: publish(encode_map({**good, "v": 2})))
                assert process.returncode not in (0, None)
                assert process.stderr is not None
                assert "version" in process.stderr.read()
            finally:
                process.kill()
                reader.join()
    assert {json.loads(line)["seq"] for line in lines} == {5, 77}


@pytest.mark.parametrize("client", ["node_client", "cpp_client"])
def test_a_client_with_keys_gets_in(client: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    begin: Start = request.getfixturevalue(client)
    store = KeyStore(tmp_path)
    store.new("server")
    own = ClientKeys.load(store.new("laptop"), tmp_path / "server.key")
    store.allow("laptop")
    env = {"CURVE_SERVER": own.server, "CURVE_PUBLIC": own.public, "CURVE_SECRET": own.secret}
    with Publisher("tcp://127.0.0.1:*", None, keys=store) as publisher:
        assert len(printed(begin([publisher.address, "main", "3"], env), publisher)) == 3


def test_the_newest_pose_example_runs() -> None:
    with Publisher("tcp://127.0.0.1:*", None) as publisher:
        command = [sys.executable, "-u", str(EXAMPLES / "python" / "wrists.py"), publisher.address]
        with start(command, {}) as process:
            assert process.stdout is not None
            try:
                for line in process.stdout:
                    for _ in range(5):
                        publisher.send(known_frame(publisher.sent()))
                    if re.match(r"left [+-]\d\.\d\d m, right ", line):
                        break
                else:
                    pytest.fail("it ended without a pose")
            finally:
                process.kill()


def test_examples_stay_short() -> None:
    sources = [path for path in EXAMPLES.glob("*/*") if path.suffix in (".mjs", ".cpp", ".cs", ".py")]
    assert len(sources) >= 5
    for path in sources:
        assert len(path.read_text().splitlines()) < 100, path
