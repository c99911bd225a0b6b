"""Shared fixtures: where the optional data lives."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def mocap_npz() -> Path:
    path = SHARED / "data" / "cmu_17j_120fps.npz"
    if not path.exists():
        pytest.skip(f"motion capture not here: {path}")
    return path


@pytest.fixture(scope="session")
def mocap_raw() -> Path:
    path = SHARED / "data" / "raw"
    if not path.exists():
        pytest.skip(f"raw motion capture not here: {path}")
    return path


@pytest.fixture(scope="session")
def clips() -> Path:
    path = SHARED / "videos"
    if not path.exists():
        pytest.skip(f"clips not here: {path}")
    return path
