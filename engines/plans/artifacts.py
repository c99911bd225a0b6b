"""Where compiled things live, how they are named, and how they are written: whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import platformdirs

from engines.errors import UserError


def cache_dir() -> Path:
    """The user cache of the project; the environment variable REALTIME_CACHE moves it."""
    return Path(os.environ.get("REALTIME_CACHE") or platformdirs.user_cache_dir("realtime-pose"))


def plans_dir() -> Path:
    """Plans built without `-o` lie here; `--engine auto` looks here."""
    return cache_dir() / "plans"


def jit_cache_path(plan_sha256: str, gpu: str) -> Path:
    """Where TensorRT for RTX keeps what it compiled for this plan on this kind of GPU."""
    return cache_dir() / "jit" / f"{plan_sha256[:16]}-{gpu}.bin"


def sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def fingerprint(ingredients: Mapping[str, object]) -> str:
    """SHA-256 over everything that decides what a plan contains: equal fingerprints, interchangeable plans."""
    return sha256_of(json.dumps(ingredients, sort_keys=True, default=str).encode())


def read_bytes(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{what} {path} does not exist: check the path, or run 'realtime build-engine'") from None
    except OSError as error:
        raise UserError(f"{what} {path} cannot be read: {error.strerror}") from error


def require_writable(paths: Iterable[Path]) -> None:
    """Raise UserError where one of them is a folder, or its own folder neither is there to write in nor can be made."""
    for path in paths:
        if path.is_dir():
            raise UserError(f"{path} is a folder: remove it or choose another place with -o")
        folder = next(parent for parent in path.absolute().parents if parent.exists())
        if not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
            raise UserError(f"{path} cannot be written: check your rights to {folder}, or choose another place with -o")


def write_all(files: Mapping[Path, bytes]) -> None:
    """Write every file aside, then put them all in place: what was there survives a full disk.

    Raises UserError where they cannot be written.
    """
    require_writable(files)
    asides: dict[Path, str] = {}
    try:
        for path, data in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, asides[path] = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(asides[path], 0o644)
        for path, aside in asides.items():
            os.replace(aside, path)
    except OSError as error:
        names = " and ".join(str(path) for path in files)
        raise UserError(f"{names} could not be written ({error.strerror}): what was there before is untouched;"
                        " free some space or choose another place with -o") from error  # fmt: skip
    finally:
        for aside in asides.values():
            Path(aside).unlink(missing_ok=True)
