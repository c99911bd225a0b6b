"""The wheel, built from a copy: all that a program needs at run time is in it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WANTED = (
    "realtime/py.typed", "engines/py.typed", "calibration/py.typed", "realtime/wire/PROTOCOL.md",
    "realtime/wire/pose3d.schema.json", "engines/weights/stream-243.onnx", "engines/weights/stream-243.json",
    "engines/training/configs/default.toml", "realtime/library/lifter.py",
)  # fmt: skip


def test_the_wheel_holds_weights_schemas_and_types(tmp_path: Path) -> None:
    try:  # not imported: it would want to be the first that brings distutils
        found = int(version("setuptools").split(".")[0])
    except PackageNotFoundError:
        found = 0
    if found < 77:
        pytest.skip("wheels are built with setuptools 77 or later")
    copy = tmp_path / "copy"
    copy.mkdir()
    for package in ("realtime", "engines", "calibration"):
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, copy / file)
    options = ["-q", "--no-deps", "--no-build-isolation", "-w", str(tmp_path)]
    command = [sys.executable, "-m", "pip", "wheel", *options, str(copy)]
    subprocess.run(command, check=True, capture_output=True, timeout=200)
    (wheel,) = tmp_path.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    assert not set(WANTED) - held
    assert not [name for name in held if name.startswith(("tests/", "docs/"))]
