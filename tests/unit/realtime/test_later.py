"""Modules that are imported when they are first used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from realtime.later import SELDOM, later


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """One that says `tool.loaded`, with a module below it that says `part.answer`."""
    folder = tmp_path / "seldom_used"
    folder.mkdir()
    (folder / "__init__.py").write_text("loaded = True\n")
    (folder / "part.py").write_text("answer = 42\nclass Box(list):\n    pass\n")
    (tmp_path / "user_of_it.py").write_text(
        "import seldom_used\nimport seldom_used.part as part\nfrom seldom_used.part import Box\n"
        "def use():\n    return part.answer, seldom_used.loaded, Box('ab')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield "seldom_used"
    for name in ("seldom_used.part", "seldom_used", "user_of_it"):
        sys.modules.pop(name, None)


def test_nothing_is_imported_until_it_is_used(package: str) -> None:
    with later([package, f"{package}.part", f"{package}.part.Box"]):
        import user_of_it  # type: ignore[import-not-found]
    assert not {name for name in sys.modules if name.startswith(package)}
    assert user_of_it.use() == (42, True, ["a", "b"])
    assert f"{package}.part" in sys.modules


def test_a_module_that_is_there_is_left_alone(package: str) -> None:
    import seldom_used  # type: ignore[import-not-found]

    with later([package]):
        assert sys.modules[package] is seldom_used
    assert sys.modules[package] is seldom_used


def test_what_is_imported_afterwards_is_the_real_one(package: str) -> None:
    with later([package, f"{package}.part"]):
        import user_of_it  # noqa: F401
    import seldom_used

    assert seldom_used.__file__ is not None


@pytest.mark.parametrize("library", SELDOM)
def test_the_libraries_do_not_bring_what_they_seldom_use(library: str) -> None:
    code = (
        "import sys\nfrom realtime.later import SELDOM, later\n"
        f"with later(SELDOM['{library}']):\n    import {library}\n"
        "sys.stdout.write(' '.join(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert library in loaded
    assert not loaded & set(SELDOM[library])
