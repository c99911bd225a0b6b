"""The session that faults are done to: found by its stream's name, its processes by theirs."""

from __future__ import annotations

import time
from dataclasses import dataclass

import psutil

from engines.errors import UserError
from realtime.clock import NS_PER_S, monotonic_ns
from realtime.ring.segment import PREFIX
from realtime.session.instance import Running, find
from realtime.session.processes import PROCESSES

NAMES = tuple(process.name for process in PROCESSES)
PATIENCE_S = 60.0  # for what a session does by itself: start a process, replace one that has hung
_POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Target:
    running: Running
    session: psutil.Process

    @classmethod
    def find(cls, stream: str) -> Target:
        """Raises UserError where nobody publishes it on this machine."""
        running = find(stream)
        if running is None:
            raise UserError(f"no stream '{stream}' runs here: 'realtime run' starts it")
        try:
            return cls(running, psutil.Process(running.pid))
        except psutil.NoSuchProcess:
            raise UserError(f"the session of stream '{stream}' has just ended: start it again") from None

    def processes(self) -> dict[str, psutil.Process]:
        """Those of its processes that live and have said their name."""
        return {name: child for child in self.session.children() if (name := _name(child)) in NAMES}

    def process(self, name: str) -> psutil.Process:
        """Waits for it where it is just being started. Raises UserError where the session has none."""
        end_ns = monotonic_ns() + int(PATIENCE_S * NS_PER_S)
        while (process := self.processes().get(name)) is None:
            if monotonic_ns() > end_ns:
                raise UserError(f"the session has no {name}: choose another fault")
            time.sleep(_POLL_S)
        return process

    def everybody(self) -> list[psutil.Process]:
        """The supervisor first, so that it replaces nobody who is stopped after it."""
        return [self.session, *self.session.children()]

    def shared_memory(self) -> set[str]:
        """Paths of the segments that its processes have mapped."""
        maps = (mapped.path for process in self.processes().values() for mapped in process.memory_maps())
        return {path for path in maps if PREFIX in path}


def _name(process: psutil.Process) -> str:
    try:
        return str(process.name())
    except psutil.NoSuchProcess:  # it has ended since it was listed
        return ""
