"""The two kinds of Ray actor: the door, and a worker that lifts. Each has a loop, and is asked from other threads."""

from __future__ import annotations

import logging
import os
import socket
import sys
import threading
import time
from dataclasses import replace
from typing import Any

from realtime.config import StreamConfig
from realtime.fleet.beat import BEAT_S, Beat, Orders
from realtime.fleet.door import Door
from realtime.fleet.options import DoorOptions
from realtime.process.stats import Load
from realtime.serve.options import ServeOptions
from realtime.serve.server import Server

OPEN_S = 120.0  # a model is loaded, perhaps from a slow disk
_LOOK_S, _LAST_WORDS_S = 0.5, 1.0
_SLOW_BEAT_S = 5.0  # a door that does not answer may be starting again

log = logging.getLogger("realtime.fleet")


class DoorActor:
    """`open`, then `run` until `stop`; everything else meanwhile."""

    def __init__(self, options: DoorOptions) -> None:
        _log_to_file()
        self._options = options
        self._door: Door | None = None
        self._stop = threading.Event()
        _end_with_ray(self._stop)

    def open(self) -> dict[str, Any]:
        """Its addresses. Raises UserError."""
        if self._door is None:
            self._door = Door(self._options)
        door = self._door
        return {
            "intake": door.intake_address, "address": door.address, "rpc": door.rpc_address,
            "metrics": door.metrics_address, "pid": os.getpid(),
        }  # fmt: skip

    def run(self) -> None:
        with self._opened() as door:
            door.run(self._stop)
        self._door = None

    def stop(self) -> None:
        self._stop.set()

    def beat(self, beat: Beat) -> Orders | None:
        """None: it is not open yet, as after it has died."""
        return None if self._door is None else self._door.beat(beat)

    def drain(self, worker: str) -> bool:
        return self._opened().drain(worker)

    def bury(self, worker: str) -> None:
        self._opened().bury(worker)

    def told(self) -> dict[str, Any]:
        return self._opened().told()

    def _opened(self) -> Door:
        if self._door is None:
            raise RuntimeError("the door is not open")
        return self._door


class WorkerActor:
    """A server of its own streams. `run` until `stop`; it tells the door what it has, and does what it is told."""

    def __init__(self, name: str, options: ServeOptions, host: str | None, door: Any) -> None:
        """`host`: where producers and the door reach it; None: at this machine's address. `door`: the actor."""
        _log_to_file()
        self._name, self._door = name, door
        place = f"tcp://{host or _this_host()}:*"
        stream = options.stream
        self._options = replace(
            options, intake=place, metrics=None,
            stream=StreamConfig(place, None, encoding=stream.encoding, keys=stream.keys, insecure=stream.insecure),
        )  # fmt: skip
        self._server: Server | None = None
        self._stop = threading.Event()
        _end_with_ray(self._stop)

    def open(self) -> dict[str, Any]:
        """Loads the model; its addresses, and what lifts. Raises UserError."""
        self._server = server = Server(self._options)
        return {
            "name": self._name, "intake": server.intake_address, "address": server.address, "pid": os.getpid(),
            "engine": server.engine, "model": server.model,
        }  # fmt: skip

    def run(self) -> None:
        assert self._server is not None
        with self._server as server:
            beats = threading.Thread(target=self._tell, args=(server,), name="realtime-beats", daemon=True)
            beats.start()
            server.run(self._stop)
            beats.join()

    def stop(self) -> None:
        self._stop.set()

    def _tell(self, server: Server) -> None:
        """Twice a second, and at once where its streams are others."""
        import ray

        told: dict[str, str] | None = None
        while not self._stop.is_set():
            streams = server.lifted()
            beat = Beat(
                self._name, server.intake_address, server.address, self._options.streams,
                None if streams == told else streams, server.figures.busy, server.figures.frames,
                Load.now().rss_mb, os.getpid(), socket.gethostname(),
            )  # fmt: skip
            try:
                orders = ray.get(self._door.beat.remote(beat), timeout=_SLOW_BEAT_S)
            except ray.exceptions.RayError as error:  # it is started again by whoever rules the fleet
                log.debug("the door does not answer: %s", error)
                orders = None
            told = None if orders is None or orders.again else streams
            for stream, address in () if orders is None else orders.moves:
                server.move(stream, address)
            if orders is None or not orders.again:
                server.changed.wait(BEAT_S)
                server.changed.clear()


def _this_host() -> str:
    import ray

    host = str(ray.util.get_node_ip_address())  # type: ignore[no-untyped-call]
    return f"[{host}]" if ":" in host else host


def _end_with_ray(stop: threading.Event) -> None:
    """Ray's own process of this machine is the parent. Where it is gone an actor would linger for a minute."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK_S)
        stop.set()
        time.sleep(_LAST_WORDS_S)
        os._exit(1)

    threading.Thread(target=watch, name="realtime-end", daemon=True).start()


def _log_to_file() -> None:
    """Ray keeps what an actor writes to stderr beside its own logs."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(asctime)s %(message)s")
    logging.getLogger("realtime").setLevel(logging.INFO)


