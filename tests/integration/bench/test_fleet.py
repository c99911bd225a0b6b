"""What `realtime bench fleet` makes of what it sees: pauses, and when a fleet has settled."""

from __future__ import annotations

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
