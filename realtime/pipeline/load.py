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


def load_working(options: LifterConfig, link: Link) -> Lifter:
    """A lifter that has lifted a frame. Raises UserError; anything else where the processor cannot lift either."""
    lifter = load_lifter(options.model, options.engine, options.lookahead, align=options.align, plan=options.plan)
    try:
        _try_out(lifter)
    except Exception as error:
        lifter.__exit__(None, None, None)
        if isinstance(error, UserError) or lifter.engine in _ON_THE_PROCESSOR:
            raise
        why = f"{lifter.engine} fails at its first frame ({type(error).__name__}: {error!s:.60})"
        log.warning("%s: lifting on the processor", why)
        link.work(DEGRADED, f"{why}: lifting on the processor")
        return load_lifter(options.model, _ON_THE_PROCESSOR[0], options.lookahead, align=options.align)
    return lifter


def _try_out(lifter: Lifter) -> None:
    stream = lifter.open()
    lifter.push([stream], np.zeros((1, JOINTS, 2), np.float32), np.ones((1, JOINTS), np.float32))
    lifter.finish()
    lifter.close(stream)
