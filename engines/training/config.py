"""A training run's TOML: tables and keys are the fields of `TrainConfig`; a wrong key or type is named."""

from __future__ import annotations

import sys
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from engines.errors import UserError
from engines.training.train import TrainConfig

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def load_config(path: Path) -> TrainConfig:
    """Raises UserError naming the file and the key that does not fit."""
    try:
        raw = tomllib.loads(path.read_text())
    except FileNotFoundError:
        raise UserError(f"no training config at {path}: give the path of a TOML file") from None
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path} is not valid TOML: {error}") from error
    config: TrainConfig = build(TrainConfig, raw, str(path))
    return config


def build(kind: Any, value: Any, where: str) -> Any:
    """`value` of a parsed TOML as `kind`: a dataclass, a tuple of things, or a plain value."""
    if is_dataclass(kind):
        return _dataclass(kind, value, where)
    if get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise UserError(f"{where} must be a list, not {value!r}")
        kinds = get_args(kind)
        inner = [kinds[0]] * len(value) if kinds[-1] is Ellipsis else list(kinds)
        if len(inner) != len(value):
            raise UserError(f"{where} must hold {len(inner)} values, not {len(value)}")
        return tuple(build(k, v, f"{where}[{i}]") for i, (k, v) in enumerate(zip(inner, value, strict=True)))
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise UserError(f"{where} must be a {kind.__name__}, not {value!r}")
    return value


def _dataclass(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise UserError(f"{where} must be a table, not {value!r}")
    hints = get_type_hints(kind)
    unknown = sorted(set(value) - {field.name for field in fields(kind)})
    if unknown:
        raise UserError(f"{where}: no setting {unknown[0]!r}; there are {', '.join(sorted(hints))}")
    try:
        return kind(**{key: build(hints[key], item, f"{where}: {key}") for key, item in value.items()})
    except TypeError as error:
        raise UserError(f"{where}: {error}") from error
