"""TOML or JSON as frozen dataclasses: tables and keys are their fields; a wrong key, type or value is named."""

from __future__ import annotations

import sys
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any

from engines.errors import UserError
from engines.folders import expanded
from engines.read_bounded import read_bounded

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def read_toml(path: Path) -> dict[str, Any]:
    """The file's tables. Raises UserError where it cannot be read or is not TOML."""
    try:
        return tomllib.loads(read_bounded(path).decode())
    except OSError as error:
        raise UserError(f"the configuration {path} cannot be read ({error.strerror}): check its path") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not valid TOML: {error}") from error
    except RecursionError as error:
        raise UserError(f"{path} is not valid TOML: it is nested too deeply") from error


def build(kind: Any, value: Any, where: str) -> Any:
    """Parsed `value` as `kind`: a dataclass, a tuple, a dict, a path, a number or text, or a union of these."""
    if is_dataclass(kind):
        return _dataclass(typing.cast(type, kind), value, where)
    if typing.get_origin(kind) is tuple:
        return _tuple(typing.get_args(kind), value, where)
    if typing.get_origin(kind) is dict:
        return _dict(typing.get_args(kind)[1], value, where)
    kinds = typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
    if Path in kinds and isinstance(value, str | Path):
        return expanded(value)
    if float in kinds and type(value) is int:
        return float(value)
    if type(value) in kinds:
        return value
    expected = " or ".join(kind.__name__ for kind in kinds if kind is not type(None))
    raise UserError(f"{where} must be {expected}, got {value!r}")


def _dataclass(kind: type, value: Any, where: str) -> Any:
    if not isinstance(value, Mapping):
        raise UserError(f"{where} must be a table, got {value!r}")
    hints = typing.get_type_hints(kind)
    unknown = sorted(set(value) - set(hints))
    if unknown:
        raise UserError(f"{where} has no setting {unknown[0]!r}: choose from {', '.join(hints)}")
    needed = [one.name for one in fields(kind) if one.default is MISSING and one.default_factory is MISSING]
    if missing := [name for name in needed if name not in value]:
        raise UserError(f"{where} lacks {missing[0]!r}")
    return kind(**{name: build(hints[name], item, f"{where}: {name}") for name, item in value.items()})


def _dict(kind: Any, value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise UserError(f"{where} must be a table, got {value!r}")
    return {name: build(kind, item, f"{where}: {name}") for name, item in value.items()}


def _tuple(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    if not isinstance(value, list):
        raise UserError(f"{where} must be a list, got {value!r}")
    inner = [kinds[0]] * len(value) if kinds[-1] is Ellipsis else list(kinds)
    if len(inner) != len(value):
        raise UserError(f"{where} must hold {len(inner)} values, got {len(value)}")
    return tuple(build(kind, item, f"{where}[{i}]") for i, (kind, item) in enumerate(zip(inner, value, strict=True)))
