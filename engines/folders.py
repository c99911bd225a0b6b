"""Where the user's own things lie: home, settings and cache, also for a user who has no home directory."""

from __future__ import annotations

import logging
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

import platformdirs

from engines.errors import UserError

NAME = "realtime-pose"

log = logging.getLogger("realtime.folders")


def config_dir() -> Path:
    """Calibrations and keys. Raises UserError where there is no home and nothing can take its place."""
    return _usable(lambda: platformdirs.user_config_path(NAME))


def cache_dir() -> Path:
    """What is compiled or fetched; the environment variable REALTIME_CACHE moves it. Raises UserError."""
    moved = os.environ.get("REALTIME_CACHE")
    return Path(moved) if moved else _usable(lambda: platformdirs.user_cache_path(NAME))


def expanded(path: Path | str) -> Path:
    """With the home directory for ~. Raises UserError where there is none."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise UserError(f"{path}: there is no such home directory: write the path without ~") from error


def require_working_directory() -> None:
    """Raises UserError where the folder that this was started in has been deleted."""
    try:
        os.getcwd()
    except FileNotFoundError:
        raise UserError("the folder that this was started in has been deleted: go to another one with cd, and start "
                        "again") from None  # fmt: skip


def _usable(find: Callable[[], Path]) -> Path:
    """The folder, made or not; where it can be neither read nor made it lies in a home of our own making."""
    try:
        path = find()
    except RuntimeError:  # no HOME, and no entry in the list of users: as in a container
        path = Path()
    if path.is_absolute() and _can_be(path):
        return path
    home = _own_home()
    log.warning("this user has no home directory to write to: settings, keys and cache lie in %s: set HOME to a "
                "folder of yours to keep them", home)  # fmt: skip
    os.environ["HOME"] = str(home)  # for our processes too, and for libraries that look for it
    if not _can_be(find()):
        for elsewhere in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
            os.environ.pop(elsewhere, None)
    return find()


def _can_be(path: Path) -> bool:
    there = next(folder for folder in (path, *path.parents) if folder.exists())
    return there.is_dir() and (there == path or os.access(there, os.W_OK | os.X_OK))


def _own_home() -> Path:
    """Of this user alone: keys may lie in it. Raises UserError where somebody else has taken its name."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    home = Path(tempfile.gettempdir()) / f"{NAME}-{user}"
    home.mkdir(mode=0o700, exist_ok=True)
    about = home.lstat()
    ours = not hasattr(os, "getuid") or (about.st_uid == user and not about.st_mode & 0o077)
    if not stat.S_ISDIR(about.st_mode) or not ours:
        raise UserError(f"this user has no home directory, and {home} is not theirs alone: set HOME to a folder of "
                        "yours")  # fmt: skip
    return home
