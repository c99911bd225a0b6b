"""Modules that a library imports at once and hardly ever uses: imported when something of theirs is asked for."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

# What MediaPipe has for plots and microphones, and Open3D for plots in web pages: half a second of importing either.
SELDOM: dict[str, tuple[str, ...]] = {
    "mediapipe": ("matplotlib", "matplotlib.pyplot", "sounddevice"),
    "open3d": ("plotly", "plotly.graph_objects", "dash", "dash.html", "dash.dcc", "dash.Dash"),
}


class _Later(ModuleType):
    """Stands for a module, or for a class in one, until something of it is wanted."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # the import system asks for such; no library does
            raise AttributeError(name)
        return getattr(_real(self.__name__), name)

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        module, _, own = self.__name__.rpartition(".")
        return getattr(_real(module), own)(*arguments, **options)


def _real(name: str) -> ModuleType:
    """The module, imported now, with all that stands in its package's way gone."""
    package = name.partition(".")[0]
    for other, module in list(sys.modules.items()):
        if isinstance(module, _Later) and other.partition(".")[0] == package:
            del sys.modules[other]
    return importlib.import_module(name)


@contextmanager
def later(names: Sequence[str]) -> Iterator[None]:
    """While inside, `import name` gives something that imports the module when it is first used. A module or class
    below another comes after that one. Those that are already imported, and imports from outside, are as ever."""
    placed: dict[str, _Later] = {}
    for name in names:
        if name not in sys.modules:
            sys.modules[name] = placed[name] = _Later(name)
            above, _, own = name.rpartition(".")
            if above in placed:
                setattr(placed[above], own, placed[name])
    try:
        yield
    finally:
        for name, module in placed.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]
