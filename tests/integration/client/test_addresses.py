"""Addresses that clients are given: ports that there cannot be, hosts that have an IPv6 address alone."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from publishing import LOOPBACK
from waiting import WAIT_S

from engines.errors import UserError
from realtime import subscribe
from realtime.bench.known_poses import known_frame
from realtime.client.ask import RpcClient
from realtime.server.publish import Publisher
from realtime.takes.record import record
from realtime.wire.endpoints import needs_ipv6

PAST_SIXTEEN_BITS = 65536


@pytest.mark.parametrize("shift", [PAST_SIXTEEN_BITS, -PAST_SIXTEEN_BITS, 3 * PAST_SIXTEEN_BITS])
def test_a_port_that_there_cannot_be_is_not_taken_for_another(shift: int, tmp_path: Path) -> None:
    with Publisher(LOOPBACK, LOOPBACK) as publisher:
        port = int(publisher.address.rpartition(":")[2]) + shift
        address = f"tcp://127.0.0.1:{port}"
        with pytest.raises(UserError, match="no such port: choose one from 1 to 65535"):
            subscribe(address)
        with pytest.raises(UserError, match="no such port"):
            RpcClient(address)
        with pytest.raises(UserError, match="no such port"):
            record(address, tmp_path / "take.mcap")
        with pytest.raises(UserError, match="no such port"):
            Publisher(address, None)


@pytest.mark.parametrize(
    "command",
    [("listen", "--address"), ("record", "-o", "take.mcap", "--address"), ("latency", "--address"),
     ("view", "--render", "out.mp4")],
)
def test_every_client_command_names_it(command: tuple[str, ...], tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "realtime.cli", *command, "tcp://127.0.0.1:83680"], check=False,
                          capture_output=True, text=True, timeout=60, cwd=tmp_path)  # fmt: skip
    assert done.returncode == 2
    assert "no such port: choose one from 1 to 65535" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_with_letters_behind_it_is_none() -> None:
    with pytest.raises(UserError, match="no such port"):
        subscribe("tcp://127.0.0.1:5556x")


@pytest.mark.parametrize(
    ("address", "needed"),
    [
        ("tcp://127.0.0.1:5556", False), ("tcp://localhost:5556", False), ("tcp://*:*", False), ("ipc:///tmp/x", False),
        ("tcp://[::1]:5556", True), ("tcp://::1:5556", True),
    ],
)  # fmt: skip
def test_which_addresses_need_ipv6(address: str, needed: bool) -> None:
    assert needs_ipv6(address) == needed


def test_a_host_with_an_ipv6_address_alone_is_reached(tmp_path: Path) -> None:
    """In a namespace of its own, where /etc/hosts knows such a host."""
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 localhost\n127.0.0.1 both\n::1 both\n::1 six-only\n")
    inside = ["unshare", "-Urm", "sh", "-c", f'mount --bind {hosts} /etc/hosts && exec "$@"', "sh"]
    try:
        known = subprocess.run([*inside, "getent", "ahosts", "six-only"], check=False, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("no unshare here")
    if "::1" not in known.stdout:
        pytest.skip("a host of our own cannot be named here, or there is no IPv6")
    done = subprocess.run([*inside, sys.executable, __file__], check=False, capture_output=True, text=True,
                          timeout=120, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})  # fmt: skip
    assert done.stdout.split() == ["six-only", "7", "both", "7"], done.stderr


def _reach(host: str, bound: str) -> None:
    with (
        Publisher(f"tcp://{bound}:*", None) as publisher,
        subscribe(f"tcp://{host}:{publisher.address.rpartition(':')[2]}") as subscriber,
    ):
        assert publisher.wait_for_listener(WAIT_S, threading.Event())
        publisher.send(known_frame(7))
        print(host, subscriber.receive(WAIT_S).frame_id)  # noqa: T201 the answer of this process


if __name__ == "__main__":
    _reach("six-only", "[::1]")
    _reach("both", "127.0.0.1")
