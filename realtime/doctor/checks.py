"""The single checks of `realtime doctor`: each looks at one thing and never raises for what it finds."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from engines.errors import UserError
from engines.folders import require_working_directory
from realtime.doctor.check import PORT, Check, State

_PYTHONS = ((3, 10), (3, 13))
# module -> distribution, for what the main job imports
_PACKAGES = {
    "numpy": "numpy", "av": "av", "cv2": "opencv-contrib-python", "mediapipe": "mediapipe",
    "onnxruntime": "onnxruntime", "zmq": "pyzmq", "msgpack": "msgpack",
    "open3d": "open3d", "safetensors": "safetensors", "psutil": "psutil",
}  # fmt: skip
_IMPORT = """from realtime.later import SELDOM, later
with later(SELDOM.get("{module}", ())):
    import {module}
print(getattr({module}, "__version__", ""))"""
_IMPORT_TIMEOUT_S = 60
_LOW_SPACE_MB = 200
_OTHER_CACHE = "set REALTIME_CACHE to a folder that can be written"


def python() -> Iterator[Check]:
    low, high = _PYTHONS
    version = ".".join(map(str, sys.version_info[:3]))
    if low <= sys.version_info[:2] <= high:
        yield Check("Python", "ok", f"{version} at {sys.executable}")
    else:
        yield Check("Python", "missing", version, f"use Python {low[0]}.{low[1]} to {high[0]}.{high[1]}")


def folder() -> Iterator[Check]:
    """Only where it is gone: nothing else is worth a look then."""
    try:
        require_working_directory()
    except UserError:
        yield Check("folder", "missing", "the one that this was started in has been deleted", "cd to another one")


def packages() -> Iterator[Check]:
    """Imports each as the line does, in a process of its own: a broken native library can end the interpreter."""
    running = {
        module: subprocess.Popen(
            [sys.executable, "-c", _IMPORT.format(module=module)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for module in _PACKAGES
    }  # fmt: skip
    for module, process in running.items():
        try:
            out, errors = process.communicate(timeout=_IMPORT_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            out, errors = process.communicate()
        if process.returncode == 0:
            yield Check(module, "ok", (out.splitlines() or [""])[-1])
        else:
            why = (errors.strip().splitlines() or [f"ended with code {process.returncode}"])[-1]
            yield Check(module, "missing", f"cannot be imported: {why}", _how_to_mend(module, why))


def _how_to_mend(module: str, why: str) -> str:
    for library, apt in (("libusb-1.0", "libusb-1.0-0"), ("libGL.so", "libgl1"), ("libEGL", "libegl1"),
                         ("libgomp", "libgomp1"), ("libX11", "libx11-6")):  # fmt: skip
        if library in why:
            return f"sudo apt-get install -y {apt}"
    return f"pip install --force-reinstall {_PACKAGES[module]}"


def distribution() -> Iterator[Check]:
    providers = importlib.metadata.packages_distributions()
    ours = set(providers.get("realtime", ())) - {"realtime-pose"}
    if ours:
        yield Check("install", "missing", f"{', '.join(sorted(ours))} also installs a package named realtime",
                    f"pip uninstall {' '.join(sorted(ours))}, or use a virtual environment of its own")  # fmt: skip
    opencv = sorted(set(providers.get("cv2", ())))
    if len(opencv) > 1:
        yield Check("OpenCV", "note", f"{' and '.join(opencv)} overwrite each other's files",
                    "pip uninstall all of them and install opencv-contrib-python alone")  # fmt: skip


def arithmetic() -> Iterator[Check]:
    """Whether the modules of plain numbers were compiled (setup.py)."""
    from calibration.person import body

    if body.__file__.endswith(".py"):
        yield Check("arithmetic", "ok", "Python; with a C compiler, 'make compiled' makes a person's frame cheaper")
    else:
        yield Check("arithmetic", "ok", "compiled")


def display() -> Iterator[Check]:
    from realtime.view.display import has_display

    named = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if has_display():
        yield Check("display", "ok", named or sys.platform)
    else:
        found = f"{named} does not answer" if named else "none"
        yield Check("display", "note", found, "see the skeleton with 'realtime run --render OUT.mp4'")


def cameras() -> Iterator[Check]:
    from realtime.sources.live_source import camera_devices
    from realtime.sources.opencv import open_camera_capture, quiet_ffmpeg

    quiet_ffmpeg()
    indices = [int(path.name.removeprefix("video")) for path in camera_devices()] if sys.platform == "linux" else [0, 1]
    found = []
    for index in indices:
        capture = open_camera_capture(index)
        if capture is not None:
            found.append(str(index))
            capture.release()
    if found:
        yield Check("cameras", "ok", ", ".join(found))
    elif indices and sys.platform == "linux":
        advice = "close the program that uses it, or run 'sudo usermod -aG video $USER' and log in again"
        yield Check("cameras", "note", "none of /dev/video* can be opened", advice)
    else:
        yield Check("cameras", "note", "none", "plug one in, or use --source demo, a file, or an address")


def gpu() -> Iterator[Check]:
    from engines.machine.this_machine import this_machine

    machine = this_machine()
    driver = _nvidia_driver()
    if machine.gpu is not None:
        runtimes = ", ".join(f"{name} {version}" for name, version in machine.runtimes.items()) or "no TensorRT"
        yield Check("GPU", "ok", f"{machine.gpu_name} ({machine.gpu}), driver {driver or 'unknown'}, {runtimes}")
    elif driver:
        yield Check("GPU", "note", f"NVIDIA driver {driver}, not usable: {machine.why_no_gpu}",
                    "pip install 'realtime-pose[tensorrt]' to use it; the processor does without")  # fmt: skip
    else:
        yield Check("GPU", "ok", "no NVIDIA GPU: the processor does the work")


def _nvidia_driver() -> str:
    program = shutil.which("nvidia-smi")
    if program is None:
        return ""
    try:
        done = subprocess.run([program, "--query-gpu=driver_version", "--format=csv,noheader"],
                              capture_output=True, text=True, timeout=10, check=False)  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip().splitlines()[0] if done.returncode == 0 and done.stdout.strip() else ""


def gpu_engines() -> Iterator[Check]:
    """Each is tried on a frame: what a package promises is not what a machine can do."""
    from engines.backends.providers import PROVIDERS
    from engines.errors import UserError

    runs, lacks = list[str](), dict[str, str]()
    for name in ("tensorrt", *PROVIDERS):
        try:
            _lift_one_frame(name)
            runs.append(name)
        except UserError as error:
            lacks[name] = str(error)
    what = f"{', '.join(runs) or 'none'} of {', '.join((*runs, *lacks))} run here"
    if runs or not _nvidia_driver():
        yield Check("GPU engines", "ok", what)
    else:
        yield Check("GPU engines", "note", what, "; ".join(lacks.values()))


def _lift_one_frame(engine: str) -> None:
    import numpy as np

    from engines.lifting.load_lifter import load_lifter
    from engines.models.skeleton import JOINTS

    with load_lifter(engine=engine) as lifter:
        lifter.push([lifter.open()], np.zeros((1, JOINTS, 2), np.float32), np.ones((1, JOINTS), np.float32))


def engine() -> Iterator[Check]:
    from engines.errors import UserError
    from engines.lifting.load_lifter import load_lifter

    try:
        with load_lifter() as lifter:
            yield Check("engine", "ok", f"{lifter.engine} runs {lifter.name}")
    except (UserError, ImportError) as error:
        yield Check("engine", "missing", str(error), "install realtime-pose again: its weights or engine are damaged")


def cache() -> Iterator[Check]:
    from engines.folders import cache_dir
    from realtime.assets.catalogue import ASSETS, DEFAULTS
    from realtime.assets.fetch import cached

    folder = cache_dir()
    lacking = [ASSETS[name] for name in DEFAULTS if not cached(ASSETS[name])]
    needed_mb = sum(asset.size_bytes + asset.downloads[0].archive_bytes for asset in lacking) // 1_000_000
    state: State = "missing" if lacking else "note"
    existing, why = _writable(folder / "assets")
    if why:
        yield Check("cache", state, f"{folder} cannot be written: {why}", _OTHER_CACHE)
        return
    free_mb = shutil.disk_usage(existing).free // 1_000_000
    if free_mb < needed_mb + _LOW_SPACE_MB:
        state = "missing" if free_mb < needed_mb else "note"
        yield Check("cache", state, f"{folder} has {free_mb} MB free", "free some space or set REALTIME_CACHE")
    else:
        yield Check("cache", "ok", f"{folder}, {free_mb} MB free")


def assets() -> Iterator[Check]:
    from engines.folders import cache_dir
    from realtime.assets.catalogue import ASSETS, DEFAULTS
    from realtime.assets.fetch import cached

    _, why = _writable(cache_dir() / "assets")
    for name in DEFAULTS:
        if cached(ASSETS[name]):
            yield Check(name, "ok", "in the cache")
        elif why:
            yield Check(name, "missing", "not in the cache, which cannot be written", _OTHER_CACHE)
        else:
            yield Check(name, "note", "not fetched yet: the first run does", f"realtime assets fetch {name}")


def _writable(folder: Path) -> tuple[Path, str]:
    """The nearest folder that exists, and why nothing can be made in it (tried: permissions do not tell all)."""
    existing = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    try:
        with tempfile.TemporaryDirectory(prefix=".doctor-", dir=existing):
            return existing, ""
    except OSError as error:
        return existing, error.strerror or str(error)


def ports() -> Iterator[Check]:
    from urllib.parse import urlsplit

    from realtime.wire.endpoints import DEFAULT_ADDRESS, DEFAULT_RPC_ADDRESS

    for address in (DEFAULT_ADDRESS, DEFAULT_RPC_ADDRESS):
        port = urlsplit(address).port or 0
        with socket.socket() as probe:
            # As ZeroMQ binds: a port whose last user just ended is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                yield Check(f"{PORT}{port}", "ok", "free")
            except OSError as error:
                yield Check(f"{PORT}{port}", "note", f"taken ({error.strerror})",
                            "another 'realtime run' uses it: end that, or publish at another address")  # fmt: skip
