"""Dictionaries in an npz (object arrays, as VideoPose3D writes them), without running code that a file could carry.

Such arrays are pickles; only those that hold plain containers, numbers, text and numpy arrays are read.
"""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from engines.errors import UserError

_CORE = ("numpy.core.multiarray", "numpy._core.multiarray")
ALLOWED = {
    *((module, name) for module in _CORE for name in ("_reconstruct", "scalar")),
    *((module, "_frombuffer") for module in ("numpy.core.numeric", "numpy._core.numeric")),
    ("numpy", "ndarray"), ("numpy", "dtype"), ("_codecs", "encode"),
    ("collections", "OrderedDict"), ("builtins", "set"), ("builtins", "frozenset"),
}  # fmt: skip


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is no plain data")
        return super().find_class(module, name)


def load_object(path: Path, key: str) -> Any:
    """The object under `key` of an npz. Raises UserError where it is absent, damaged or not plain data."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{key}.npy") as member:
            version = np.lib.format.read_magic(member)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            _, _, dtype = read(member)
            if not dtype.hasobject:
                raise UserError(f"{path}: {key} is an array, not a dictionary: not a file of this format")
            return _PlainUnpickler(member, encoding="latin1").load().item()
    except FileNotFoundError:
        raise UserError(f"no file {path}: give the path of the npz") from None
    except (KeyError, ValueError, AttributeError, EOFError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
        why = f"{path} holds no readable {key!r} ({error})"
        raise UserError(f"{why}: make it anew with VideoPose3D's scripts") from error
