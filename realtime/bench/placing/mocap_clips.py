"""Motion capture that a benchmark is given: an npz of clips (T, 17, 3)."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from engines.errors import UserError
from engines.read_bounded import check_npz
from realtime.contracts import Array


def read_clips(mocap: Path, keys: Iterable[str], options: str) -> dict[str, Array]:
    """Those of these keys, as `options` name them. Raises UserError where the file or one of them is not there."""
    check_npz(mocap)
    try:
        with mocap.open("rb") as file, np.load(file) as archive:
            return {key: archive[key] for key in keys}
    except FileNotFoundError as error:
        raise UserError(f"there is no file {mocap}: give an npz of clips with --mocap") from error
    except KeyError as error:
        raise UserError(f"{mocap} lacks a clip: name others with {options} ({error.args[0]})") from error
    except (OSError, ValueError, EOFError, TypeError, zipfile.BadZipFile) as error:
        raise UserError(f"{mocap} cannot be read as an npz of plain arrays: write it with numpy.savez") from error
