"""The rigid move between two cameras' axes that lays one's lifted poses on the other's (Kabsch, made robust)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Double = NDArray[np.float64]
_ROUNDS = 6
_FAR = 1.5  # times the median: poses beyond do not count
_LEAST_M = 0.02


def align(here_m: Double, there_m: Double) -> tuple[Double, Double]:
    """turn (3, 3), shift (3,): there = turn @ here + shift, of poses (T, J, 3) whose joint 0 is the hip.

    The turn is that of the bodies about their hips. A pose that was lifted the wrong way round does not count.
    """
    here, there = here_m - here_m[:, :1], there_m - there_m[:, :1]
    fitting = np.ones(len(here_m), np.bool_)
    turn = np.eye(3)
    for _ in range(_ROUNDS):
        u, _, v = np.linalg.svd(np.einsum("tji,tjk->ik", there[fitting], here[fitting]))
        turn = u @ np.diag([1, 1, np.linalg.det(u @ v)]) @ v
        off = np.linalg.norm(there - here @ turn.T, axis=-1).mean(1)
        fitting = off <= max(_FAR * float(np.median(off)), _LEAST_M)
    return np.asarray(turn), np.asarray(np.median(there_m[:, 0] - here_m[:, 0] @ turn.T, axis=0))


def misfit_m(here_m: Double, there_m: Double) -> float:
    """By how much the ways that two cameras saw a person go differ, wherever the cameras stand: median, joints."""
    turn, shift = align(here_m, there_m)
    return float(np.median(np.linalg.norm(here_m @ turn.T + shift - there_m, axis=-1)))
