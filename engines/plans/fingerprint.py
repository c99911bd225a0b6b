"""How compiled things are named: by everything that decides what they hold."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from engines.errors import UserError
from engines.read_bounded import read_bounded

PLAN_BYTES = 4 << 30


def sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def fingerprint(ingredients: Mapping[str, object]) -> str:
    """SHA-256 over everything that decides what a plan contains: equal fingerprints, interchangeable plans."""
    return sha256_of(json.dumps(ingredients, sort_keys=True, default=str).encode())


def read_bytes(path: Path, what: str, most_bytes: int = PLAN_BYTES) -> bytes:
    """Raises UserError."""
    try:
        return read_bounded(path, most_bytes)
    except FileNotFoundError:
        raise UserError(f"{what} {path} does not exist: check the path, or run 'realtime build-engine'") from None
    except OSError as error:
        raise UserError(f"{what} {path} cannot be read: {error.strerror}") from error
