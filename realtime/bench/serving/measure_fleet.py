"""What `realtime bench fleet` measures: a real fleet, light producers in a process of their own, one subscriber."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing.connection import Connection
from statistics import median
from typing import Any

import psutil
import zmq

from realtime.bench.serving.load import new_producers, send_evenly
from realtime.bench.spawned import start
from realtime.clock import NS_PER_S, monotonic_ns
from realtime.closing import Closing
from realtime.config import StreamConfig
from realtime.fleet.beat import Beat
from realtime.fleet.directory import Directory
from realtime.fleet.fleet import Fleet
from realtime.fleet.options import DoorOptions, FleetOptions
from realtime.process.signals import leave_to_parent
from realtime.serve.options import ServeOptions
from realtime.wire.decode import decode_pose
from realtime.wire.endpoints import connect_subscriber
from realtime.wire.framing import POSE
from realtime.wire.joining import Join

ANYWHERE = "tcp://127.0.0.1:*"
_WARM_S, _AFTER_S = 8.0, 6.0
_DEADLINE_S = 120.0
_LOOKUPS = 20_000


@dataclass(frozen=True, slots=True)
class _Seen:
    at_ns: int  # its arrival
    frame_id: int
    session: str


class _Watch(Closing):
    """All poses at the front door, by stream, when each came."""

    def __init__(self, address: str) -> None:
        self.of: dict[str, list[_Seen]] = defaultdict(list)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(address,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self, address: str) -> None:
        with zmq.Context() as context:
            socket = connect_subscriber(context, address, [f"{POSE}/".encode()], high_water=100_000)
            while not self._stop.is_set():
                if socket.poll(50):
                    message = decode_pose(socket.recv())
                    if message.persons:
                        self.of[message.stream].append(_Seen(monotonic_ns(), message.frame_id, message.session))
            socket.close(linger=0)


def measure_fleet(streams: int, workers: int, rounds: int, fps: float) -> dict[str, Any]:
    options = FleetOptions(
        workers, door=DoorOptions(ANYWHERE, ANYWHERE, ANYWHERE),
        serve=ServeOptions(most_busy=1.0, floor="off", stream=StreamConfig(ANYWHERE, ANYWHERE)),
    )  # fmt: skip
    stop, begun_s = threading.Event(), time.monotonic()
    with Fleet(options, stop) as fleet:
        started_s = time.monotonic() - begun_s
        threading.Thread(target=fleet.run, daemon=True).start()
        memory_mb = _memory_mb()
        _, producing = start(_produce, fleet.door["intake"], streams, fps)
        try:
            with _Watch(fleet.door["address"]) as watch:
                events = _events(fleet, watch, streams, workers, rounds)
        finally:
            producing.kill()
            producing.join()
            stop.set()
    return {
        "bench": "fleet", "streams": streams, "workers": workers, "rounds": rounds, "fps": fps,
        "start_s": round(started_s, 2), **memory_mb, "events": events, **_lookups(),
        "cpus": os.cpu_count(), "load_average": [round(value, 2) for value in os.getloadavg()],
    }  # fmt: skip


def _events(fleet: Fleet, watch: _Watch, streams: int, workers: int, rounds: int) -> list[dict[str, Any]]:
    rows: dict[str, list[dict[str, float]]] = defaultdict(list)
    _wait(lambda: len(watch.of) == streams and fleet.told()["moving"] == 0)
    time.sleep(_WARM_S)
    for _ in range(rounds):
        for event, act in (("a worker is killed", _kill), ("one is added", _add), ("one is removed", _remove)):
            before = {stream: len(seen) for stream, seen in watch.of.items()}
            act(fleet)
            wanted = workers + (event == "one is added")
            _wait(lambda wanted=wanted: _settled(fleet.told(), streams, wanted))  # type: ignore[misc]
            time.sleep(_AFTER_S)
            rows[event] += [
                moved for stream, seen in watch.of.items() if (moved := _pause(seen[before[stream] - 1 :])) is not None
            ]
    return [
        {
            "event": event, "moved": len(moved),
            "pause_p50_s": round(median(one["pause_s"] for one in moved), 3) if moved else 0.0,
            "pause_max_s": round(max((one["pause_s"] for one in moved), default=0.0), 3),
            "frames_missing": int(max((one["missing"] for one in moved), default=0)),
        }
        for event, moved in rows.items()
    ]  # fmt: skip


def _pause(seen: list[_Seen]) -> dict[str, float] | None:
    """From the last pose of one worker to the first of the next; None for a stream that has not moved."""
    for last, first in pairwise(seen):
        if first.session != last.session:
            return {"pause_s": (first.at_ns - last.at_ns) / NS_PER_S, "missing": first.frame_id - last.frame_id - 1}
    return None


def _kill(fleet: Fleet) -> None:
    """The one with the most streams."""
    fullest = max(fleet.told()["workers"], key=lambda one: int(one["lifts"]))
    os.kill(fullest["pid"], signal.SIGKILL)


def _add(fleet: Fleet) -> None:
    fleet.add(1)


def _remove(fleet: Fleet) -> None:
    """The one with the most streams."""
    fleet.remove(max(fleet.told()["workers"], key=lambda one: int(one["lifts"]))["name"])


def _settled(told: dict[str, Any], streams: int, workers: int) -> bool:
    lifted = sum(one["lifts"] for one in told["workers"])
    return len(told["workers"]) == workers and lifted == streams and not told["moving"]


def _wait(done: Callable[[], bool]) -> None:
    until_s = time.monotonic() + _DEADLINE_S
    while not done() and time.monotonic() < until_s:
        time.sleep(0.1)


def _memory_mb() -> dict[str, float]:
    """What is this process's children's alone: of Ray itself, and of each actor of ours."""
    ray_mb, ours_mb = 0.0, list[float]()
    for process in psutil.Process().children(recursive=True):
        try:
            name, own_mb = " ".join(process.cmdline()[:1]), process.memory_full_info().uss / 1e6
        except psutil.Error:
            continue
        if "Actor" in name:
            ours_mb.append(own_mb)
        else:
            ray_mb += own_mb
    return {"ray_mb": round(ray_mb), "actor_mb": round(median(ours_mb)) if ours_mb else 0}


def _produce(_: Connection[Any, Any], intake: str, count: int, fps: float) -> None:
    leave_to_parent()
    producers = new_producers(intake, count)
    while True:
        send_evenly(producers, fps, 60.0)


def _lookups() -> dict[str, float]:
    """The directory alone, on one core: a million streams known, a thousand workers, newcomers one by one."""
    directory, names = Directory(seed=0), 1000
    for number in range(names):
        beat = Beat(f"w{number}", f"tcp://10.0.0.1:{number}", "", 10_000, {})
        directory.beat(beat, 0)
    begun_s = time.monotonic()
    for number in range(_LOOKUPS):
        directory.place(Join(f"s{number}", "life", follows=True), 0)
    passed_s = time.monotonic() - begun_s
    begun_s = time.monotonic()
    for number in range(_LOOKUPS):
        directory.place(Join(f"s{number}", "life", follows=True), 0)
    return {
        "placed_per_s": round(_LOOKUPS / passed_s), "found_per_s": round(_LOOKUPS / (time.monotonic() - begun_s)),
    }  # fmt: skip
