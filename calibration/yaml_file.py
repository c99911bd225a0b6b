"""Calibration files: YAML that PyYAML, ROS and cv2.FileStorage all read, written atomically, named by their content."""

from __future__ import annotations

import hashlib
import math
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import ArrayLike, NDArray

from engines.errors import UserError
from engines.read_bounded import read_bounded
from engines.write_aside import write_aside

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# A directive that is right for YAML and the signature that cv2.FileStorage looks for.
_HEADER = "%YAML 1.1\n---\n"


def matrix(values: ArrayLike) -> dict[str, Any]:
    """A matrix as ROS writes it; the extra `dt` lets cv2.FileNode.mat() read it."""
    array = np.atleast_2d(np.asarray(values, np.float64))
    return {"rows": array.shape[0], "cols": array.shape[1], "dt": "d", "data": [float(value) for value in array.flat]}


def read_matrix(node: Any, where: str) -> NDArray[np.float64]:
    """The inverse of `matrix`; also reads files that carry no `dt`, and lists, nested or not. Raises UserError."""
    try:
        if isinstance(node, list):
            return np.atleast_2d(np.array(node, np.float64))
        data = np.array(node["data"], np.float64)
        # OpenCV 5 writes vectors with `sizes` and no rows.
        return data.reshape(1, -1) if "sizes" in node else data.reshape(int(node["rows"]), int(node["cols"]))
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{where} is not a matrix with rows, cols and data: calibrate again") from error


def write(path: Path, content: Mapping[str, Any]) -> None:
    text = yaml.safe_dump(_for_opencv(content), sort_keys=False, width=math.inf, allow_unicode=True)
    write_aside(path, lambda aside: aside.write_bytes((_HEADER + text).encode()))


class _Text(str):
    """Written in quotes: cv2.FileStorage takes a bare text that starts with a digit for a number."""

    __slots__ = ()


class _List(list[Any]):
    """Written in brackets: cv2.FileStorage wants other lists indented further than YAML does."""


yaml.add_representer(_Text, lambda out, text: out.represent_scalar("tag:yaml.org,2002:str", text, "'"), yaml.SafeDumper)
yaml.add_representer(
    _List, lambda out, items: out.represent_sequence("tag:yaml.org,2002:seq", items, True), yaml.SafeDumper
)


def _for_opencv(value: Any) -> Any:
    """Values as cv2.FileStorage reads them. Keys stay bare, it knows no others."""
    if isinstance(value, str):
        return _Text(value)
    if isinstance(value, Mapping):
        return {key: _for_opencv(item) for key, item in value.items()}
    return _List(map(_for_opencv, value)) if isinstance(value, list) else value


def read(path: Path, kind: str) -> tuple[dict[str, Any], str]:
    """The file's content and its identity (of the bytes, so that any change shows). Raises UserError."""
    try:
        data = read_bounded(path)
    except FileNotFoundError:
        raise UserError(f"no {kind} file at {path}: make one with 'realtime calibrate {kind}'") from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    form = "TOML" if path.suffix.lower() == ".toml" else "YAML"
    try:
        # Files that cv2.FileStorage wrote start with "%YAML:1.0", which YAML itself does not allow, and tag matrices.
        text = data.decode("utf-8").replace("%YAML:1.0", "%YAML 1.1", 1)
        text = text.replace("!!opencv-matrix", "").replace("!!opencv-nd-matrix", "")
        # The first of several, as a ROS topic gives them.
        content = tomllib.loads(text) if form == "TOML" else next(yaml.safe_load_all(text), None)
    except (UnicodeDecodeError, yaml.YAMLError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise UserError(f"{path} is not a {form} file: calibrate again") from error
    if not isinstance(content, dict):
        raise UserError(f"{path} is not a {kind} file: make one with 'realtime calibrate {kind}'")
    return content, hashlib.sha256(data).hexdigest()[:12]


def today() -> str:
    """For people who look into the file."""
    return datetime.now().astimezone().isoformat(timespec="seconds")
