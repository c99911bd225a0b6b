"""Fetching assets with the real pip and npm, from an index on loopback."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import zipfile
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from package_index import PackageIndex
from typer.testing import CliRunner

from engines.errors import UserError
from realtime.assets.catalogue import ASSETS, Asset, Download
from realtime.assets.download import _bytes_under
from realtime.assets.fetch import cached, fetch, fetch_asset, listing
from realtime.commands.setup.assets import app

QUICK = (0.01, 0.01)
CHILD = """
import sys
from realtime.assets.catalogue import Asset, Download
from realtime.assets.fetch import fetch_asset
{before}
print(fetch_asset({asset!r}, ()))
"""


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with PackageIndex() as server:
        monkeypatch.setenv("REALTIME_CACHE", str(tmp_path / "cache"))
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server


def asset_of(*downloads: Download) -> Asset:
    return Asset("parcel", ".mp4", "a parcel", "CC0-1.0", 5, downloads)


@pytest.fixture
def parcel(index: PackageIndex) -> Asset:
    return asset_of(index.wheel_download)


def files(tmp_path: Path) -> list[str]:
    return [path.name for path in (tmp_path / "cache" / "assets").rglob("*")]


def child(asset: Asset, before: str = "") -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", CHILD.format(asset=asset, before=before)],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # fmt: skip


def test_a_warm_cache_needs_no_network(index: PackageIndex, parcel: Asset) -> None:
    path = fetch_asset(parcel, QUICK)
    assert path.read_bytes() == index.content
    index.close()
    assert fetch_asset(parcel, QUICK) == path
    assert index.downloads == 1


def test_several_members_come_as_one_archive_that_is_the_same_every_time(
    index: PackageIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = replace(asset_of(index.wheel_download), suffix=".zip")
    paths = [fetch_asset(many, QUICK)]
    monkeypatch.setenv("REALTIME_CACHE", str(tmp_path / "another"))
    paths.append(fetch_asset(many, QUICK))
    assert paths[0].read_bytes() == paths[1].read_bytes()
    with zipfile.ZipFile(paths[0]) as archive:
        assert [Path(member).name for member in index.wheel_download.members] == archive.namelist()
        assert archive.read(archive.namelist()[0]) == index.content


def test_a_damaged_file_in_the_cache_is_fetched_again(index: PackageIndex, parcel: Asset) -> None:
    path = fetch_asset(parcel, QUICK)
    path.write_bytes(path.read_bytes()[:-1])
    assert cached(parcel) is None
    assert fetch_asset(parcel, QUICK).read_bytes() == index.content
    assert index.downloads == 2


def test_a_file_from_other_pins_is_not_taken_for_this_one(index: PackageIndex, parcel: Asset) -> None:
    fetch_asset(parcel, QUICK)
    other = asset_of(Download("pip", index.requirement, 1, "0" * 64, index.wheel_download.members))
    assert cached(other) is None


def test_a_corrupt_download_is_tried_again_and_then_refused(index: PackageIndex, tmp_path: Path) -> None:
    good = index.wheel_download
    asset = asset_of(Download("pip", good.spec, good.archive_bytes, "0" * 64, good.members))
    with pytest.raises(UserError, match=r"arrived corrupt.*realtime assets fetch parcel"):
        fetch_asset(asset, QUICK)
    assert index.downloads == 3
    assert files(tmp_path) == []


def test_a_server_that_stumbles_is_asked_again(index: PackageIndex, parcel: Asset) -> None:
    index.failures = 1
    assert fetch_asset(parcel, QUICK).read_bytes() == index.content


def test_without_a_network_the_error_says_what_to_do(index: PackageIndex, parcel: Asset, tmp_path: Path) -> None:
    index.close()
    with pytest.raises(UserError, match=r"cannot fetch parcel: pip cannot get .*connect to the network") as caught:
        fetch_asset(parcel, QUICK)
    assert "\n" not in str(caught.value)
    assert files(tmp_path) == []


def test_a_cache_that_cannot_be_written_is_one_sentence(
    parcel: Asset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("REALTIME_CACHE", str(tmp_path / "file"))
    with pytest.raises(UserError, match=r"cannot be written.*set REALTIME_CACHE to another folder"):
        fetch_asset(parcel, QUICK)


@pytest.mark.skipif(sys.platform == "win32", reason="no file size limits")
def test_a_full_disk_is_one_sentence(parcel: Asset, tmp_path: Path) -> None:
    # A limit on the size of files stands in for a disk that ends: writing fails half way, in pip as in this program.
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))"
    process = child(parcel, limit)
    _, errors = process.communicate(timeout=60)
    assert "UserError: the cache" in errors
    assert "is full" in errors.splitlines()[-1]
    assert files(tmp_path) == []


def test_two_processes_may_fetch_at_once(index: PackageIndex, parcel: Asset, tmp_path: Path) -> None:
    index.gate = threading.Barrier(2)  # each download starts when both have
    both = [child(parcel), child(parcel)]
    outs = [process.communicate(timeout=60)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert outs[0] == outs[1]
    assert files(tmp_path) == [Path(outs[0].strip()).name]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_fetch_that_was_killed_leaves_nothing_behind_for_long(
    index: PackageIndex, parcel: Asset, tmp_path: Path
) -> None:
    index.gate = threading.Barrier(2)
    process = child(parcel)
    index.wait_for_download()
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    index.gate.abort()
    index.gate = None
    assert cached(parcel) is None
    (scratch,) = (tmp_path / "cache" / "assets").glob(".fetch-*")
    os.utime(scratch, (0, 0))
    path = fetch_asset(parcel, QUICK)
    assert files(tmp_path) == [path.name]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, -signal.SIGINT), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("manager", ["pip", "npm"])
def test_a_fetch_that_is_ended_leaves_nothing_running_and_nothing_behind(
    manager: str, number: signal.Signals, code: int, index: PackageIndex, tmp_path: Path
) -> None:
    if shutil.which(manager) is None and manager == "npm":
        pytest.skip("npm is not installed")
    index.gate = threading.Barrier(2)
    process = child(asset_of({"pip": index.wheel_download, "npm": index.npm_download}[manager]))
    index.wait_for_download()
    managers = psutil.Process(process.pid).children(recursive=True)
    assert managers
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == code
    _, alive = psutil.wait_procs(managers, timeout=30)
    assert alive == []
    assert files(tmp_path) == []
    index.gate.abort()


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_session_ended_during_its_first_download_has_started_nothing(index: PackageIndex, tmp_path: Path) -> None:
    index.gate = threading.Barrier(2)
    index.gated_page = "/simple/mediapipe/"
    command = [sys.executable, "-m", "realtime.cli", "run", "--source", "0", "--verbose"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as run:
        index.wait_for_download()
        run.send_signal(signal.SIGINT)
        said = run.communicate(timeout=30)[1]
    assert run.returncode == 130
    assert "started" not in said
    assert files(tmp_path) == []
    index.gate.abort()


@pytest.mark.skipif(sys.platform == "win32", reason="npm is a script there")
def test_npm_packages(index: PackageIndex) -> None:
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    assert fetch_asset(asset_of(index.npm_download), QUICK).read_bytes() == index.content


def test_without_npm_the_public_download_is_taken(index: PackageIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert fetch_asset(asset_of(index.npm_download, index.url_download), QUICK).read_bytes() == index.content


def test_the_progress_bar_bears_folders_that_go_while_it_looks(tmp_path: Path) -> None:
    """As pip's do: it unpacks and moves in temporary folders of its own."""
    (tmp_path / "stays").write_bytes(bytes(1000))
    done = threading.Event()

    def come_and_go() -> None:
        while not done.is_set():
            shutil.rmtree(tmp_path / "goes", ignore_errors=True)
            (tmp_path / "goes" / "inner").mkdir(parents=True)
            (tmp_path / "goes" / "inner" / "file").write_bytes(bytes(10))

    mover = threading.Thread(target=come_and_go)
    mover.start()
    try:
        seen = {_bytes_under(tmp_path) for _ in range(2000)}
    finally:
        done.set()
        mover.join()
    assert seen <= {1000, 1010}


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UserError, match="no asset 'pose-huge': choose one of pose-full, pose-lite"):
        fetch("pose-huge")


def test_the_command_lists_fetches_and_finds(parcel: Asset, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(ASSETS):
        monkeypatch.delitem(ASSETS, name)
    monkeypatch.setitem(ASSETS, "parcel", parcel)
    runner = CliRunner()
    assert "parcel        not cached" in runner.invoke(app).stdout
    fetched = runner.invoke(app, ["fetch", "--all"])
    assert (fetched.exit_code, fetched.stdout.strip()) == (0, str(cached(parcel)))
    assert "parcel        cached" in runner.invoke(app).stdout
    assert runner.invoke(app, ["path", "parcel"]).stdout == fetched.stdout
    assert isinstance(runner.invoke(app, ["path", "letter"]).exception, UserError)


def test_every_asset_is_pinned_and_listed(index: PackageIndex) -> None:
    lines = listing()
    for asset in ASSETS.values():
        assert asset.name in lines
        assert asset.licence in lines
        for source in asset.downloads:
            digests = [source.archive_sha256, *source.members.values()]
            assert all(len(digest) == 64 and int(digest, 16) >= 0 for digest in digests)
            assert source.manager != "url" or source.spec.startswith("https://")
    assert ASSETS["pose-full"].downloads[0].manager == "pip"
