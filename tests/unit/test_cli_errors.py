"""What a command does not catch itself: a file's error is one sentence, all else keeps its traceback."""

from __future__ import annotations

import errno
import os
import sys

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
    monkeypatch.setattr(cli, "command_group", lambda: app_that_raises(error))
    monkeypatch.setattr(sys, "argv", ["realtime"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 2
    assert capsys.readouterr().err == "realtime: /there/x.npz: Permission denied: check the path and your rights\n"


def test_an_error_that_is_no_files_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "command_group", lambda: app_that_raises(OSError("a bug")))
    monkeypatch.setattr(sys, "argv", ["realtime"])
    with pytest.raises(OSError, match="a bug"):
        cli.main()
