"""TensorRT's messages, sent to `logging`; its errors also kept, since they hold the reason when a call fails."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import tensorrt_rtx as trt

log = logging.getLogger("realtime.tensorrt")


def collecting_logger(module: Any, complaints: list[str]) -> trt.ILogger:
    """A logger for `module` (tensorrt_rtx or tensorrt) that appends every error to `complaints`."""
    errors = (module.ILogger.Severity.ERROR, module.ILogger.Severity.INTERNAL_ERROR)

    class Logger(module.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            module.ILogger.__init__(self)

        def log(self, severity: Any, msg: str) -> None:
            if severity in errors:
                complaints.append(msg)
            log.debug("%s", msg)

    return Logger()
