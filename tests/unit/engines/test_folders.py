"""Home, settings and cache of a user who has none."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from engines.errors import UserError
from engines.folders import cache_dir, config_dir, expanded
from realtime.keys.key_store import default_directory

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="home directories are found in another way there")
pytestmark = POSIX
VARIABLES = ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "REALTIME_CACHE")


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A user without HOME and without an entry in the list of users; where their things go instead."""
    import pwd

    def no_entry(_user: int) -> None:
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", no_entry)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name in VARIABLES:
        monkeypatch.setenv(name, "")  # so that it is put back
        monkeypatch.delenv(name)
    return tmp_path / f"realtime-pose-{os.getuid()}"


def test_without_a_home_everything_lies_in_one_private_folder_and_one_sentence_says_so(
    nobody: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folders = [config_dir(), cache_dir(), default_directory(), expanded("~/film.mp4")]
    assert all(nobody in folder.parents for folder in folders)
    assert nobody.stat().st_mode & 0o777 == 0o700
    assert [record.message.count("set HOME to a folder of yours") for record in caplog.records] == [1]


@pytest.mark.parametrize("variable", ["HOME", "XDG_CONFIG_HOME"])
def test_a_home_that_cannot_be_written_to_is_none(
    variable: str, nobody: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "a file"
    blocked.touch()
    monkeypatch.setenv(variable, str(blocked / "home"))
    assert nobody in config_dir().parents


def test_what_is_set_is_used(nobody: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REALTIME_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    assert (cache_dir(), config_dir()) == (tmp_path / "cache", tmp_path / "settings" / "realtime-pose")
    assert not nobody.exists()


def test_somebody_elses_folder_is_not_used(nobody: Path) -> None:
    nobody.mkdir(mode=0o755)
    with pytest.raises(UserError, match="not theirs alone: set HOME"):
        config_dir()


@pytest.mark.parametrize("path", ["~/film.mp4", "~nobody-of-that-name/film.mp4"])
def test_a_tilde_without_a_home_is_one_sentence(path: str, nobody: Path) -> None:
    with pytest.raises(UserError, match="write the path without ~"):
        expanded(path)


def _unshared() -> list[str]:
    command = ["unshare", "-U", "--map-user=12345", "--map-group=12345"]
    try:
        works = subprocess.run([*command, "true"], check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        works = False
    if not works:
        pytest.skip("a user without an entry cannot be made here")
    return command


@pytest.mark.parametrize(
    "command", [("keys", "new", "ana"), ("calibrate", "person", "me", "--height", "1.7"), ("assets",)]
)
def test_commands_of_a_user_without_an_entry(command: tuple[str, ...], tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    done = subprocess.run([*_unshared(), sys.executable, "-m", "realtime.cli", *command], check=False,
                          capture_output=True, text=True, env={**kept, "TMPDIR": str(tmp_path)})  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("set HOME to a folder of yours") == 1
    assert "Traceback" not in done.stderr
    assert str(tmp_path / "realtime-pose-12345") in done.stdout
