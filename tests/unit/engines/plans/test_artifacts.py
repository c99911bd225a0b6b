"""Files of a plan: written whole or not at all, named by everything that decides what they hold."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.errors import UserError
from engines.plans.fingerprint import fingerprint
from engines.plans.plan import sidecar_path
from engines.write_aside import write_all


@contextlib.contextmanager
def tiny_disk() -> Iterator[None]:
    """No file may grow beyond 64 kB: writing more fails as on a full disk. Not a fixture: the log may be larger."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.fixture
def old(tmp_path: Path) -> tuple[Path, Path]:
    """A plan and its card that are there already."""
    path = tmp_path / "a.plan"
    write_all({path: b"plan", sidecar_path(path): b"card"})
    return path, sidecar_path(path)


def _untouched(old: tuple[Path, Path]) -> bool:
    names = sorted(item.name for item in old[0].parent.iterdir())
    return [path.read_bytes() for path in old] == [b"plan", b"card"] and names == ["a.plan", "a.plan.json"]


def test_the_old_plan_survives_a_full_disk(old: tuple[Path, Path]) -> None:
    with tiny_disk(), pytest.raises(UserError, match=r"could not be written \(File too large\)"):
        write_all({old[0]: bytes(1 << 17), old[1]: b"{}"})
    assert _untouched(old)


def test_a_failed_card_leaves_the_old_plan(old: tuple[Path, Path]) -> None:
    with tiny_disk(), pytest.raises(UserError, match="untouched"):
        write_all({old[0]: b"new", old[1]: bytes(1 << 17)})
    assert _untouched(old)


def test_nothing_is_replaced_where_one_file_cannot_be(tmp_path: Path) -> None:
    path = tmp_path / "a.plan"
    path.write_bytes(b"old")
    sidecar_path(path).mkdir()
    with pytest.raises(UserError, match=r"a\.plan\.json is a folder"):
        write_all({path: b"new", sidecar_path(path): b"card"})
    assert path.read_bytes() == b"old"
    assert sorted(item.name for item in tmp_path.iterdir()) == ["a.plan", "a.plan.json"]


def test_a_failure_between_the_two_renames_is_named_and_leaves_nothing_aside(
    old: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, card = old
    replace = os.replace

    def fail_at_the_card(aside: str, path: Path) -> None:
        if path == card:
            raise OSError(errno.EIO, "Input/output error")
        replace(aside, path)

    monkeypatch.setattr(os, "replace", fail_at_the_card)
    with pytest.raises(UserError, match=r"a\.plan\.json could not be written .*a\.plan is new"):
        write_all({plan: b"new", card: b"new card"})
    assert [path.read_bytes() for path in old] == [b"new", b"card"]
    assert len(list(plan.parent.iterdir())) == 2


@given(st.dictionaries(st.text(), st.integers()), st.text(), st.integers())
def test_a_fingerprint_changes_with_every_ingredient(ingredients: dict[str, int], key: str, value: int) -> None:
    changed = ingredients | {key: value}
    assert (fingerprint(changed) == fingerprint(ingredients)) == (changed == ingredients)
    assert fingerprint(dict(reversed(ingredients.items()))) == fingerprint(ingredients)
