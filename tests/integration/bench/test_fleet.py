"""`realtime bench fleet` on the smallest fleet: every event moves streams, and the pauses belong together."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytest.importorskip("ray", reason="needs the extra [fleet]")

from realtime.bench.serving.measure_fleet import _pause, _Seen, _settled


def test_a_pause_is_from_the_last_pose_of_one_worker_to_the_first_of_the_next() -> None:
    stays = [_Seen(at * 10**9, at, "one") for at in range(3)]
    assert _pause(stays) is None
    moves = [*stays, _Seen(4 * 10**9, 7, "two"), _Seen(5 * 10**9, 8, "two")]
    assert _pause(moves) == {"pause_s": 2.0, "missing": 4}


def test_a_fleet_has_settled_when_all_streams_are_lifted_and_nothing_moves() -> None:
    workers = [{"lifts": 2}, {"lifts": 1}]
    assert _settled({"workers": workers, "moving": 0}, streams=3, workers=2)
    assert not _settled({"workers": workers, "moving": 1}, streams=3, workers=2)
    assert not _settled({"workers": workers, "moving": 0}, streams=4, workers=2)
    assert not _settled({"workers": workers, "moving": 0}, streams=3, workers=3)


@pytest.mark.timeout(900)
def test_figures_of_the_smallest_fleet_belong_together() -> None:
    command = [sys.executable, "-m", "realtime.cli", "bench", "fleet", "--streams", "2", "--workers", "2", "--rounds",
               "1", "--fps", "5"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=850)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert (result["streams"], result["workers"], result["rounds"]) == (2, 2, 1)
    assert [event["event"] for event in result["events"]] == ["a worker is killed", "one is added", "one is removed"]
    for event in result["events"]:
        assert 0 <= event["pause_p50_s"] <= event["pause_max_s"]
        assert 0 <= event["moved"] <= 2
    assert result["events"][0]["moved"] >= 1  # the fullest was killed
    assert min(result["start_s"], result["placed_per_s"], result["found_per_s"]) > 0
