"""What `realtime listen` and `realtime latency` print, and the commands' own errors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engines.errors import UserError
from realtime.bench.known_poses import known_frame, known_joints
from realtime.client.latency import summary
from realtime.client.listen import client_keys, json_line, text_line
from realtime.server.publish import Publisher
from realtime.wire.decode import decode_pose
from realtime.wire.encode import encode_pose
from realtime.wire.messages import ClockOffset, PoseMessage

ABOUT = {"stream": "main", "session": "s", "seq": 12, "t_capture_ns": 1_000_000_000, "t_publish_ns": 1_040_000_000}


def message(**changes: object) -> PoseMessage:
    return replace(decode_pose(encode_pose(known_frame(3), **ABOUT)), t_receive_ns=1_050_000_000, **changes)


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "realtime.cli", *arguments], capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "NO_COLOR": "1"},
    )  # fmt: skip


@pytest.mark.parametrize("arguments", [["listen"], ["record", "-o", "never.mcap"], ["run", "--no-view"]])
def test_a_name_that_cannot_be_a_streams_is_one_sentence(arguments: list[str]) -> None:
    refused = command(*arguments, "--stream", "a/b")
    assert refused.returncode == 2
    assert "stream name 'a/b' is not" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert "starting it again" not in refused.stderr


def test_a_line_of_text_tells_age_place_and_gap() -> None:
    assert text_line(message(), one_clock=True) == "     12     50.0 ms  #0 (+0.25 -0.50 +3.00) m ±31 mm"
    assert text_line(message()) == "     12     -    ms  #0 (+0.25 -0.50 +3.00) m ±31 mm"  # whose clock?
    assert "70.0 ms" in text_line(message(clock=ClockOffset(20_000_000, 0)))
    assert text_line(message(gap=4)).endswith("missed 4")
    assert "nobody" in text_line(message(persons=()))
    person = replace(message().persons[0], root_m=np.full(3, np.nan, np.float32), held=True)
    assert "unplaced" in text_line(message(persons=(person,)))
    assert text_line(message(persons=(person,))).endswith("held")


def test_a_line_of_json_has_the_protocols_names() -> None:
    fields = json.loads(json_line(message()))
    assert (fields["seq"], fields["t_receive_ns"], fields["image_wh"]) == (12, 1_050_000_000, [640, 480])
    np.testing.assert_array_equal(np.array(fields["persons"][0]["joints"], np.float32), known_joints(3))
    person = replace(message().persons[0], root_m=np.full(3, np.nan, np.float32))
    assert json.loads(json_line(message(persons=(person,))))["persons"][0]["root"] is None


def test_latency_percentiles_are_sums_of_both_parts() -> None:
    figures = summary([(40.0, 0.5)] * 99 + [(90.0, 1.0)], ClockOffset(2_000_000, 400_000))
    assert (figures["clock_offset_ms"], figures["round_trip_ms"]) == (2.0, 0.4)
    assert (figures["publish_p50_ms"], figures["transport_p50_ms"], figures["total_p50_ms"]) == (40.0, 0.5, 40.5)
    assert figures["total_p99_ms"] > 40.5
    assert summary([], ClockOffset(0, 0)) == {"clock_offset_ms": 0.0, "round_trip_ms": 0.0}


def test_latency_is_measured_against_a_publisher() -> None:
    with Publisher("tcp://127.0.0.1:*", "tcp://127.0.0.1:*", high_water=1000) as publisher:
        stop = threading.Event()

        def send() -> None:
            while not stop.wait(0.01):
                publisher.send(known_frame(publisher.sent()))

        sender = threading.Thread(target=send)
        sender.start()
        try:
            done = command("latency", "--address", publisher.address, "--rpc", publisher.rpc_address, "-n", "150")
        finally:
            stop.set()
            sender.join()
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["frames"] == 150
    assert abs(result["clock_offset_ms"]) <= result["round_trip_ms"]
    assert 0 <= result["publish_p50_ms"] <= result["total_p99_ms"]
    assert "capture to program" in done.stderr


def test_silence_and_half_a_pair_of_keys_are_said_in_a_sentence(tmp_path: Path) -> None:
    done = command("listen", "--address", "tcp://127.0.0.1:9", "--timeout", "0.2")
    assert (done.returncode, done.stdout) == (2, "")
    assert "realtime run" in done.stderr
    assert "Traceback" not in done.stderr
    with pytest.raises(UserError, match="both"):
        client_keys(tmp_path / "x.key_secret", None)


def test_keys_are_managed_from_the_command_line(tmp_path: Path) -> None:
    folder = ["--dir", str(tmp_path)]
    for name in ("server", "laptop"):
        made = command("keys", "new", name, *folder)
        assert made.stdout.splitlines()[0] == str(tmp_path / f"{name}.key_secret")
    assert command("keys", "allow", "laptop", *folder).returncode == 0
    listed = command("keys", "list", *folder).stdout.splitlines()
    assert [line.split()[0] for line in listed] == ["laptop", "server"]
    assert listed[0].endswith("  allowed")
    assert command("keys", "revoke", "laptop", *folder).returncode == 0
    assert command("keys", "list", *folder).stdout.splitlines()[0].endswith("not allowed")
    again = command("keys", "revoke", "laptop", *folder)
    assert again.returncode == 2
    assert "keys list" in again.stderr
