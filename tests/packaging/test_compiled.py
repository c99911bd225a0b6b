"""The compiled modules, made by a real C compiler: the same poses as the Python that they are made of, bit for bit."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("engines", "calibration", "realtime", "tests")

# where body.py comes from, and every number of the recorded people's poses, with and without look-ahead
_POSES = """
import hashlib
from calibration.person import body
from tests.replay.test_golden import LOOKAHEADS, lifted
digest = hashlib.sha256()
for lookahead in LOOKAHEADS:
    for name, values in lifted(lookahead).items():
        digest.update(name.encode() + values.tobytes())
print(body.__file__, len(values), digest.hexdigest())
"""


@pytest.mark.timeout(1200)  # a compiler beside other programs
def test_compiled_modules_give_the_same_bits(tmp_path: Path) -> None:
    if find_spec("mypyc") is None or find_spec("setuptools") is None:
        pytest.skip("mypy, which compiles, is not installed: make setup-dev")
    if shutil.which("cc") is None:
        pytest.skip("no C compiler")
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    for file in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, tmp_path / file)
    command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "REALTIME_COMPILE": "1"}, capture_output=True, text=True, timeout=900
    )
    if "Python.h" in done.stderr:
        pytest.skip("no headers of Python to compile with")
    assert done.returncode == 0, done.stderr[-2000:]
    compiled, interpreted = poses(tmp_path), poses(ROOT)
    assert compiled[0].endswith((".so", ".pyd"))
    assert interpreted[0].endswith(".py")
    assert int(compiled[1]) > 100
    assert compiled[1:] == interpreted[1:]


def poses(root: Path) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", _POSES], cwd=root, env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    return done.stdout.split()
