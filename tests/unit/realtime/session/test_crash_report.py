"""A crash report says what there is to say, and nothing that is nobody's business."""

from __future__ import annotations

import json
import logging
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from small_sessions import QUICK, table

from engines.errors import UserError
from realtime.config import RunConfig, SourceConfig
from realtime.session.crash_report import KEPT, Crash, CrashReports, keep_report
from realtime.session.supervisor import Supervisor

SOURCE = "rtsp://user:secret@10.0.0.7/live?token=hush"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REALTIME_CACHE", str(tmp_path))
    monkeypatch.setenv("NOTES", str(tmp_path / "notes"))
    return tmp_path / "crashes"


def test_no_password_is_in_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["realtime", "run", f"--source={SOURCE}", "--verbose"])
    settings = RunConfig(source=SourceConfig(name=SOURCE))
    states = {"producer": {"state": "failed", "event": f"cannot open {SOURCE}"}}
    path = keep_report(Crash(f"no {SOURCE}", f"Traceback\nOSError: {SOURCE}", settings, states, [f"opened {SOURCE}"]))
    assert path is not None
    text = path.read_text()
    assert "secret" not in text
    assert "hush" not in text
    told = json.loads(text)
    assert told["settings"]["source"]["name"].startswith("rtsp://")
    assert "10.0.0.7" in told["traceback"][1]
    assert told["command"][0] == "run"
    assert {"python", "numpy", "system"} <= told["versions"].keys()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_only_the_newest_are_kept(folder: Path) -> None:
    paths = [keep_report(Crash(f"number {number}")) for number in range(KEPT + 3)]
    assert sorted(folder.iterdir()) == sorted(path for path in paths[3:] if path)


def test_a_folder_that_cannot_be_written_is_no_other_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("REALTIME_CACHE", str(tmp_path / "file"))
    assert keep_report(Crash("why")) is None


def failing(look: Callable[[Supervisor], None], **workers: str) -> None:
    with Supervisor(RunConfig(), table(**workers), QUICK) as supervisor, pytest.raises(UserError):
        supervisor.run(look)


def test_a_process_that_fails_for_good_leaves_its_traceback(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "realtime")
    with CrashReports(RunConfig()) as reports:
        logging.getLogger("realtime.run").warning("before it")
        failing(reports.look, lift="always_crash")
    [path] = folder.iterdir()
    assert f"failure, without pictures, is in {path}" in caplog.text
    told = json.loads(path.read_text())
    assert "failed 4 times in a row" in told["why"]
    assert told["traceback"][-1] == "ZeroDivisionError: of course"
    assert any("small_workers.py" in line for line in told["traceback"])
    assert told["states"]["lifter"]["state"] == "failed"
    assert any("before it" in line for line in told["log"])


def test_a_mistake_of_the_users_leaves_none(folder: Path) -> None:
    with CrashReports(RunConfig()) as reports:
        failing(reports.look, produce="produce_nothing")
    assert not folder.exists()
