"""What is known of a failure of the program's own, kept for who mends it: no pictures, no keypoints, no passwords."""

from __future__ import annotations

import json
import logging
import os
import platform
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.errors import UserError
from engines.folders import cache_dir
from engines.write_aside import write_aside
from realtime.clock import unix_ns
from realtime.config import RunConfig
from realtime.process.states import FAILED
from realtime.sources.address import shown

if TYPE_CHECKING:
    from realtime.session.supervisor import Supervisor

KEPT = 10  # reports; the oldest go
LINES = 200  # of the log
_PACKAGES = ("realtime-pose", "numpy", "mediapipe", "opencv-contrib-python", "onnxruntime", "pyzmq", "av", "open3d-cpu")

log = logging.getLogger("realtime.supervisor")


@dataclass(frozen=True, slots=True)
class Crash:
    """`why` in a sentence; `traceback` where there is one; `states` of the processes; the last `lines` of the log."""

    why: str
    traceback: str = ""
    settings: RunConfig | None = None
    states: dict[str, Any] = field(default_factory=dict)
    lines: Sequence[str] = ()


def reports_dir() -> Path:
    """Raises UserError where there is no home and nothing can take its place."""
    return cache_dir() / "crashes"


def keep_report(crash: Crash) -> Path | None:
    """Writes it; None where it cannot be written, which is no reason to fail in another way."""
    try:
        path = reports_dir() / f"crash-{unix_ns()}-{os.getpid()}.json"
        text = json.dumps(_fields(crash), indent=1, default=str)
        write_aside(path, lambda aside: _write(aside, text))
        for old in sorted(path.parent.glob("crash-*.json"))[:-KEPT]:
            old.unlink(missing_ok=True)
    except (UserError, OSError) as error:
        log.debug("no report of the failure was kept: %s", error)
        return None
    return path


class CrashReports:
    """Writes one for each process of a session that has failed for good, and says where. `look` in every round."""

    def __init__(self, settings: RunConfig) -> None:
        self._settings, self._told = settings, set[str]()
        self._tail = _Tail()

    def __enter__(self) -> CrashReports:
        logging.getLogger("realtime").addHandler(self._tail)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("realtime").removeHandler(self._tail)

    def look(self, supervisor: Supervisor) -> None:
        for name, condition in supervisor.board.conditions().items():
            failure = supervisor.children[name].failure
            if condition.state != FAILED or name in self._told or (failure is not None and failure.user_error):
                continue
            self._told.add(name)
            states = {other: told.as_fields() for other, told in supervisor.board.conditions().items()}
            traceback = failure.traceback if failure is not None else ""
            path = keep_report(Crash(condition.event, traceback, self._settings, states, list(self._tail.lines)))
            if path is not None:
                log.warning("what is known of the %s's failure, without pictures, is in %s", name, path)


class _Tail(logging.Handler):
    """The last lines of the log."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: deque[str] = deque(maxlen=LINES)

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{int(record.created * 1000)} {record.levelname} {record.name}: {record.getMessage()}")


def _write(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o600)


def _fields(crash: Crash) -> dict[str, Any]:
    words = [word.partition("=")[2] if word.startswith("-") else word for word in sys.argv[1:]]
    if crash.settings is not None:
        words.append(crash.settings.source.name)
    secret = [word for word in words if shown(word) != word]

    def clean(text: str) -> str:
        for word in secret:
            text = text.replace(word, shown(word))
        return text

    settings = asdict(crash.settings) if crash.settings is not None else None
    if settings is not None:
        settings["source"]["name"] = shown(settings["source"]["name"])
    return {
        "t_ns": unix_ns(), "why": clean(crash.why), "versions": _versions(), "settings": settings,
        "command": [clean(word) for word in sys.argv[1:]],
        "states": {name: {**told, "event": clean(str(told.get("event", "")))} for name, told in crash.states.items()},
        "traceback": clean(crash.traceback).splitlines(), "log": [clean(line) for line in crash.lines],
    }  # fmt: skip


def _versions() -> dict[str, str]:
    found = {"python": sys.version.split()[0], "system": platform.platform()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
