"""The fleet's front door: producers ask where to go, subscribers find all poses, workers tell what they lift.

A producer's keypoints do not come through here, poses do: of the workers' messages those that somebody has subscribed
to. So every subscriber of PROTOCOL.md finds a stream where it always was, whichever worker lifts it.
"""

from __future__ import annotations

import threading
from contextlib import ExitStack
from typing import Any

from realtime.clock import NS_PER_MS, NS_PER_S, monotonic_ns, unix_ns
from realtime.closing import Closing
from realtime.fleet.beat import Beat, Orders
from realtime.fleet.directory import Directory
from realtime.fleet.forwarding import Forwarding
from realtime.fleet.metrics import FleetFigures
from realtime.fleet.options import DoorOptions
from realtime.fleet.wanted import workers_wanted
from realtime.serve.admission import may_send
from realtime.serve.intake import Intake, Said
from realtime.server.metrics_page import MetricsPage
from realtime.server.publish import Publisher
from realtime.wire.framing import KEYPOINTS, StreamNameError, VersionError, WireError, topic
from realtime.wire.joining import (
    MALFORMED,
    NAME,
    UNKNOWN,
    VERSION_CODE,
    Answer,
    AskClock,
    Clock,
    Join,
    Refused,
    decode_request,
)

_WAIT_NS = 50 * NS_PER_MS
_LOOK_NS = NS_PER_S // 5
_FRAME = f"{KEYPOINTS}/".encode()


class _Front(Publisher):
    """Has no streams of its own; says those of the fleet."""

    def __init__(self, options: DoorOptions, streams: Any) -> None:
        self._of_fleet = streams
        super().__init__(
            options.address, options.rpc_address, None, keys=options.keys, insecure=options.insecure,
            high_water=16 * 64,
        )  # fmt: skip

    def _hello(self) -> dict[str, Any]:
        return {**super()._hello(), "streams": list(self._of_fleet())}


class Door(Closing):
    """`run` in one thread until `stop`; all else from any."""

    def __init__(self, options: DoorOptions) -> None:
        """Raises UserError for an address that is taken, or that others can reach without keys."""
        self._lock = threading.Lock()
        self._directory = Directory()
        with ExitStack() as stack:
            self._intake = stack.enter_context(Intake(options.intake, options.keys, options.insecure))
            self._front = stack.enter_context(_Front(options, self.streams))
            self._forwarding = stack.enter_context(Forwarding(self._front, options.keys))
            page = None
            if options.metrics is not None:
                page = stack.enter_context(MetricsPage(options.metrics, FleetFigures(self.told).collect))
            self._owned = stack.pop_all()
        self.intake_address, self.address = self._intake.address, self._front.address
        self.rpc_address = self._front.rpc_address
        self.metrics_address = None if page is None else page.address

    def close(self) -> None:
        self._owned.close()

    def run(self, stop: threading.Event) -> None:
        look_ns = 0
        while not stop.is_set():
            for said in self._intake.hear(_WAIT_NS):
                answer = self._answer(said)
                if answer is not None:
                    self._intake.answer(said.peer, answer)
            now_ns = monotonic_ns()
            if now_ns >= look_ns:
                look_ns = now_ns + _LOOK_NS
                self._look(now_ns)

    # ---- workers, and whoever rules the fleet ----

    def beat(self, beat: Beat) -> Orders:
        with self._lock:
            return self._directory.beat(beat, monotonic_ns())

    def drain(self, worker: str) -> bool:
        """Its streams are handed over; False where there is nobody to take them."""
        with self._lock:
            return self._directory.drain(worker, monotonic_ns())

    def bury(self, worker: str) -> None:
        with self._lock:
            self._directory.bury(worker, monotonic_ns())

    def streams(self) -> dict[str, str]:
        """Each stream's worker."""
        with self._lock:
            return self._directory.streams

    def told(self) -> dict[str, Any]:
        """What there is to say of the fleet: plain values."""
        with self._lock:
            directory = self._directory
            workers = [
                {
                    "name": one.name, "streams": int(directory.workers.loads[one.number]), "limit": one.beat.limit,
                    "lifts": len(one.streams or ()), "busy": round(one.beat.busy, 3), "frames": one.beat.frames,
                    "memory_mb": round(one.beat.memory_mb, 1), "pid": one.beat.pid, "machine": one.beat.machine,
                    "intake": one.beat.intake, "address": one.beat.address, "draining": one.draining,
                    "known": one.streams is not None,
                }
                for one in directory.workers
            ]  # fmt: skip
            return {
                "workers": workers, "streams": directory.streams, "lookups": directory.lookups,
                "moves": directory.moves, "moving": directory.pending, "wanted": workers_wanted(workers),
            }  # fmt: skip

    # ---- producers ----

    def _answer(self, said: Said) -> Answer | None:
        if said.body.startswith(_FRAME):
            return Refused(UNKNOWN, "join first")
        try:
            request = decode_request(said.body)
        except VersionError as error:
            return Refused(VERSION_CODE, str(error))
        except WireError as error:
            return Refused(MALFORMED, str(error))
        if isinstance(request, Join):
            return self._place(request, said)
        if isinstance(request, AskClock):
            return Clock(request.t_client_ns, unix_ns() - (monotonic_ns() - said.received_ns), unix_ns())
        return None

    def _place(self, join: Join, said: Said) -> Answer:
        try:
            topic(KEYPOINTS, join.stream)
        except StreamNameError as error:
            return Refused(NAME, str(error))
        if not may_send(said.key, join.stream):
            return Refused(NAME, f"the key '{said.key}' may send the stream '{said.key}' and those that begin with "
                                 f"'{said.key}.', not '{join.stream}': choose such a name with --stream")  # fmt: skip
        if not join.follows:
            return Refused(VERSION_CODE, "this is a fleet of servers, and the producer cannot go from one to another: "
                                         "update it, or connect it to a 'realtime serve'")  # fmt: skip
        with self._lock:
            return self._directory.place(join, said.received_ns)

    def _look(self, now_ns: int) -> None:
        with self._lock:
            self._directory.look(now_ns)
            addresses = {worker.beat.address for worker in self._directory.workers}
        self._forwarding.follow(addresses)
