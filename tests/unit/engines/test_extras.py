"""What to install is named by packages that an index has, wherever this project came from."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError

import pytest

from engines import extras

REQUIRED = [
    "numpy<3,>=2", "mcap<2,>=1.6; extra == \"record\"", "scipy<2,>=1.13; extra == 'export'",
    "realtime-pose[record]; extra == \"export\"", "onnx; platform_system != \"Darwin\" and extra == \"exporting\"",
]  # fmt: skip


def test_an_extra_is_what_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "requires", lambda name: REQUIRED)
    assert extras.pip_install("export") == "pip install 'scipy<2,>=1.13' 'mcap<2,>=1.6'"
    assert extras.pip_install("exporting") == "pip install 'onnx'"
    assert extras.pip_install("other") == "pip install 'realtime-pose[other]'"


def test_where_nothing_was_installed_the_extra_itself_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> list[str]:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(extras, "requires", missing)
    assert extras.pip_install("record") == "pip install 'realtime-pose[record]'"


def test_the_extras_of_this_project_are_found() -> None:
    assert extras.pip_install("record").startswith("pip install 'mcap")
