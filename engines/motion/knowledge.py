"""What a live stream has learned of a person before a frame, for training: bone lengths and up, each with its error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engines.models.known import GROUP_OF, GROUPS, SPREAD, USUAL_M, Known, known, sure_up
from engines.motion.mocap import Float


@dataclass(frozen=True)
class Knowledge:
    """Shares of sequences (0 to 1) in which there is any, and the range of its errors."""

    bones: float = 0.7
    bones_error: tuple[float, float] = (0.015, 0.5)  # relative, of what was seen of them: long ago, or hardly yet
    bones_worse: float = 1.3  # than their error says: a pose's errors last
    up: float = 0.4
    up_error_deg: tuple[float, float] = (0.5, 10.0)


def draw_known(rng: np.random.Generator, lengths: Float, up: Float, how: Knowledge) -> list[list[Known]]:
    """Of each sequence's frames, from its true bone lengths (B, 16) and up in camera axes (B, S, 3)."""
    estimates, spread = _remembered(rng, lengths, how)
    seen_up, error_rad = _tilted(rng, up, how)
    return [
        [known(row, errors, sure_up(way, error)) for way in ways]
        for row, errors, ways, error in zip(
            estimates.tolist(), spread.tolist(), seen_up.tolist(), error_rad.tolist(), strict=True
        )
    ]


def _remembered(rng: np.random.Generator, lengths: Float, how: Knowledge) -> tuple[Float, Float]:
    """Ten lengths (B, 10) as a memory that begins with people's has them, and the errors that it believes in."""
    batch, usual, wide = len(lengths), np.array(USUAL_M), np.array(SPREAD)
    true = np.stack(
        [lengths[:, [joint - 1 for joint, own in enumerate(GROUP_OF) if own == group]].mean(1)
         for group in range(len(GROUPS))], 1,
    )  # fmt: skip
    error = np.exp(_log_uniform(rng, how.bones_error, (batch, 1)) + rng.normal(0, 0.4, (batch, len(GROUPS))))
    error[rng.random(batch) >= how.bones] = np.inf
    size = np.median(true / usual, 1, keepdims=True)
    off = np.log(true / (usual * size))
    worse = how.bones_worse * np.exp(rng.normal(0, 0.3, (batch, 1)))
    told = off + np.where(np.isfinite(error), error, 0) * worse * rng.normal(size=off.shape)
    share = wide**2 / (wide**2 + error**2)
    return usual * np.exp(share * told), wide * np.sqrt(1 - share)


def _tilted(rng: np.random.Generator, up: Float, how: Knowledge) -> tuple[Float, Float]:
    """Up with a constant error (B, S, 3), and 1 sigma of it (B,) in radians, infinite where nothing is known."""
    batch = len(up)
    error = np.radians(np.exp(_log_uniform(rng, how.up_error_deg, (batch,))))
    tilted = up + rng.normal(size=(batch, 1, 3)) * error[:, None, None]
    tilted /= np.linalg.norm(tilted, axis=-1, keepdims=True)
    error[rng.random(batch) >= how.up] = np.inf
    return tilted, error


def _log_uniform(rng: np.random.Generator, ends: tuple[float, float], shape: tuple[int, ...]) -> Float:
    low, high = ends
    return rng.uniform(np.log(low), np.log(high), shape)
