"""The log for machines: whole lines, not too many, in files that do not grow without end."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engines.errors import UserError
from realtime.session import json_log as module
from realtime.session.json_log import BURST, json_log

LOG = logging.getLogger("realtime.session_test")


@pytest.fixture(autouse=True)
def _heard() -> Iterator[None]:
    root = logging.getLogger("realtime")
    level = root.level
    root.setLevel(logging.INFO)
    yield
    root.setLevel(level)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_an_event_is_a_line_with_its_stream(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with json_log(path, "stage"):
        LOG.warning("the %s failed\nand more", "lifter")
    LOG.warning("after the end")
    [event] = lines(path)
    assert event["t_ns"] > 0
    told = {name: event[name] for name in ("level", "logger", "stream", "event")}
    assert told == {
        "level": "warning", "logger": LOG.name, "stream": "stage", "event": "the lifter failed\nand more",
    }  # fmt: skip


def flood(path: Path, count: int) -> None:
    with json_log(path, "main"):
        for number in range(count):
            LOG.info("event %d", number)
        raise UserError("the camera is gone: plug it in")


def test_a_flood_is_cut_and_counted_and_the_end_is_always_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RATE_HZ", 0.0)
    path = tmp_path / "events.jsonl"
    said = 5 * BURST
    with pytest.raises(UserError, match="plug it in"):
        flood(path, said)
    events = lines(path)
    assert (events[-1]["level"], events[-1]["event"]) == ("critical", "the camera is gone: plug it in")
    assert len(events) == BURST + 1
    assert len(events) - 1 + sum(event.get("left_out", 0) for event in events) == said


def test_old_files_are_put_aside_and_the_oldest_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 500)
    path = tmp_path / "events.jsonl"
    with json_log(path, "main"):
        for number in range(BURST // 2):
            LOG.info("event %d", number)
    assert {file.name for file in tmp_path.iterdir()} == {path.name, *(f"{path.name}.{n}" for n in (1, 2, 3))}
    assert lines(path)[-1]["event"] == f"event {BURST // 2 - 1}"


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="choose another file for --log-json"), json_log(tmp_path, "main"):
        pass
