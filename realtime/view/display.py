"""Whether there is a display to open a window on."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import socket
import sys


def has_display() -> bool:
    """Whether a window can be opened. On Linux Open3D would otherwise fall back to no window without a word."""
    if sys.platform != "linux" or _wayland_answers():
        return True
    if not os.environ.get("DISPLAY"):
        return False
    try:
        x11 = ctypes.CDLL(ctypes.util.find_library("X11") or "libX11.so.6")
    except OSError:
        return False
    x11.XOpenDisplay.restype = ctypes.c_void_p
    x11.XCloseDisplay.argtypes = [ctypes.c_void_p]
    display = x11.XOpenDisplay(None)
    if display:
        x11.XCloseDisplay(display)
    return bool(display)


def _wayland_answers() -> bool:
    """Whether somebody listens where WAYLAND_DISPLAY says: in XDG_RUNTIME_DIR, where it is no whole path."""
    name = os.environ.get("WAYLAND_DISPLAY")
    if not name:
        return False
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(os.path.join(os.environ.get("XDG_RUNTIME_DIR", ""), name))
        except OSError:
            return False
    return True
