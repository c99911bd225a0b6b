"""What is written for programs that use the library is true: the notebook runs, the pages name what there is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import realtime
from engines.models.source_skeletons import SKELETONS

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = ("library.md", "input_formats.md")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbclient = pytest.importorskip("nbclient", reason="notebooks need: pip install 'realtime-pose[test]'")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # the kernel starts elsewhere
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    notebook = nbformat.read(DOCS / "three_lines.ipynb", as_version=4)
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    said = "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))
    assert "parts of the picture" in said
    assert "world" in said
    (away,) = re.findall(r"([\d.]+) m away", said)
    assert 2.5 < float(away) < 4.5


def test_the_notebook_is_kept_without_its_outputs() -> None:
    nbformat = pytest.importorskip("nbformat")
    notebook = nbformat.read(DOCS / "three_lines.ipynb", as_version=4)
    assert not [cell for cell in notebook.cells if cell.get("outputs") or cell.get("execution_count")]


@pytest.mark.parametrize("page", PAGES)
def test_the_pages_programs_run(page: str, tmp_path: Path) -> None:
    """All of a page's Python, one block after the other, but for what names a camera or another's detector."""
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), re.S)
    program = "\n".join(block for block in blocks if "# not run" not in block)
    assert program
    done = subprocess.run([sys.executable, "-W", "error::UserWarning", "-c", program], cwd=tmp_path,
                          env=_environment(), capture_output=True, text=True, timeout=120)  # fmt: skip
    assert done.returncode == 0, done.stderr


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def test_every_skeleton_is_on_the_page() -> None:
    page = (DOCS / "input_formats.md").read_text()
    assert not [name for name in SKELETONS if f"`{name}`" not in page]


def test_every_public_name_is_on_the_page() -> None:
    page = (DOCS / "library.md").read_text()
    assert not [name for name in realtime.__all__ if name != "__version__" and name not in page]


def test_help_shows_the_functions() -> None:
    code = "import realtime; help(realtime.subscribe); help(realtime.lift); help(realtime.Lifter); help(realtime.run)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for word in ("function subscribe", "function lift", "class Lifter", "function run", "image_wh"):
        assert word in shown


def test_importing_loads_nothing_heavy() -> None:
    code = "import sys, realtime; realtime.subscribe; sys.stdout.write(' '.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"cv2", "onnxruntime", "mediapipe", "open3d", "scipy"} & set(loaded)


@pytest.mark.parametrize("package", ["engines", "calibration"])
def test_a_folder_that_hides_a_package_is_named(package: str, tmp_path: Path) -> None:
    (tmp_path / package).mkdir()
    (tmp_path / package / "__init__.py").touch()
    command, path = [sys.executable, "-c", "import realtime; realtime.lift"], f"{tmp_path}{os.pathsep}{ROOT}"
    environment = _environment() | {"PYTHONPATH": path}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert f"{tmp_path / package} hides the package '{package}'" in done.stderr


def test_types_are_there_for_other_programs(tmp_path: Path) -> None:
    mypy = pytest.importorskip("mypy.api")
    (tmp_path / "program.py").write_text(
        "import numpy as np\nimport realtime\n\n"
        "lifter = realtime.Lifter()\n"
        "pose = lifter(np.zeros((17, 2)), None, 0.0, image_wh=(640, 480))\n"
        "reveal_type(pose.persons[0].joints_m)\n"
        "lifter(1.0)\n"
    )
    out, _, code = mypy.run(["--no-incremental", "--cache-dir", str(tmp_path), str(tmp_path / "program.py")])
    assert "ndarray" in out
    assert "Missing positional argument" in out
    assert code == 1
