"""What the streaming model is measured against, trained on the same batches: the paper's windows, a causal TCN.

Both take the features (B, T, V, F) of a whole window and answer for one of its frames, `answered`: pose (B, V, 3).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from engines.errors import UserError
from engines.evaluation.evaluate import Float, Predict
from engines.models.gla_gcn import GLAGCN
from engines.models.normalise import WOBBLE, to_camera
from engines.models.skeleton import JOINTS
from engines.models.view import sequence_features

WINDOWS_AT_ONCE = 64


class PaperWindow(nn.Module):
    """GLA-GCN as published, on the x, y of the shared input contract: the centre frame of its window."""

    def __init__(self, frames: int, channels: int) -> None:
        super().__init__()
        levels = round(float(np.log(frames) / np.log(3)))
        self.frames, self.answered = frames, frames // 2
        self.net = GLAGCN((3,) * levels, channels, head="individual")

    def forward(self, features_BTVF: Tensor) -> Tensor:
        pose = self.net(features_BTVF[..., :2])[:, 0]
        return pose - pose[:, :1]


class CausalTCN(nn.Module):
    """VideoPose3D's dilated temporal convolutions (Pavllo et al., CVPR 2019), strided for one frame: the last."""

    def __init__(self, frames: int, channels: int) -> None:
        super().__init__()
        levels = round(float(np.log(frames) / np.log(3)))
        self.frames, self.answered = frames, frames - 1
        self.expand = _conv(JOINTS * WOBBLE, channels, 3, stride=3)  # of the features before the wobble
        self.wide = nn.ModuleList(_conv(channels, channels, 3, stride=3) for _ in range(levels - 1))
        self.mix = nn.ModuleList(_conv(channels, channels, 1) for _ in range(levels - 1))
        self.out = nn.Conv1d(channels, JOINTS * 3, 1)

    def forward(self, features_BTVF: Tensor) -> Tensor:
        x = self.expand(features_BTVF[..., :WOBBLE].flatten(2).transpose(1, 2))
        for wide, mix in zip(self.wide, self.mix, strict=True):
            x = x[:, :, 2::3] + mix(wide(x))  # the newest of each three carries on: causal
        pose = self.out(x)[:, :, 0].unflatten(1, (JOINTS, 3))
        return pose - pose[:, :1]


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv1d(inputs, outputs, kernel, stride), nn.BatchNorm1d(outputs), nn.ReLU())


def build_baseline(family: str, frames: int, channels: int) -> PaperWindow | CausalTCN:
    """`paper` or `tcn` for windows of 27, 81 or 243 frames."""
    kinds: dict[str, type[PaperWindow] | type[CausalTCN]] = {"paper": PaperWindow, "tcn": CausalTCN}
    if family not in kinds:
        raise UserError(f"family {family!r} is unknown: choose stream, {' or '.join(kinds)}")
    return kinds[family](frames, channels)


def of_windows(model: PaperWindow | CausalTCN) -> Predict:
    """Every frame of a sequence from its own window, the sequence's ends repeated beyond it."""

    def predict(rays: Float, score: Float) -> tuple[Float, None]:
        size, length = rays.shape[:2]
        features, rotations = sequence_features(rays, score)
        x = torch.from_numpy(features)
        at = (np.arange(length)[:, None] + np.arange(model.frames) - model.answered).clip(0, length - 1)
        out = np.zeros((size, length, 1, JOINTS, 3), np.float32)
        model.eval()
        with torch.inference_mode():
            for row in range(size):
                for first in range(0, length, WINDOWS_AT_ONCE):
                    windows = torch.from_numpy(at[first : first + WINDOWS_AT_ONCE])
                    out[row, first : first + len(windows), 0] = model(x[row, windows]).numpy()
        views = rotations.reshape(size * length, 3, 3)
        return to_camera(out.reshape(-1, 1, JOINTS, 3), views).reshape(out.shape), None

    return predict
