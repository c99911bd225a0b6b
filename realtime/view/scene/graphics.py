"""What Open3D draws with: its module, a window or an off-screen buffer, and who computes the picture."""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import os
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

from engines.errors import UserError
from realtime.later import SELDOM, later

_APT = "apt install libusb-1.0-0 libegl1 libgl1 libgomp1 libx11-6"
_GL_RENDERER = 0x1F01
_SOFTWARE = ("llvmpipe", "softpipe", "swrast", "software rasterizer", "swiftshader")
_ONE_SAMPLE = "DRI_NO_MSAA"  # Mesa's: Open3D asks for four samples a pixel, three quarters of the time without a card


def load_open3d() -> Any:
    """The open3d module, quiet: its notices go to stdout, which belongs to data. UserError where it cannot load."""
    try:
        with later(SELDOM["open3d"]):
            import open3d
    except (ImportError, OSError) as error:
        raise UserError(f"Open3D cannot load ({error}): install it with 'pip install open3d' and '{_APT}'") from error
    open3d.utility.set_verbosity_level(open3d.utility.VerbosityLevel.Error)
    return open3d


def open_visualizer(o3d: Any, title: str, size_wh: tuple[int, int], *, window: bool) -> tuple[Any, bool]:
    """An Open3D visualizer, in a window or off screen, and whether the processor draws for want of a graphics card.

    A window that the processor draws has one sample a pixel. Raises UserError where it cannot be made.
    """
    made = _create(o3d, title, size_wh, window)
    computed = software_gl()
    if window and computed and _ONE_SAMPLE not in os.environ:
        made.destroy_window()
        with _environment({_ONE_SAMPLE: "1"}):
            made = _create(o3d, title, size_wh, window)
    return made, computed


def software_gl() -> bool:
    """Whether the GL context that is current draws by the processor. False where it cannot be told."""
    if sys.platform != "linux":
        return False
    try:
        gl = ctypes.CDLL(ctypes.util.find_library("GL") or "libGL.so.1")
    except OSError:
        return False
    gl.glGetString.restype = ctypes.c_char_p
    name = (gl.glGetString(_GL_RENDERER) or b"").decode(errors="replace").lower()
    return any(part in name for part in _SOFTWARE)


def _create(o3d: Any, title: str, size_wh: tuple[int, int], window: bool) -> Any:
    kind = o3d.visualization.VisualizerWithKeyCallback if window else o3d.visualization.Visualizer
    visualizer = kind()
    with _quiet(window) if sys.platform == "linux" else contextlib.nullcontext():
        made = visualizer.create_window(title, *size_wh, visible=window)
    if not made:
        what = "open a window" if window else "draw off screen (EGL)"
        raise UserError(f"Open3D cannot {what} on this machine: '{_APT}', or leave the viewer out (--no-view)")
    return visualizer


def _quiet(window: bool) -> contextlib.AbstractContextManager[None]:
    """Hides the display from what is off screen: a hidden X window may clip or lose its pixels, an EGL buffer does not.
    """
    runtime = os.environ.get("XDG_RUNTIME_DIR", tempfile.gettempdir())  # GL complains on stderr without one
    hidden: dict[str, str | None] = {} if window else {"DISPLAY": None, "WAYLAND_DISPLAY": None}
    return _environment({"XDG_RUNTIME_DIR": runtime, **hidden})


@contextlib.contextmanager
def _environment(changes: dict[str, str | None]) -> Iterator[None]:
    kept = {name: os.environ.get(name) for name in changes}
    try:
        _set(changes)
        yield
    finally:
        _set(kept)


def _set(variables: dict[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
