"""Train a lifter: single frames first, then sequences, from motion capture seen by virtual cameras.

One config (TOML) is one run of stages; a run folder holds checkpoints, a log and the loss curve, and `resume`
continues bit for bit: weights and optimiser are in the checkpoint, a batch is drawn from its place in the run.
"""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from engines.errors import UserError
from engines.models.checkpoint import begin_from
from engines.models.normalise import FRAME_FEATURES
from engines.models.stream_gla_gcn import StreamGLAGCN
from engines.motion.mocap import Bank
from engines.training.baselines import CausalTCN, PaperWindow, build_baseline
from engines.training.batches import DrawBatch, Place, draw_batch
from engines.training.config import Stage, TrainConfig
from engines.training.losses import losses

CLIP_NORM = 0.5

Model = StreamGLAGCN | PaperWindow | CausalTCN


@dataclass(frozen=True, slots=True)
class _Draw:
    terms: dict[str, float]
    frames: int
    waited_s: float  # for the batch


class Trainer:
    """Owns the model, its running average and the state of a run."""

    def __init__(self, config: TrainConfig, bank: Bank, run: Path) -> None:
        self.config, self.run = config, run
        self.draw_batch: DrawBatch = partial(draw_batch, config, bank)
        torch.manual_seed(config.seed)
        self.model = build_model(config)
        self.began: dict[str, Tensor] = copy.deepcopy(self.model.state_dict()) if config.begin else {}
        self.average = torch.optim.swa_utils.AveragedModel(self.model, use_buffers=True)
        self.optimizer = torch.optim.AdamW(_groups(self.model), lr=1e-3, weight_decay=config.weight_decay)
        self.stage, self.step = 0, 0
        self.single: dict[str, Tensor] = {}  # the running average where the sequences begin

    def train(self, on_step: Callable[[dict[str, float]], None] = lambda _: None) -> None:
        """Run what is left of every stage; `on_step` sees each step's losses, rate and speed."""
        self.run.mkdir(parents=True, exist_ok=True)
        while self.stage < len(self.config.stages):
            stage = self.config.stages[self.stage]
            self.average.multi_avg_fn = torch.optim.swa_utils.get_ema_multi_avg_fn(stage.ema)
            if self.step == 0 and max(stage.lengths) > 1 and self._single_frames_until_now():
                for model in (self.model, self.weights):
                    model.heads_at_their_frames()  # type: ignore[operator]
                self.single = {name: value.clone() for name, value in self.weights.state_dict().items()}
            while self.step < stage.steps:
                on_step(self._advance(stage))
                if self.step % self.config.save_every == 0:
                    self.save()
            self.stage, self.step = self.stage + 1, 0
            self.optimizer.state.clear()
            self.save()

    def _single_frames_until_now(self) -> bool:
        before = self.config.stages[: self.stage]
        return bool(before) and all(max(stage.lengths) == 1 for stage in before)

    def _advance(self, stage: Stage) -> dict[str, float]:
        start = time.perf_counter()
        rate = learning_rate(stage, self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * (1.0 if group["of_the_past"] else stage.settled_rate)
        set_training(self.model, stage.freeze_norm)
        self.optimizer.zero_grad(set_to_none=True)
        drawn = [self._draw(stage, Place(self.stage, self.step, draw)) for draw in range(stage.draws)]
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), CLIP_NORM)
        if not torch.isfinite(norm):
            raise UserError(f"training has diverged at step {self.step} of stage {self.stage}: lower its learning_rate")
        self.optimizer.step()
        self.average.update_parameters(self.model)
        self.step += 1
        took = time.perf_counter() - start
        names = {name: None for draw in drawn for name in draw.terms}
        figures = {name: float(np.mean([d.terms[name] for d in drawn if name in d.terms])) for name in names}
        return figures | {
            "stage": self.stage, "step": self.step, "rate": rate,
            "frames_per_s": sum(draw.frames for draw in drawn) / took,
            "sampling_share": sum(draw.waited_s for draw in drawn) / took,
        }  # fmt: skip

    def _draw(self, stage: Stage, place: Place) -> _Draw:
        """Add one batch's share of the step's gradient."""
        start = time.perf_counter()
        features, targets = self.draw_batch(place)
        waited_s = time.perf_counter() - start
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.config.bfloat16):
            pose, sigma, target = self._predict(torch.from_numpy(features), torch.from_numpy(targets))
        terms = losses(pose.float(), sigma.float(), target, self.config.losses)
        (torch.stack(list(terms.values())).sum() / stage.draws).backward()
        figures = {name: float(term.detach()) for name, term in terms.items()}
        return _Draw(figures, len(targets) * targets.shape[1], waited_s)

    def _predict(self, features: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """pose (B, T, K, V, 3), sigma and the target of every look-ahead: the pose k frames ago in its own view."""
        if not isinstance(self.model, StreamGLAGCN):
            wanted = targets[:, self.model.answered, None, None]
            return self.model(features)[:, None, None], torch.ones_like(wanted[..., 0]), wanted
        at = torch.arange(features.shape[1])
        wanted = torch.stack([targets[:, (at - k).clamp(min=0)] for k in self.config.model.lookaheads], 2)
        if len(at) > 1:
            return *self.model(features), wanted
        pose, sigma = self.model.still(features[:, 0])
        return pose[:, None], sigma[:, None], wanted

    def save(self) -> None:
        state = {
            "config": asdict(self.config), "model": self.model.state_dict(), "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(), "stage": self.stage, "step": self.step, "single": self.single,
        }  # fmt: skip
        partial = self.run / "checkpoint.part"
        torch.save(state, partial)
        os.replace(partial, self.run / "checkpoint.pt")

    def resume(self) -> None:
        """Continue from the run folder's checkpoint."""
        state: dict[str, Any] = torch.load(self.run / "checkpoint.pt", weights_only=True)
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.stage, self.step, self.single = state["stage"], state["step"], state["single"]

    @property
    def weights(self) -> Model:
        """The running average, in eval mode."""
        model: Model = self.average.module  # type: ignore[assignment]
        return model.eval()

    def finished(self) -> Model:
        """What is shipped and evaluated: a copy of the running average, blended as `blend` and `keep` say."""
        model = copy.deepcopy(self.weights)
        if isinstance(model, StreamGLAGCN) and self._single_frames_until_now():
            model.heads_at_their_frames()
        _towards(model, self.single, 1 - self.config.blend)
        _towards(model, self.began, self.config.keep)
        return model


def _towards(model: nn.Module, other: dict[str, Tensor], share: float) -> None:
    """Move `model` by that share of the way to the weights of another."""
    state = model.state_dict()
    for name, value in other.items():
        if value.is_floating_point():
            state[name].lerp_(value, share)


def as_it_began(config: TrainConfig, run: Path) -> TrainConfig:
    """For a run that is continued: its model goes on reading as many features as it began with."""
    state: dict[str, Any] = torch.load(run / "checkpoint.pt", weights_only=True)
    features = state["config"]["model"].get("features", FRAME_FEATURES)
    return replace(config, model=replace(config.model, features=features))


def build_model(config: TrainConfig) -> Model:
    if config.family == "stream":
        model = StreamGLAGCN(config.model)
        if config.begin:
            begin_from(config.begin, model)
        return model
    return build_baseline(config.family, config.frames, config.model.channels)


def _groups(model: nn.Module) -> list[dict[str, Any]]:
    """The parameters that single frames do not reach, and the others."""
    groups: dict[bool, list[nn.Parameter]] = {False: [], True: []}
    for name, parameter in model.named_parameters():
        groups[name.endswith((".past", "sigma_wobble"))].append(parameter)
    return [{"params": members, "of_the_past": past} for past, members in groups.items() if members]


def learning_rate(stage: Stage, step: int) -> float:
    """Linear warm-up, then a cosine from `learning_rate` to `final_rate`."""
    if step < stage.warmup:
        return stage.learning_rate * (step + 1) / stage.warmup
    done = (step - stage.warmup) / max(stage.steps - stage.warmup, 1)
    return stage.final_rate + (stage.learning_rate - stage.final_rate) * 0.5 * (1 + float(np.cos(np.pi * done)))


def set_training(model: nn.Module, freeze_norm: bool) -> None:
    model.train()
    for module in model.modules():
        if freeze_norm and isinstance(module, nn.BatchNorm1d):
            module.eval()
