"""A training run's TOML: tables and keys are the fields of `TrainConfig`."""

from __future__ import annotations

import typing
from pathlib import Path

from engines.toml_config import build, read_toml
from engines.training.train import TrainConfig


def load_config(path: Path) -> TrainConfig:
    """Raises UserError naming the file and the key that does not fit."""
    return typing.cast(TrainConfig, build(TrainConfig, read_toml(path), str(path)))
