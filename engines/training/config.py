"""A training run's TOML: tables and keys are the fields of `TrainConfig`."""

from __future__ import annotations

import typing
from dataclasses import dataclass, field
from pathlib import Path

from engines.models.stream_gla_gcn import StreamConfig
from engines.toml_config import build, read_toml
from engines.training.losses import LossWeights
from engines.training.sampler import Sampling


@dataclass(frozen=True)
class Stage:
    """`lengths` (1,): single frames, every tap the frame itself. Longer: cold-started sequences, each batch one of
    these lengths; `frames` is a batch's size in frames. A step follows the mean gradient of `draws` batches: a batch
    of long sequences alone shows few people. `freeze_norm` keeps the batch norms' statistics for the same reason."""

    steps: int
    frames: int = 256
    draws: int = 1
    lengths: tuple[int, ...] = (1,)
    learning_rate: float = 2e-3
    final_rate: float = 2e-5
    warmup: int = 200
    freeze_norm: bool = False
    ema: float = 0.999  # of the running average that is shipped
    settled_rate: float = 1.0  # of the learning rate, for what single frames teach as well: the rest is the past's


@dataclass(frozen=True)
class TrainConfig:
    stages: tuple[Stage, ...]
    family: str = "stream"  # stream | paper | tcn: the last two are baselines on windows of `frames`
    frames: int = 27
    model: StreamConfig = field(default_factory=StreamConfig)
    sampling: Sampling = field(default_factory=Sampling)
    losses: LossWeights = field(default_factory=LossWeights)
    # of what the sequences taught, in the weights that are shipped; the rest is the single-frame model they began with,
    # which knows poses better where it need not be steady (averaging in weight space: Wortsman et al., CVPR 2022)
    blend: float = 0.6
    begin: str = ""  # a model, by name or path, whose weights the run goes on from; "": from random ones
    keep: float = 0.0  # of those, in the weights that are shipped: they know better what training does not show (ibid.)
    seed: int = 0
    weight_decay: float = 0.01
    bfloat16: bool = False
    log_every: int = 50
    save_every: int = 1000

def load_config(path: Path) -> TrainConfig:
    """Raises UserError naming the file and the key that does not fit."""
    return typing.cast(TrainConfig, build(TrainConfig, read_toml(path), str(path)))
