"""Downloads an archive through pip, npm or HTTPS, checks its SHA-256 and takes members out of it."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import logging
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

from engines.errors import NO_SPACE
from realtime.assets.catalogue import Download

log = logging.getLogger("realtime.assets")

_NETWORK_TIMEOUT_S = 20
_POLL_S = 0.1
# One fixed wheel whatever the user's Python and machine are, so that the SHA-256 can be pinned. Its files are data.
_PIP = (
    "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--platform", "manylinux_2_28_x86_64",
    "--python-version", "311", "--implementation", "cp", "--abi", "cp311", "--retries", "0",
    "--timeout", str(_NETWORK_TIMEOUT_S), "--no-input", "--no-cache-dir", "--disable-pip-version-check", "--quiet",
)  # fmt: skip

_NPM = ("pack", "--loglevel", "error", "--fetch-retries", "0")


class DownloadFailed(Exception):  # noqa: N818 - reads as what happened
    """This source did not deliver; the message says why."""


def download(source: Download, name: str, scratch: Path, retry_waits_s: tuple[float, ...]) -> list[bytes]:
    """The members' contents, in the order of `source.members`. Tries again after each of the waits.

    Raises DownloadFailed, or OSError where the disk under `scratch` is full or not writable.
    """
    for wait_s in (*retry_waits_s, None):
        try:
            return _download_once(source, name, scratch)
        except DownloadFailed as error:
            if wait_s is None or isinstance(error, _Missing):
                raise
            log.info("%s: trying again in %.0f s", error, wait_s)
            time.sleep(wait_s)
    raise AssertionError("the last try returns or raises")


class _Missing(DownloadFailed):
    """The package manager itself is not there: trying again is no use."""


def _download_once(source: Download, name: str, scratch: Path) -> list[bytes]:
    folder = scratch / source.manager
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    with _Progress(name, folder, source.archive_bytes) as progress:
        archive = _GET[source.manager](source.spec, folder, progress)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    if digest != source.archive_sha256:
        raise DownloadFailed(f"{source.spec} arrived corrupt (SHA-256 {digest[:12]}, not {source.archive_sha256[:12]})")
    return [_member(archive, path, sha256) for path, sha256 in source.members.items()] or [archive.read_bytes()]


def _member(archive: Path, path: str, sha256: str) -> bytes:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as wheel:
            content = wheel.read(path)
    else:
        with tarfile.open(archive) as tarball:
            stream = tarball.extractfile(path)
            content = stream.read() if stream else b""
    if hashlib.sha256(content).hexdigest() != sha256:
        raise DownloadFailed(f"{path} in {archive.name} is not the file that was expected")
    return content


def _pip(spec: str, folder: Path, progress: _Progress) -> Path:
    if importlib.util.find_spec("pip") is None:
        raise _Missing("pip is missing from this Python (run 'python -m ensurepip')")
    return _run("pip", [sys.executable, *_PIP, "--dest", str(folder), spec], folder, progress)


def _npm(spec: str, folder: Path, progress: _Progress) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise _Missing("npm is not installed")
    return _run("npm", [npm, *_NPM, "--cache", str(folder / "npm"), spec], folder, progress)


def _run(manager: str, command: list[str], folder: Path, progress: _Progress) -> Path:
    temporary = folder / "tmp"  # on the cache's disk, and where the progress bar sees it grow
    temporary.mkdir()
    environment = {**os.environ, "TMPDIR": str(temporary), "TEMP": str(temporary), "TMP": str(temporary)}
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True,
    ) as process:  # fmt: skip
        try:
            said = _follow(process, progress)
        except BaseException:
            _kill(process)
            raise
    archives = [*folder.glob("*.whl"), *folder.glob("*.tgz")]
    if process.returncode == 0 and len(archives) == 1:
        return archives[0]
    for full in NO_SPACE:
        if os.strerror(full) in said:
            raise OSError(full, os.strerror(full), str(folder))
    raise DownloadFailed(f"{manager} cannot get {command[-1]} ({_gist(said)})")


def _kill(process: subprocess.Popen[str]) -> None:
    """With the processes it has started: npm is often a script around another."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):  # it has just ended
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()


def _follow(process: subprocess.Popen[str], progress: _Progress) -> str:
    """What a process said until its end, in memory: on a full disk it could not be written down."""
    while True:
        try:
            return process.communicate(timeout=_POLL_S)[0]
        except subprocess.TimeoutExpired:
            progress.look()


def _gist(said: str) -> str:
    """The line that names the cause: pip's says nothing of the network, npm's is one of many."""
    lines = [line.strip() for line in said.splitlines() if "error" in line.lower()] or ["it gave no reason"]
    if any("No matching distribution" in line for line in lines):
        return "its index is out of reach or does not have it"
    return next((line.split("reason: ")[1] for line in lines if "reason: " in line), lines[0])[:160]


def _url(address: str, folder: Path, progress: _Progress) -> Path:
    import urllib.error  # which brings more than most programs need that only look into a warm cache
    import urllib.request

    path = folder / "file"
    try:
        with urllib.request.urlopen(address, timeout=_NETWORK_TIMEOUT_S) as response, path.open("wb") as file:
            while block := response.read(1 << 18):
                file.write(block)
                progress.look()
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        raise DownloadFailed(f"{address} cannot be reached ({getattr(error, 'reason', error)})") from error
    return path


_GET: dict[str, Callable[[str, Path, _Progress], Path]] = {"pip": _pip, "npm": _npm, "url": _url}


class _Progress:
    """A bar on stderr that follows the bytes under a folder: the one measure all package managers share."""

    def __init__(self, name: str, folder: Path, total_bytes: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

        self._folder = folder
        self._bar = Progress(
            TextColumn("fetching {task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(),
            console=Console(stderr=True), transient=True,
        )  # fmt: skip
        self._task = self._bar.add_task(name, total=total_bytes)

    def __enter__(self) -> _Progress:
        self._bar.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._bar.stop()

    def look(self) -> None:
        self._bar.update(self._task, completed=_bytes_under(self._folder))


def _bytes_under(folder: Path) -> int:
    """Files and folders may come and go while we look: pip moves and removes its own."""
    sizes = 0
    for root, _, names in os.walk(folder):  # passes over a folder that has just gone, which rglob does not
        for name in names:
            with contextlib.suppress(OSError):
                sizes += os.stat(os.path.join(root, name)).st_size
    return sizes
