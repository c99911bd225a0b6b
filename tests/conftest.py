"""Shared fixtures: where the optional data lives."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("untimed", deadline=None)  # a busy machine is no failure
settings.load_profile("untimed")

SHARED = Path(__file__).resolve().parents[2] / "shared"


# Started by nohup or in a shell's background these are ignored, and the programs under test would inherit that.
for _name, _usual in (("SIGINT", signal.default_int_handler), ("SIGHUP", signal.SIG_DFL)):
    if hasattr(signal, _name) and signal.getsignal(getattr(signal, _name)) is signal.SIG_IGN:
        signal.signal(getattr(signal, _name), _usual)


@pytest.fixture(autouse=True, scope="session")
def _sessions_of_ones_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Whoever runs a stream beside the tests keeps its name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REALTIME_RUNTIME", str(tmp_path_factory.mktemp("runtime")))
        yield


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
