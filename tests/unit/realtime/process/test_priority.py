"""Real-time priority: had, or refused in one sentence before anything begins."""

from __future__ import annotations

import os
import sys
import threading

import pytest

from engines.errors import UserError
from realtime.config import RunConfig
from realtime.process import priority
from realtime.session.run_session import check


@pytest.mark.skipif(not hasattr(os, "sched_setscheduler"), reason="this system has no such priority")
def test_a_thread_that_goes_first_hands_it_on_and_others_stay_as_they_are() -> None:
    policies: list[int] = []

    def first() -> None:
        priority.go_first()
        policies.append(os.sched_getscheduler(0))
        below = threading.Thread(target=lambda: policies.append(os.sched_getscheduler(0)))
        below.start()
        below.join()

    before = os.sched_getscheduler(0)
    try:
        priority.check_may_go_first()
    except UserError:
        pytest.skip("this user may not")
    assert os.sched_getscheduler(0) == before
    thread = threading.Thread(target=first)
    thread.start()
    thread.join()
    assert policies == [os.SCHED_RR, os.SCHED_RR]
    assert os.sched_getscheduler(0) == before


def test_a_refusal_is_told_before_anything_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setscheduler", refuse, raising=False)
    with pytest.raises(UserError, match="may not have a real-time priority: add '@YOURGROUP - rtprio 1'"):
        check(RunConfig(realtime_priority=True))


def test_a_system_without_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_setscheduler", raising=False)
    with pytest.raises(UserError, match="no real-time priority for programs"):
        check(RunConfig(realtime_priority=True))


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone tells threads apart")
def test_a_thread_that_gives_way_leaves_the_others_as_they_are() -> None:
    nice: list[int] = []

    def patient() -> None:
        priority.give_way()
        nice.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    before = os.nice(0)
    thread = threading.Thread(target=patient)
    thread.start()
    thread.join()
    assert nice == [max(before, 10)]
    assert os.nice(0) == before
