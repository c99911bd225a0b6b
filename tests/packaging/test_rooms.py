"""The rooms keep their walls: imports run downwards, no folder is crowded, and the documents name files that exist."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("engines", "calibration", "realtime")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
DOCUMENTS = ("docs/architecture.md", "CONTRIBUTING.md")


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run([sys.executable, "-c", code, "--no-cache"], cwd=folder, capture_output=True, text=True)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The packages' code and the list of layers, to be spoilt."""
    for path in SOURCES:
        target = tmp_path / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_imports_run_downwards_and_in_no_circle() -> None:
    pytest.importorskip("importlinter")
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("file", "line", "complaint"),
    [
        ("engines/errors.py", "import realtime.clock", "engines is not allowed to import realtime"),
        ("realtime/ring/ring.py", "import realtime.sources.source", "realtime.ring is not allowed to import"),
        ("realtime/client/listen.py", "import realtime.server.gate", "realtime.client is not allowed to import"),
        ("realtime/ring/segment.py", "import realtime.ring.ring", "No cycles are allowed in realtime.ring"),
        ("realtime/garage/__init__.py", "", "realtime.garage"),
    ],
)  # fmt: skip
def test_a_wall_that_is_broken_is_noticed(copy: Path, file: str, line: str, complaint: str) -> None:
    pytest.importorskip("importlinter")
    (copy / file).parent.mkdir(exist_ok=True)
    with (copy / file).open("a") as code:
        code.write(f"\n{line}\n")
    done = lint_imports(copy)
    assert done.returncode == 1
    assert complaint in " ".join(done.stdout.split())


def test_every_room_says_in_one_line_what_it_is_for() -> None:
    for path in SOURCES:
        if path.name == "__init__.py":
            said = ast.get_docstring(ast.parse(path.read_text())) or ""
            assert re.fullmatch(r"[A-Z].{10,110}\.", said.splitlines()[0]), path
    folders = {path.parent for path in SOURCES}
    assert not [folder for folder in folders if not (folder / "__init__.py").exists()]


def test_no_room_is_crowded_and_no_file_long() -> None:
    folders = [path.parent.relative_to(ROOT) for path in SOURCES]
    assert not {folder for folder in folders if folders.count(folder) > 18}
    assert not [path for path in SOURCES if len(path.read_text().splitlines()) > 300]


def test_tests_stand_where_the_code_stands() -> None:
    """A folder of tests of a package mirrors a room of it."""
    for kind in ("unit", "integration"):
        for path in (ROOT / "tests" / kind).rglob("test_*.py"):
            place = path.parent.relative_to(ROOT / "tests" / kind)
            room = ROOT / place if kind == "unit" else ROOT / "realtime" / place
            assert room.is_dir(), path


@pytest.mark.parametrize("document", DOCUMENTS)
def test_files_that_a_document_names_exist(document: str) -> None:
    text = (ROOT / document).read_text()
    tops = "realtime|engines|calibration|tests|docs"
    named = set(re.findall(rf"\b(?:{tops})/[\w./]*[\w/]", text))
    assert len(named) > 5
    assert not [name for name in named if not (ROOT / name).exists()]
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
    assert not [link for link in links if not (ROOT / document).parent.joinpath(link).exists()]


def test_the_architecture_knows_every_room() -> None:
    text = (ROOT / "docs/architecture.md").read_text()
    rooms = {path.parent.name for path in SOURCES if len(path.relative_to(ROOT).parts) == 3}
    assert not [room for room in rooms if f"`{room}/`" not in text]
