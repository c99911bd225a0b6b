"""What a command does not catch itself: a file's error is one sentence, all else keeps its traceback."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from realtime import cli


def app_that_raises(error: Exception) -> typer.Typer:
    app = typer.Typer(pretty_exceptions_enable=False)

    @app.command()
    def work() -> None:
        raise error

    return app


def test_a_files_error_is_one_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    error = PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/there/x.npz")
    monkeypatch.setattr(cli, "command_group", lambda _: app_that_raises(error))
    monkeypatch.setattr(sys, "argv", ["realtime"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 2
    assert capsys.readouterr().err == "realtime: /there/x.npz: Permission denied: check the path and your rights\n"


def test_an_error_that_is_no_files_is_not_hidden_and_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("REALTIME_CACHE", str(tmp_path))
    monkeypatch.setattr(cli, "command_group", lambda _: app_that_raises(OSError("a bug")))
    monkeypatch.setattr(sys, "argv", ["realtime"])
    with pytest.raises(OSError, match="a bug"):
        cli.main()
    [kept] = tmp_path.glob("crashes/*.json")
    assert f"what is known of it, without pictures, is in {kept}" in capsys.readouterr().err
    told = json.loads(kept.read_text())
    assert told["why"] == "OSError: a bug"
    assert told["traceback"][-1] == "OSError: a bug"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
@pytest.mark.parametrize("command", [["assets"], ["assets", "path", "demo"], ["doctor", "--json"]])
def test_output_that_cannot_be_written_is_one_sentence(command: list[str]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-m", "realtime.cli", *command], stdout=full, stderr=subprocess.PIPE,
                              text=True, check=False)  # fmt: skip
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    said = done.stderr.splitlines()[-1]
    assert said.startswith("realtime: no more can be written (No space left on device): free some space")


def test_a_reader_that_has_gone_is_no_error() -> None:
    command = [sys.executable, "-m", "realtime.cli", "assets"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as listing:
        assert listing.stdout is not None
        listing.stdout.close()
        assert listing.stderr is not None
        assert listing.stderr.read() == ""
    assert listing.returncode == 0


def test_the_version_and_short_help() -> None:
    from importlib.metadata import version

    def said(*arguments: str) -> str:
        command = [sys.executable, "-m", "realtime.cli", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert said("--version") == f"realtime {version('realtime-pose')}\n"
    assert "Usage" in said("-h")
    assert said("listen", "-h") == said("listen", "--help")


def test_who_listens_to_nobody_is_told_that_it_waits() -> None:
    command = [sys.executable, "-m", "realtime.cli", "listen", "--address", "tcp://127.0.0.1:9", "--timeout", "2.5"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    waits, why = done.stderr.splitlines()
    assert waits == "waiting for poses of 'main' at tcp://127.0.0.1:9: Ctrl-C ends it"
    assert "is 'realtime run' running" in why


@pytest.mark.parametrize("command", [["--help"], ["assets"], ["assets", "path", "demo"], ["run", "--help"]])
def test_a_reader_that_has_left_before_anything_is_written_is_no_fault(command: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([sys.executable, "-m", "realtime", *command], stdout=writing, stderr=subprocess.PIPE,
                          text=True, check=False, timeout=60)  # fmt: skip
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")
