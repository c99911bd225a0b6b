"""What a fleet can be told."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from engines.errors import UserError
from realtime.serve.options import ServeOptions
from realtime.wire.endpoints import DEFAULT_ADDRESS, DEFAULT_RPC_ADDRESS
from realtime.wire.joining import DEFAULT_INTAKE

MOST_WORKERS = 10_000
_NAME = re.compile(r"[A-Za-z0-9._-]{1,32}")


@dataclass(frozen=True, slots=True)
class DoorOptions:
    """The addresses that the world knows."""

    intake: str = DEFAULT_INTAKE  # where producers connect
    address: str = DEFAULT_ADDRESS  # where subscribers connect
    rpc_address: str = DEFAULT_RPC_ADDRESS
    keys: Path | None = None
    insecure: bool = False
    metrics: str | None = None  # HOST:PORT of /metrics


@dataclass(frozen=True, slots=True)
class FleetOptions:
    """Raises UserError for a value that cannot be."""

    workers: int = 2
    most_workers: int | None = None  # it grows to so many, and shrinks to `workers`, by itself; None: it does not
    name: str = "main"  # of the fleet, for those who ask for it on this machine
    ray: str | None = None  # address of a cluster that runs; None: Ray is started here
    cpus: float = 1.0  # of each worker, on a cluster
    gpus: float = 0.0  # of each worker
    door: DoorOptions = field(default_factory=DoorOptions)
    serve: ServeOptions = field(default_factory=ServeOptions)  # of each worker; its addresses are not used

    def __post_init__(self) -> None:
        _check(1 <= self.workers <= MOST_WORKERS, f"--workers must be from 1 to {MOST_WORKERS}, got {self.workers}")
        most = self.most_workers
        _check(most is None or self.workers <= most <= MOST_WORKERS,
               f"--most-workers must be from --workers ({self.workers}) to {MOST_WORKERS}, got {most}")
        _check(_NAME.fullmatch(self.name) is not None,
               f"--name '{self.name}' is not 1 to 32 letters, digits, '.', '_' or '-'")
        _check(0 <= self.cpus <= 1024, f"--cpus must be from 0 to 1024, got {self.cpus:g}")
        _check(0 <= self.gpus <= 64, f"--gpus must be from 0 to 64, got {self.gpus:g}")


def _check(good: bool, message: str) -> None:
    if not good:
        raise UserError(message)
