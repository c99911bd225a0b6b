"""Files that others made are read up to a limit: nothing is allocated by what a file says of itself."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from engines.errors import UserError

TEXT_BYTES = 4 << 20  # cards, calibrations, settings: the largest known one has 60 kB
ARRAY_BYTES = 1 << 30  # all arrays of a recording together: days of it


def read_bounded(path: Path, most_bytes: int = TEXT_BYTES) -> bytes:
    """The whole file. Raises UserError where it is larger, OSError where it cannot be read."""
    with path.open("rb") as file:
        data = file.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise UserError(f"{path} has more than {most_bytes >> 20} MiB, which no such file needs: check the path")
    return data


def check_npz(path: Path, most_bytes: int = ARRAY_BYTES) -> None:
    """Raises UserError where the arrays are larger when unpacked. What is no npz is for its reader to say."""
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
            claimed = sum(_claimed(archive, entry) for entry in archive.infolist() if unpacked <= most_bytes)
    except (zipfile.BadZipFile, OSError, ValueError, EOFError, NotImplementedError, RuntimeError):
        return
    if max(unpacked, claimed) > most_bytes:
        raise UserError(f"{path} unpacks to more than {most_bytes >> 20} MiB of arrays: cut the recording into parts")


def _claimed(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> int:
    """Bytes of an array by its header, which NumPy allocates before it reads."""
    with archive.open(entry) as file:
        try:
            version = np.lib.format.read_magic(file)
            forms: Any = (np.lib.format.read_array_header_1_0, np.lib.format.read_array_header_2_0)
            shape, _, dtype = forms[version != (1, 0)](file)
        except Exception:  # noqa: BLE001 - of a header anything may be wrong, and numpy's parser has its own exceptions
            return 0
    return int(np.prod([int(size) for size in shape], dtype=object)) * dtype.itemsize
