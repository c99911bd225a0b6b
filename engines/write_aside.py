"""Files are written whole or not at all: aside first, under a name nobody can guess, then renamed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from engines.errors import UserError


def refuse_existing(path: Path, overwrite: bool) -> None:
    """Raises UserError where `path` is there already, unless it is to be replaced."""
    if path.exists() and not overwrite:
        raise already_there(path)


def already_there(path: Path) -> UserError:
    return UserError(f"{path} exists: choose another name or add --overwrite")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Around whatever makes `path`: what the system refuses becomes a UserError."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UserError(f"cannot write {path} ({reason}): check your rights and the space, or choose another place"
                        ) from error  # fmt: skip


def write_aside(path: Path, write: Callable[[Path], object]) -> None:
    """Replace `path` in one go: a reader sees the old file or the whole new one. The folder is made where missing.

    Raises UserError where it cannot be written.
    """
    write_together({path: write})


def write_together(work: Mapping[Path, Callable[[Path], object]]) -> None:
    """Several files at once: none is put in place before all are whole. Raises UserError where one cannot be written.
    """
    with ExitStack() as stack:
        asides: dict[Path, Path] = {}
        for path, write in work.items():
            with writing(path):
                asides[path] = stack.enter_context(_beside(path))
                write(asides[path])
        for path, aside in asides.items():
            with writing(path):
                os.replace(aside, path)


def require_writable(paths: Iterable[Path]) -> None:
    """Raise UserError where one of them is a folder, or its own folder neither is there to write in nor can be made."""
    for path in paths:
        if path.is_dir():
            raise UserError(f"{path} is a folder: remove it or choose another place with -o")
        folder = next(parent for parent in path.absolute().parents if parent.exists())
        if not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
            raise UserError(f"{path} cannot be written: check your rights to {folder}, or choose another place with -o")


def require_target(path: Path, overwrite: bool) -> None:
    """Raise UserError where `path` is there already and not to be replaced, or cannot be written."""
    refuse_existing(path, overwrite)
    require_writable([path])


def write_all(files: Mapping[Path, bytes]) -> None:
    """Write every file aside, then put them all in place, in their order: what was there survives a full disk.

    Raises UserError where they cannot be written; where some were in place by then it says which. Files that belong
    together must tell so: a plan's card holds the plan's SHA-256.
    """
    require_writable(files)
    placed: list[Path] = []
    try:
        with ExitStack() as stack:
            asides = {path: stack.enter_context(_beside(path)) for path in files}
            for path, aside in asides.items():
                with aside.open("wb") as file:
                    file.write(files[path])
                    file.flush()
                    os.fsync(file.fileno())
            for path, aside in asides.items():
                os.replace(aside, path)
                placed.append(path)
    except OSError as error:
        names = " and ".join(str(path) for path in files if path not in placed)
        kept = (f"{' and '.join(map(str, placed))} is new and belongs to no other file until that is mended"
                if placed else "what was there before is untouched")  # fmt: skip
        raise UserError(f"{names} could not be written ({error.strerror}): {kept};"
                        " free some space or choose another place with -o") from error  # fmt: skip


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A new file in the same folder, which is made where missing; gone afterwards unless it was put in place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, aside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    try:
        os.chmod(aside, 0o644)
        yield Path(aside)
    finally:
        Path(aside).unlink(missing_ok=True)
