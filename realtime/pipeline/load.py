"""Loads the lifter, and sees it lift one frame: what fails then is replaced by the processor."""

from __future__ import annotations

import logging

import numpy as np

from engines.errors import UserError
from engines.lifting.load_lifter import load_lifter
from engines.lifting.poses import Lifter
from engines.models.skeleton import JOINTS
from realtime.config import LifterConfig
from realtime.process.link import Link
from realtime.process.states import DEGRADED

_ON_THE_PROCESSOR = ("onnxruntime", "torch")

log = logging.getLogger("realtime.lifter")


def load_working(options: LifterConfig, link: Link, people: int = 1) -> Lifter:
    """A lifter that has lifted a frame, with memory for `people` and one who comes before another has gone. Raises
    UserError; anything else where the processor cannot lift either."""
    lifter = load_lifter(options.model, options.engine, options.lookahead, align=options.align, plan=options.plan)
    try:
        _try_out(lifter, people + 1)
    except Exception as error:
        lifter.__exit__(None, None, None)
        if isinstance(error, UserError) or lifter.engine in _ON_THE_PROCESSOR:
            raise
        why = f"{lifter.engine} fails at its first frame ({type(error).__name__}: {error!s:.60})"
        log.warning("%s: lifting on the processor", why)
        link.work(DEGRADED, f"{why}: lifting on the processor")
        return load_lifter(options.model, _ON_THE_PROCESSOR[0], options.lookahead, align=options.align)
    return lifter


def _try_out(lifter: Lifter, most: int) -> None:
    """One person, then one more at a time: what is allocated for them is there before they come, which would hold up
    the frame that they come in."""
    streams = [lifter.open() for _ in range(most)]
    for count in range(1, most + 1):
        rays, score = np.zeros((count, JOINTS, 2), np.float32), np.ones((count, JOINTS), np.float32)
        lifter.push(streams[:count], rays, score)
    lifter.finish()
    for stream in streams:
        lifter.close(stream)
