"""What is a context manager because it can be closed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import TypeVar

_Self = TypeVar("_Self", bound="Closing")


class Closing(ABC):
    """Closed at the end of its `with`, then let go of."""

    @abstractmethod
    def close(self) -> None: ...

    def release(self) -> None:  # noqa: B027 most have nothing beyond
        """What only the thread that uses it may let go of, once it is closed."""

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.close()
        self.release()
