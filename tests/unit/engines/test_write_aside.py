"""Files are whole or not there: one, and several that are made together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engines.errors import UserError
from engines.write_aside import require_target, write_together


def write(text: str) -> Callable[[Path], object]:
    return lambda aside: aside.write_text(text)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, UserError])
def test_of_several_files_none_is_left_where_one_is_broken_off(tmp_path: Path, error: type[BaseException]) -> None:
    (tmp_path / "b").write_text("before")

    def broken_off(aside: Path) -> None:
        aside.write_text("half")
        raise error

    with pytest.raises(error):
        write_together({tmp_path / "a": write("new"), tmp_path / "b": broken_off})
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("b", "before")]


def test_several_files_are_there_together(tmp_path: Path) -> None:
    write_together({tmp_path / "a": write("one"), tmp_path / "folder" / "b": write("two")})
    assert [(tmp_path / name).read_text() for name in ("a", "folder/b")] == ["one", "two"]
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "b", "folder"]


def test_what_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"cannot write .*file/b"):
        write_together({tmp_path / "a": write("one"), tmp_path / "file" / "b": write("two")})
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_file_that_is_there_is_a_target_only_where_it_may_be_replaced(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(UserError, match="a exists: choose another name or add --overwrite"):
        require_target(tmp_path / "a", overwrite=False)
    require_target(tmp_path / "a", overwrite=True)
    require_target(tmp_path / "new" / "folder", overwrite=False)
    with pytest.raises(UserError, match="is a folder"):
        require_target(tmp_path, overwrite=True)
