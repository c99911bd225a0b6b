"""The distribution: three packages, imports that point one way, help that comes at once, no torch by default."""

from __future__ import annotations

import ast
import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("engines", "calibration", "realtime")  # each may import itself and those before it
HEAVY = ("torch", "cv2", "mediapipe", "open3d", "onnxruntime", "onnx", "matplotlib", "scipy", "tensorrt_rtx")


@pytest.mark.parametrize("package", PACKAGES)
def test_the_package_belongs_to_this_distribution_alone(package: str) -> None:
    assert set(importlib.metadata.packages_distributions()[package]) == {"realtime-pose"}


def imported(path: Path) -> set[str]:
    """Top-level names of every import in a file, those inside functions too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_point_one_way(package: str) -> None:
    later = set(PACKAGES[PACKAGES.index(package) + 1 :])
    wrong = {str(path): imported(path) & later for path in (ROOT / package).rglob("*.py") if imported(path) & later}
    assert not wrong


def loaded_by(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nsys.stdout.write(' '.join(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/")
    return set(result.stdout.split())


def test_the_command_line_loads_nothing_heavy() -> None:
    assert not loaded_by("import realtime.cli; realtime.cli.command_group()") & set(HEAVY)


@pytest.mark.parametrize(
    "module",
    ["engines.lifting.load_lifter", "engines.models.normalise", "engines.models.checkpoint", "calibration.lens.rays"],
)
def test_lifting_needs_no_torch(module: str) -> None:
    assert not loaded_by(f"import {module}") & {"torch", "mediapipe", "open3d"}


def test_onnx_runtime_leaves_nothing_in_the_users_folders(tmp_path: Path) -> None:
    places = {"HOME": "", "USERPROFILE": "", "XDG_CACHE_HOME": "cache", "LOCALAPPDATA": "local"}
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    environment |= {name: str(tmp_path / folder) for name, folder in places.items()}
    code = "from engines.lifting.load_lifter import load_lifter\nwith load_lifter(engine='onnxruntime'): pass"
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["lift", "--help"], ["bench", "--help"]])
def test_help_explains(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "realtime.cli", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "Usage" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["run", "--bogus"], "No such option"), (["no-such-command"], "No such command"),
        (["lift"], "Missing argument"), (["run", "--people", "many"], "Invalid value"),
    ],
)  # fmt: skip
def test_a_mistyped_command_line_is_explained(arguments: list[str], complaint: str) -> None:
    command = [sys.executable, "-m", "realtime.cli", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert complaint in result.stderr
    assert "Traceback" not in result.stderr
