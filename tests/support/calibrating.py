"""`realtime calibrate` as its user types it, and the lens that the tests' pictures are taken with."""

from __future__ import annotations

import numpy as np
from typer.testing import CliRunner

from calibration.lens.rays import Camera
from engines.errors import UserError
from realtime.commands.setup.calibrate import app

IMAGE_WH = (640, 360)
LENS = Camera(IMAGE_WH, np.array([[560.0, 0, 330], [0, 562, 172], [0, 0, 1]]), np.array([-0.2, 0.08, 0.001, 0, 0]))


def calibrate(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if isinstance(result.exception, UserError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout
