"""`realtime doctor` finds what is wrong, and says what to do."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from realtime.doctor import checks, report
from realtime.doctor.check import Check
from realtime.wire import endpoints

COMMAND = "from realtime.commands.setup.doctor import doctor\ndoctor(as_json={as_json})"
FINE = Check("display", "ok", ":0")
LESS = Check("cameras", "note", "none", "plug one in")
NEEDED = Check("engine", "missing", "weights are gone", "install again")


def only(checks: Callable[[], Iterable[Check]]) -> Check:
    (check,) = checks()
    return check


@pytest.mark.parametrize(("checks", "able"), [([FINE], True), ([FINE, LESS], True), ([FINE, LESS, NEEDED], False)])
def test_only_what_the_main_job_needs_decides(
    checks: list[Check], able: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report.report(checks) is able
    printed = capsys.readouterr().out
    assert all(check.name in printed and check.advice in printed for check in checks)
    text, able_too = report.as_json(checks)
    assert able_too is able
    assert json.loads(text)["ok"] is able
    assert [entry["name"] for entry in json.loads(text)["checks"]] == [check.name for check in checks]


def test_the_whole_report_as_json_on_this_machine() -> None:
    done = subprocess.run([sys.executable, "-c", COMMAND.format(as_json=True)], capture_output=True, text=True,
                          check=False)  # fmt: skip
    report = json.loads(done.stdout)
    assert done.returncode == (0 if report["ok"] else 1)
    names = {check["name"] for check in report["checks"]}
    assert names >= {"Python", "mediapipe", "open3d", "display", "cameras", "GPU", "engine", "cache", "pose-full"}
    assert all(check["advice"] for check in report["checks"] if check["state"] != "ok")
    assert not any(check["advice"] for check in report["checks"] if check["state"] == "ok")


def test_a_broken_package_is_missing_with_the_command_that_mends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "open3d.py").write_text("raise OSError('libusb-1.0.so.0: cannot open shared object file')")
    (tmp_path / "msgpack.py").write_text("import no_such_module")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(checks, "_PACKAGES", {"open3d": "open3d", "msgpack": "msgpack", "numpy": "numpy"})
    open3d, msgpack, numpy = checks.packages()
    assert (open3d.state, open3d.advice) == ("missing", "sudo apt-get install -y libusb-1.0-0")
    assert (msgpack.state, msgpack.advice) == ("missing", "pip install --force-reinstall msgpack")
    assert numpy.state == "ok"


def test_a_port_in_use(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        free = unused.getsockname()[1]
        unused.close()
        monkeypatch.setattr(endpoints, "DEFAULT_ADDRESS", f"tcp://127.0.0.1:{taken.getsockname()[1]}")
        monkeypatch.setattr(endpoints, "DEFAULT_RPC_ADDRESS", f"tcp://127.0.0.1:{free}")
        first, second = checks.ports()
    assert (first.state, second.state) == ("note", "ok")
    assert "publish at another address" in first.advice
    assert report.report([first, second]) is True
    said = capsys.readouterr().out.splitlines()[-1]
    assert first.name in said
    assert "another session" in said


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have a display")
def test_without_a_display_the_skeleton_can_still_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert "--render" in only(checks.display).advice


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have a display")
@pytest.mark.parametrize("wayland", ["wayland-7", "whole"])
def test_a_display_that_does_not_answer_is_none(
    wayland: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / wayland
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("WAYLAND_DISPLAY", str(path) if wayland == "whole" else wayland)
    monkeypatch.delenv("DISPLAY", raising=False)
    with socket.socket(socket.AF_UNIX) as server:
        assert only(checks.display).state == "note"
        server.bind(str(path))
        assert only(checks.display).state == "note"  # the file of one that is gone
        server.listen()
        assert only(checks.display).state == "ok"
    monkeypatch.delenv("WAYLAND_DISPLAY")
    monkeypatch.setenv("DISPLAY", ":7654")
    check = only(checks.display)
    assert (check.state, check.detail) == ("note", ":7654 does not answer")
    assert "--render" in check.advice


def test_a_broken_package_does_not_end_the_report(tmp_path: Path) -> None:
    (tmp_path / "cv2.py").write_text("raise ImportError('libGL.so.1: cannot open shared object file')")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run([sys.executable, "-c", COMMAND.format(as_json=True)], capture_output=True, text=True,
                          env=environment, check=False)  # fmt: skip
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert done.returncode == 1
    assert (checks["cv2"]["state"], checks["cv2"]["advice"]) == ("missing", "sudo apt-get install -y libgl1")
    assert {"Python", "numpy", "GPU", "cache"} <= checks.keys()


def test_assets_that_are_not_there_and_cannot_be_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REALTIME_CACHE", str(tmp_path / "cache"))
    assert [check.state for check in checks.assets()] == ["note", "note"]
    (tmp_path / "file").touch()
    monkeypatch.setenv("REALTIME_CACHE", str(tmp_path / "file"))
    assert [check.state for check in checks.assets()] == ["missing", "missing"]
    check = only(checks.cache)
    assert check.state == "missing"
    assert "cannot be written" in check.detail
    assert "REALTIME_CACHE" in check.advice


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc, where nobody can make a folder")
def test_a_cache_that_cannot_be_made_is_not_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REALTIME_CACHE", "/proc/cache")
    check = only(checks.cache)
    assert check.state == "missing"
    assert "cannot be written" in check.detail
    assert report.report([FINE, check]) is False


def test_an_old_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_PYTHONS", ((3, 98), (3, 99)))
    assert only(checks.python).advice == "use Python 3.98 to 3.99"


def test_damaged_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from engines.models import card

    monkeypatch.setattr(card, "WEIGHTS_DIR", tmp_path)
    assert only(checks.engine).state == "missing"
