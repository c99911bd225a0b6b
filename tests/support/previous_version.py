"""The files that the previous version wrote, laid out in a folder of a test's own, and how they are compared."""

from __future__ import annotations

import json
import lzma
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from mcap.reader import make_reader

FILES = Path(__file__).resolve().parents[1] / "previous" / "files"
GOLDEN = Path(__file__).resolve().parents[1] / "replay" / "golden"
WAIT_S = 120
TOLERANCE_M = 1e-3
MODEL = ("--model", "tiny-9.safetensors")
LENS = ("--camera", "camera.yaml")
Fields = dict[str, Any]
Done = subprocess.CompletedProcess[str]

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="other systems have the user's folders elsewhere")


@dataclass(frozen=True)
class Place:
    """Where a command runs: a folder with the files, and the user's own folders."""

    work: Path
    home: Path

    def environment(self, **changes: str) -> dict[str, str]:
        usual = {name: value for name, value in os.environ.items() if name != "REALTIME_CACHE"}
        folders = {"HOME": "", "XDG_CONFIG_HOME": "config", "XDG_CACHE_HOME": "cache"}
        return usual | {name: str(self.home / folder) for name, folder in folders.items()} | changes

    def realtime(self, *arguments: object, code: int = 0, **environment: str) -> Done:
        """Runs a command, which must end with this exit code."""
        done = subprocess.run(
            [sys.executable, "-m", "realtime.cli", *map(str, arguments)], cwd=self.work, timeout=WAIT_S, text=True,
            env=self.environment(**environment), capture_output=True, encoding="utf-8", check=False,
        )  # fmt: skip
        assert done.returncode == code, f"{arguments}: {done.stdout}{done.stderr}"
        return done


def laid_out(folder: Path) -> Place:
    """The files unpacked, those of the user's folders there as well as under names of their own."""
    work, home = folder / "work", folder / "home"
    shutil.copytree(FILES, work)
    for path in GOLDEN.glob("tiny-9.*"):
        shutil.copy(path, work)
    for packed in work.rglob("*.xz"):
        packed.with_suffix("").write_bytes(lzma.decompress(packed.read_bytes()))
        packed.unlink()
    for secret in work.rglob("*.key_secret"):
        secret.chmod(0o600)  # which git does not keep
    shutil.copytree(work / "config" / "keys", work / "keys")
    for person in work.glob("config/calibration/people/*.yaml"):
        shutil.copy(person, work)
    (lens,), (plan,) = work.glob("config/calibration/cameras/*/*.yaml"), work.glob("cache/plans/*.plan")
    shutil.copy(lens, work / "camera.yaml")
    shutil.copy(plan, work / "stream.plan")
    shutil.copy(plan.with_name(f"{plan.name}.json"), work / "stream.plan.json")
    for kind in ("config", "cache"):
        (home / kind).mkdir(parents=True)
        (work / kind).rename(home / kind / "realtime-pose")
    return Place(work, home)


def require(*modules: str) -> None:
    """Skips where one is missing. None is imported: they are large."""
    for module in modules:
        if find_spec(module) is None:
            pytest.skip(f"needs {module}")


def sentence(done: Done) -> str:
    """The one with which a command refuses."""
    *_, last = done.stderr.strip().splitlines()
    assert last.startswith("realtime: ")
    assert "Traceback" not in done.stderr
    return last


def yaml_of(path: Path) -> Fields:
    content: Fields = yaml.safe_load(path.read_text())
    return content


# Of a person: what surrounds the network has changed since, and poses with it.
POSE = frozenset({"joints", "root", "sigma", "score"})


def assert_same(got: object, expected: object, where: str = "", but: frozenset[str] = frozenset()) -> None:
    """Like `==`, numbers to a thousandth; what was not there before does not matter, nor when a file was written.

    Of `but` there must be as much, of the same kind.
    """
    if isinstance(expected, Mapping):
        assert isinstance(got, Mapping), where
        for key in expected.keys() - {"date"}:
            assert key in got, f"{where} has lost {key}"
            if key in but:
                assert np.shape(got[key]) == np.shape(expected[key]), f"{where} {key}"
                assert np.isfinite(np.array(got[key], float)).all(), f"{where} {key}"
            else:
                assert_same(got[key], expected[key], f"{where} {key}", but)
    elif isinstance(expected, list):
        assert isinstance(got, list), where
        assert len(got) == len(expected), where
        for index, (one, other) in enumerate(zip(got, expected, strict=True)):
            assert_same(one, other, f"{where}[{index}]", but)
    elif isinstance(expected, float):
        assert got == pytest.approx(expected, abs=TOLERANCE_M, nan_ok=True), where
    else:
        assert got == expected, where


def messages(path: Path, kind: str = "") -> list[Fields]:
    """The bodies in the order they were written, each with its topic."""
    with path.open("rb") as file:
        taken = make_reader(file).iter_messages(log_time_order=False)
        return [{"topic": channel.topic, **json.loads(message.data)} for _, channel, message in taken
                if channel.topic.startswith(f"/{kind}")]  # fmt: skip
