"""The streaming model against other designs and against itself with parts left out: same data, same time, one core.

Every variant trains for the same processor time. What a step of each costs is measured before, in turns, so that a
machine that changes its speed favours none; the number of steps follows. A streaming model spends SINGLE_SHARE of its
time on single frames, the rest on sequences; the others spend it all on their own kind of sample.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from engines.evaluation.evaluate import Float, Predict, evaluate_protocol
from engines.evaluation.metrics import Metrics
from engines.evaluation.predictors import of_stream
from engines.models.stream_gla_gcn import StreamConfig, StreamGLAGCN
from engines.motion.augment import BodyAugmentation
from engines.motion.mocap import Bank
from engines.training.baselines import of_windows
from engines.training.config import Stage, TrainConfig
from engines.training.losses import LossWeights
from engines.training.sampler import Sampling
from engines.training.train import Model, Trainer

SINGLE_SHARE = 0.6
PROBE_ROUNDS, WARM_STEPS, PROBE_STEPS = 3, 2, 4  # the first few are slower
PROTOCOLS = ("own", "own-noisy", "other-lab", "other-poses")
SINGLE = Stage(steps=0, frames=256, ema=0.99)
SEQUENCES = Stage(steps=0, frames=768, draws=2, lengths=(1, 27, 27, 81, 81, 243), learning_rate=8e-4, final_rate=8e-6,
                  warmup=30, freeze_norm=True, ema=0.99, settled_rate=0.1)  # fmt: skip
NO_AUGMENTATION = BodyAugmentation(mirror=0, as_captured=1, wide_skeleton=0, narrow_sigma=0, scale_sigma=0)


@dataclass(frozen=True)
class Variant:
    """One model to train: `stages` give the samples, their steps come from the time."""

    about: str
    stages: tuple[Stage, ...] = (SINGLE, SEQUENCES)
    config: TrainConfig = field(default_factory=lambda: TrainConfig(stages=()))


def _stream(about: str, *, losses: LossWeights | None = None, **model: object) -> Variant:
    base = TrainConfig(stages=())
    config = replace(base.model, **model)  # type: ignore[arg-type]
    return Variant(about, config=replace(base, model=config, losses=losses or base.losses))


def _windows(about: str, family: str, frames: int, channels: int = 64) -> Variant:
    stage = Stage(steps=0, frames=32 * frames, lengths=(frames,), ema=0.99)
    model = StreamConfig(channels=channels)
    return Variant(about, (stage,), TrainConfig(stages=(), family=family, frames=frames, model=model))


VARIANTS: dict[str, Variant] = {
    "stream-243": _stream("the streaming model, look-ahead 0"),
    "paper-27": _windows("the paper's model, T = 27, centre frame: 13 frames of future", "paper", 27),
    "paper-81": _windows("the paper's model, T = 81, centre frame: 40 frames of future", "paper", 81),
    "tcn-81": _windows("VideoPose3D's dilated temporal convolution, causal, of our size", "tcn", 81, channels=128),
    "single-frame": Variant("every frame for itself", (SINGLE,)),
    "adaptive-graph": _stream("with the similarity graph", graph="adaptive"),
    "not-dilated": _stream("every level mixes t, t - 1, t - 2", dilated=False),
    "shared-head": _stream("one head for all joints", head="shared"),
    "no-velocity": _stream("no velocity loss", losses=LossWeights(velocity=0)),
    "no-bones": _stream("no bone-length loss", losses=LossWeights(bones=0)),
    "no-symmetry": _stream("no symmetry loss", losses=LossWeights(symmetry=0)),
    "no-sigma": _stream("no sigma: its loss pulls on the features", losses=LossWeights(sigma=0)),
    "angles": _stream("a loss on how knees and elbows bend", losses=LossWeights(angles=0.1)),
    "depth-order": _stream("a loss on which end of a bone is nearer", losses=LossWeights(depth_order=1.0)),
    "breathing": _stream("a loss on bones that change from frame to frame", losses=LossWeights(breathing=3.0)),
    "longer": Variant("sequences of 81 and 243 frames alone", (SINGLE, replace(SEQUENCES, lengths=(81, 243, 243)))),
    "no-augmentation": Variant("bodies and poses as captured", config=TrainConfig(
        stages=(), sampling=Sampling(body=NO_AUGMENTATION))),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Result:
    name: str
    about: str
    parameters: int
    cpu_s: float
    samples: int  # frames, or windows of the window models
    metrics: dict[str, Metrics]  # protocol -> look-ahead 0, or the paper's centre frame


def plan_stages(names: Sequence[str], bank: Bank, cpu_s: float, run: Path) -> dict[str, tuple[Stage, ...]]:
    """The stages of each of the VARIANTS named, with as many steps as fit in `cpu_s` seconds on this thread."""
    turns = [(name, stage) for name in names for stage in VARIANTS[name].stages]
    rounds = [[_step_s(VARIANTS[name], stage, bank, run) for name, stage in turns] for _ in range(PROBE_ROUNDS)]
    planned: dict[str, tuple[Stage, ...]] = dict.fromkeys(names, ())
    for (name, stage), step_s in zip(turns, np.median(rounds, axis=0), strict=True):
        share = 1.0 if len(VARIANTS[name].stages) == 1 else (SINGLE_SHARE, 1 - SINGLE_SHARE)[len(planned[name])]
        planned[name] += (replace(stage, steps=max(round(share * cpu_s / float(step_s)), 1)),)
    return planned


def train_variant(
    name: str, stages: tuple[Stage, ...], bank: Bank, clips: Mapping[str, Float], run: Path,
    protocols: Collection[str] = PROTOCOLS, on_share: Callable[[float], None] = lambda _: None,
) -> Result:  # fmt: skip
    """Train one of the VARIANTS with its planned stages, then score it. `on_share`: 0 to 1 of its steps."""
    variant = VARIANTS[name]
    windows = variant.config.family != "stream"
    trainer = Trainer(replace(variant.config, stages=stages), bank, run)
    total, started = sum(stage.steps for stage in stages), time.process_time()
    done, samples = 0, 0

    def on_step(figures: dict[str, float]) -> None:
        nonlocal done, samples
        done += 1
        stage = stages[int(figures["stage"])]
        samples += stage.draws * stage.frames // (stage.lengths[0] if windows else 1)
        on_share(done / total)

    trainer.train(on_step)
    took_s = time.process_time() - started
    model = trainer.finished()
    predict, lookaheads = _predictor(model, still=variant.stages == (SINGLE,))
    metrics = {key: evaluate_protocol(predict, key, clips, lookaheads, views=1)[0].metrics for key in protocols}
    parameters = sum(weight.numel() for weight in model.parameters())
    return Result(name, variant.about, parameters, took_s, samples, metrics)


def _step_s(variant: Variant, stage: Stage, bank: Bank, run: Path) -> float:
    """Processor time of a step, by the first ones: the same draws for every variant."""
    trainer = Trainer(replace(variant.config, stages=(replace(stage, steps=WARM_STEPS + PROBE_STEPS),)), bank, run)
    times: list[float] = []
    trainer.train(lambda _: times.append(time.process_time()))
    return (times[-1] - times[-1 - PROBE_STEPS]) / PROBE_STEPS


def _predictor(model: Model, still: bool) -> tuple[Predict, tuple[int, ...]]:
    """And the look-aheads it answers for."""
    if isinstance(model, StreamGLAGCN):
        return of_stream(model, still=still), model.config.lookaheads
    return of_windows(model), (0,)

