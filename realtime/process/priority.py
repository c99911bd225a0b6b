"""Who works first: real-time priority where the system allows it, and threads that can wait."""

from __future__ import annotations

import os
import sys
import threading

from engines.errors import UserError

_PRIORITY = 1  # of 1 to 99: above all that is not real-time, below all that is

_PATIENT = 10  # how nice, of 19


def give_way() -> None:
    """This thread works when the others of this machine leave it time. Linux alone tells threads apart."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), max(_PATIENT, os.nice(0)))


def go_first() -> None:
    """This thread and those it starts work before all that is not real-time. Raises UserError where that is refused."""
    if not hasattr(os, "sched_setscheduler"):
        raise UserError("this system has no real-time priority for programs: leave out --realtime-priority")
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(_PRIORITY))
    except PermissionError as error:
        raise UserError("this user may not have a real-time priority: add '@YOURGROUP - rtprio 1' to"
                        " /etc/security/limits.conf and log in again, or leave out --realtime-priority") from error


def check_may_go_first() -> None:
    """Whether `go_first` works here, before anything begins. Raises UserError; this process stays as it is."""
    if not hasattr(os, "sched_setscheduler"):
        go_first()  # which says so
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    go_first()
    os.sched_setscheduler(0, policy, parameters)
