"""What TensorRT calls back: its messages, sent to `logging`, and what Python raises meanwhile.

Its errors are kept, since they hold the reason when a call fails.
"""

from __future__ import annotations

import logging
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import tensorrt_rtx as trt

log = logging.getLogger("realtime.tensorrt")


class Kept:
    """Around the body of every callback: TensorRT swallows what is raised there, Ctrl-C too, so it is kept instead."""

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> bool:
        self.error = self.error or error
        return True

    def check(self) -> None:
        """Raise it, once TensorRT has returned."""
        if self.error is not None:
            error, self.error = self.error, None
            raise error


def collecting_logger(module: Any, complaints: list[str], kept: Kept) -> trt.ILogger:
    """A logger for `module` (tensorrt_rtx or tensorrt) that appends every error to `complaints`."""
    errors = (module.ILogger.Severity.ERROR, module.ILogger.Severity.INTERNAL_ERROR)

    class Logger(module.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            module.ILogger.__init__(self)

        def log(self, severity: Any, msg: str) -> None:
            with kept:
                if severity in errors:
                    complaints.append(msg)
                log.debug("%s", msg)

    return Logger()
