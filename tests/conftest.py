"""Shared fixtures: where the optional data lives."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Started in a shell's background, where Ctrl-C is ignored: the programs under test would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _optional(*parts: str) -> Path:
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"not here: {path}")
    return path


@pytest.fixture(scope="session")
def mocap_npz() -> Path:
    return _optional("data", "cmu_17j_120fps.npz")


@pytest.fixture(scope="session")
def mocap_raw() -> Path:
    return _optional("data", "raw")


@pytest.fixture(scope="session")
def clips() -> Path:
    return _optional("videos")
