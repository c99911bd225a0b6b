"""Recordings of the previous version replay, re-lift and are published to what they were."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys

import numpy as np
from previous_version import LENS, MODEL, POSE, TOLERANCE_M, WAIT_S, Place, assert_same, messages, yaml_of

PARENTS = (-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15)


def test_a_take_is_copied_whole(place: Place) -> None:
    place.realtime("replay", "take.mcap", "-o", "copy.mcap")
    copied = messages(place.work / "copy.mcap")
    assert copied == messages(place.work / "take.mcap")
    assert {message["topic"] for message in copied} == {"/pose3d/main", "/keypoints2d/main", "/status/main"}


def test_a_take_is_lifted_anew(place: Place) -> None:
    place.realtime("replay", "take.mcap", "--lift", *MODEL, "--lookahead", 2, "-o", "again.mcap")
    again, before = messages(place.work / "again.mcap"), messages(place.work / "take.mcap", "pose3d")
    assert len(before) > 50
    for message in before:  # the times are those of the keypoints now
        del message["t_capture_ns"], message["t_publish_ns"], message["latency_ms"]
    assert_same(again, before, but=POSE)


def test_what_a_kill_left_reads_up_to_there(place: Place) -> None:
    """It was recorded together with the whole one."""
    assert not (place.work / "cut.mcap").read_bytes().endswith(b"MCAP0\r\n")
    done = place.realtime("replay", "cut.mcap", "-o", "mended.mcap")
    assert "ends early" in done.stderr
    kept = messages(place.work / "mended.mcap", "pose3d"), messages(place.work / "mended.mcap", "keypoints2d")
    for part, kind in zip(kept, ("pose3d", "keypoints2d"), strict=True):
        whole = messages(place.work / "take.mcap", kind)
        assert 5 < len(part) < len(whole)
        assert part == whole[: len(part)]


def test_calibrations_place_people_where_they_stood(place: Place) -> None:
    """The lens, the floor and a rigid person, all of them measured by the previous version."""
    name = "bo" if sys.platform == "linux" else "bo.yaml"
    place.realtime("replay", "take.mcap", "--lift", *MODEL, *LENS, "--ground", "ground.yaml", "--person", name,
                   "-o", "there.mcap")  # fmt: skip
    there, before = messages(place.work / "there.mcap"), messages(place.work / "placed.mcap")
    assert {(message["space"], message["scale"]) for message in before if message["persons"]} == {("world", "height")}
    assert {len(message["calibration"]) for message in before} == {12}
    assert_same(there, before, but=POSE)
    bones_m = list(yaml_of(place.work / "bo.yaml")["bones_m"].values())
    for message in there:
        for person in message["persons"]:
            joints_m = np.array(person["joints"])
            lengths_m = np.linalg.norm(joints_m[1:] - joints_m[list(PARENTS[1:])], axis=1)
            np.testing.assert_allclose(lengths_m, bones_m, rtol=0, atol=TOLERANCE_M)


def test_a_guessed_lens_and_a_bare_height_say_what_they_are(place: Place) -> None:
    place.realtime("replay", "take.mcap", "--lift", *MODEL, "--camera", "camera-guess.yaml", "--person", "ana.yaml",
                   "-o", "guessed.mcap")  # fmt: skip
    for message in messages(place.work / "guessed.mcap"):
        assert re.fullmatch("guess-[0-9a-f]{12}", message["calibration"])
        assert (message["space"], message["scale"]) == ("camera", "height" if message["persons"] else "assumed")


def free_addresses() -> list[str]:
    with socket.socket() as one, socket.socket() as other:
        for probe in (one, other):
            probe.bind(("127.0.0.1", 0))
        return [f"tcp://127.0.0.1:{probe.getsockname()[1]}" for probe in (one, other)]


def test_a_take_is_published_under_the_keys_that_were_made(place: Place) -> None:
    address, rpc = free_addresses()
    player = subprocess.Popen(
        [sys.executable, "-m", "realtime.cli", "replay", "take.mcap", "--loop", "--seek", "3", "--keys", "keys",
         "--address", address, "--rpc", rpc], cwd=place.work, env=place.environment(), stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        heard = place.realtime("listen", "--address", address, "--key", "keys/laptop.key_secret", "--server-key",
                               "keys/server.key", "-n", 3, "--json", "--timeout", WAIT_S / 2)  # fmt: skip
    finally:
        player.terminate()
        player.wait(WAIT_S)
    before = {pose["frame_id"]: pose for pose in messages(place.work / "take.mcap", "pose3d")}
    poses = [json.loads(line) for line in heard.stdout.splitlines()]
    assert len(poses) == 3
    for pose in poses:
        assert_same(pose["persons"], before[pose["frame_id"]]["persons"])
        assert pose["model"] == "tiny-9"
