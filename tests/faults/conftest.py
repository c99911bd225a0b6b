"""For sessions whose processes are real and small."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from realtime.ring.segment import sweep


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """What the processes wrote down."""
    path = tmp_path / "notes"
    path.touch()
    monkeypatch.setenv("NOTES", str(path))
    return lambda: path.read_text().splitlines()


@pytest.fixture
def nothing_is_left_behind() -> Iterator[None]:
    sweep()  # what another session holds stays, and is nobody's fault
    yield
    assert not sweep()
    left = [child for child in psutil.Process().children(recursive=True) if "spawn_main" in " ".join(child.cmdline())]
    assert left == []
