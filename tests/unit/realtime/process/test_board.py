"""What is believed of a process."""

from __future__ import annotations

import multiprocessing

import pytest

from realtime.process import board as board_module
from realtime.process.board import SILENT_NS, Board
from realtime.process.states import FAILED, FROZEN, RESTARTING, RUNNING, STALLED, STARTING, STATES, worst


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> Board:
    return Board(multiprocessing.get_context("spawn"), ["producer", "lifter"])


def test_a_process_is_what_its_work_is_while_it_lives(board: Board) -> None:
    assert board.condition("producer").state == STARTING
    board.beat("producer")
    board.tell_life("producer", RUNNING, "ready")
    assert (board.condition("producer").state, board.condition("producer").event) == (RUNNING, "ready")
    board.tell_work("producer", FROZEN, "the same picture")
    assert (board.condition("producer").state, board.condition("producer").event) == (FROZEN, "the same picture")
    board.tell_life("producer", RESTARTING, "it was killed", 1)
    assert (board.condition("producer").state, board.condition("producer").restarts) == (RESTARTING, 1)
    assert board.condition("lifter").state == STARTING


def test_who_runs_and_does_not_beat_is_stalled(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    board.tell_life("lifter", RUNNING, "ready")
    board.beat("lifter")
    beat_ns = board.last_beat_ns("lifter")
    monkeypatch.setattr(board_module, "monotonic_ns", lambda: beat_ns + SILENT_NS + 1)
    assert (board.condition("lifter").state, board.condition("lifter").since_ns) == (STALLED, beat_ns)


def test_a_state_is_as_old_as_its_beginning_and_texts_are_cut(board: Board) -> None:
    board.tell_work("producer", FROZEN, "é" * 500)
    since_ns = board.condition("producer").since_ns
    board.tell_life("producer", RUNNING, "ready")
    board.tell_work("producer", FROZEN, "é" * 501)
    told = board.condition("producer")
    assert told.since_ns >= since_ns
    assert set(told.event) == {"é"}
    assert len(told.event.encode()) < 200


def test_the_worst_is_told() -> None:
    assert worst(RUNNING, FROZEN, STALLED) == FROZEN
    assert worst(*STATES) == FAILED
