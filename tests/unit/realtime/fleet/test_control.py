"""Orders to the fleet on this machine: they reach it, and what cannot be done comes back as a sentence."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from engines.errors import UserError
from realtime.fleet import control
from realtime.fleet.control import Control, Order, ask, down


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REALTIME_RUNTIME", str(tmp_path / "run"))


@pytest.fixture
def obeyed() -> Iterator[list[Order]]:
    """What a fleet called `main` was told."""
    orders: list[Order] = []

    def obey(order: Order) -> object:
        orders.append(order)
        if order.what == "remove":
            raise UserError("the last worker stays")
        if order.what == "upgrade":
            raise RuntimeError("of the inside")
        return ["worker-2"] * order.count

    with Control("main", obey):
        yield orders


def test_an_order_is_obeyed_and_answered(obeyed: list[Order]) -> None:
    assert ask("main", Order("add", 2)) == ["worker-2"] * 2
    assert obeyed == [Order("add", 2)]


def test_what_cannot_be_done_is_told_to_who_asked(obeyed: list[Order]) -> None:
    with pytest.raises(UserError, match="the last worker stays"):
        ask("main", Order("remove", worker="worker-1"))
    with pytest.raises(UserError, match=r"it failed \(RuntimeError\)"):
        ask("main", Order("upgrade"))
    assert ask("main", Order("add")) == ["worker-2"]  # and it goes on


def test_one_name_is_one_fleet(obeyed: list[Order]) -> None:
    with pytest.raises(UserError, match="runs here already"), Control("main", lambda order: None):
        pass
    with Control("other", lambda order: order.what):
        assert ask("other", Order("status")) == "status"


def test_whoever_says_nothing_does_not_stop_the_others(obeyed: list[Order]) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(str(control._socket("main")))
        silent.close()
        assert ask("main", Order("add")) == ["worker-2"]


def test_where_no_fleet_runs_it_says_how_to_start_one() -> None:
    with Control("main", lambda order: None):
        pass
    for question in (lambda: ask("main", Order("status")), lambda: down("main", 1.0)):
        with pytest.raises(UserError, match="'realtime fleet up' starts it"):
            question()


def test_a_folder_with_a_long_name_is_as_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REALTIME_RUNTIME", str(tmp_path / ("long" * 30)))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Control("main", lambda order: order.what):
        assert ask("main", Order("status")) == "status"
    (folder,) = tmp_path.glob("realtime-*")
    assert folder.stat().st_mode & 0o777 == 0o700
