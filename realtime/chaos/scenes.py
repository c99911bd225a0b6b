"""Where faults are done: a session on a clip, on a camera, while it starts, recorded, drawn, short of files, and the
programs that publish without one. Each scene says which faults make sense in it."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import psutil

from engines.errors import UserError
from realtime.assets.fetch import fetch
from realtime.chaos.camera_server import MjpegServer
from realtime.chaos.clock_scenes import on_producers_clock, on_servers_clock, on_set_clock
from realtime.chaos.faults import FAULTS, PAUSE_S, Fault, kill, wait
from realtime.chaos.full_memory import on_full_memory
from realtime.chaos.place import Place, Scene, some
from realtime.chaos.programs import after, found, free_addresses, new_stream, program, publisher, run_words, serving
from realtime.chaos.target import PATIENCE_S, Target

FAULT_S = 4.0  # how long a camera is as it should not be
VIEWER_PAUSE_S = 10.0
FEW_FILES = 64
TAKE_S = 15.0  # the session's start included
_SOCKETS = ("junk", "http", "crowd", "flood-requests", "flood-topics", "subscribers", "deaf")
_FPS = 20.0


@contextlib.contextmanager
def on_a_clip(folder: Path) -> Iterator[Place]:
    stream = new_stream("clip")
    with program(*run_words("demo", stream), log=folder / "clip.log") as popen:
        yield Place(found(stream, popen), stream)


@contextlib.contextmanager
def on_a_camera(folder: Path) -> Iterator[Place]:
    stream = new_stream("camera")
    with (
        MjpegServer.of_clip(fetch("demo"), fps=_FPS, scale=0.5, frames=60) as camera,
        program(*run_words(camera.url, stream), log=folder / "camera.log") as popen,
    ):
        yield Place(found(stream, popen), stream, _camera_faults(camera))


@contextlib.contextmanager
def recorded(folder: Path) -> Iterator[Place]:
    """Where what is recorded meanwhile must be whole afterwards."""
    stream, take, log = new_stream("recorded"), folder / "take.mcap", folder / "recorded.log"
    with program(*run_words("demo", stream), log=log) as popen:
        target = found(stream, popen)
        with program("record", "-o", str(take), "--address", target.running.address, log=log) as recorder:
            yield Place(target, stream, some("kill-lifter", "kill-producer", "junk", "flood-topics", "pause-all"))
        if recorder.returncode:
            raise UserError(f"the recorder ended with code {recorder.returncode}: see {log}")
    _check_take(take)


@contextlib.contextmanager
def drawn(folder: Path) -> Iterator[Place]:
    stream, film = new_stream("drawn"), folder / "film.mp4"
    with program(*run_words("demo", stream, "--render", str(film), "--fps", "5", "--size", "320x240", view=True),
                 log=folder / "drawn.log") as popen:  # fmt: skip
        faults: dict[str, Fault] = {"kill-viewer": partial(kill, "viewer"), "pause-viewer": _pause_viewer}
        yield Place(found(stream, popen), stream, {**faults, **some("kill-lifter", "kill-producer", "pause-all")})


@contextlib.contextmanager
def short_of_files(folder: Path) -> Iterator[Place]:
    stream = new_stream("files")
    with program(*run_words("demo", stream), inside=after(f"ulimit -n {FEW_FILES}"), log=folder / "files.log") as popen:
        yield Place(found(stream, popen), stream, some("kill-lifter", "kill-producer", "crowd", "flood-topics"))


@contextlib.contextmanager
def on_a_full_disk(folder: Path) -> Iterator[Place]:
    stream = new_stream("full")
    with program(*run_words("demo", stream, "--log-json", "/dev/full"), log=folder / "full.log") as popen:
        yield Place(found(stream, popen), stream, some("kill-lifter", "kill-producer"))


@contextlib.contextmanager
def replayed(folder: Path) -> Iterator[Place]:
    stream, take = new_stream("replayed"), folder / "replayed.mcap"
    with program(*run_words("demo", stream), log=folder / "replayed.log") as popen:
        address = found(stream, popen).running.address
        with program("record", "-o", str(take), "--address", address, "--seconds", str(TAKE_S)) as recorder:
            recorder.wait(PATIENCE_S)
    address, rpc_address = free_addresses(2)
    words = ["replay", str(take), "--loop", "--address", address, "--rpc", rpc_address]
    with program(*words, log=folder / "replayed.log") as popen:
        target = publisher(stream, address, rpc_address, popen)
        yield Place(target, stream, {**some(*_SOCKETS), "pause-replay": _pause_session}, by_arrival=True)


@contextlib.contextmanager
def served(folder: Path) -> Iterator[Place]:
    """`realtime serve` with one `realtime produce`."""
    with serving(folder) as door:
        faults: dict[str, Fault] = {"pause-produce": partial(_pause_process, door.producer)}
        for name in ("junk", "http", "crowd"):
            faults[f"intake-{name}"] = partial(_elsewhere, FAULTS[name], door.intake)
        yield Place(door.target, door.stream, {**some(*_SOCKETS), **faults, "pause-serve": _pause_session})


SCENES: dict[str, Scene] = {
    "clip": on_a_clip, "camera": on_a_camera, "recorded": recorded, "drawn": drawn, "64 files": short_of_files,
    "full disk": on_a_full_disk, "full memory": on_full_memory, "replayed": replayed, "served": served,
    "set clock": on_set_clock, "producer's clock": on_producers_clock, "server's clock": on_servers_clock,
}  # fmt: skip
# Done to a session of its own each, as soon as it has a lifter: before its first beat, its model not loaded.
STARTING = (
    "kill-producer", "kill-lifter", "kill-both", "stop-producer", "stop-lifter", "pause-all", "pause-supervisor",
    "junk",
)  # fmt: skip


def _camera_faults(camera: MjpegServer) -> dict[str, Fault]:
    """Each ends with the camera as it was."""

    def during(begin: Callable[[random.Random], None], end: Callable[[], None]) -> Fault:
        def fault(target: Target, rng: random.Random) -> None:
            begin(rng)
            try:
                wait(FAULT_S)
            finally:
                end()

        return fault

    def refuse_and_kill(target: Target, rng: random.Random) -> None:
        camera.stop()
        try:
            kill("producer", target, rng)
            wait(FAULT_S)
        finally:
            camera.start()

    dark, small = np.zeros((240, 320, 3), np.uint8), np.full((90, 120, 3), 90, np.uint8)
    own = partial(camera.show, ())
    return {
        "frozen": during(lambda _: camera.freeze(), camera.thaw),
        "stalled": during(lambda _: camera.stall(), camera.resume),
        "refusing": during(lambda _: camera.stop(), camera.start),
        "cut": lambda *_: camera.cut(),
        "corrupt": during(camera.spoil, own),
        "black": during(lambda _: camera.show([dark]), own),
        "other size": during(lambda _: camera.show([small]), own),
        "2 fps": during(lambda _: camera.pace(2), lambda: camera.pace(_FPS)),
        "100 fps": during(lambda _: camera.pace(100), lambda: camera.pace(_FPS)),
        "refusing, kill-producer": refuse_and_kill,
    }


def _pause_viewer(target: Target, _: random.Random) -> None:
    """For long: nobody waits for it."""
    _suspend(target.process("viewer"), VIEWER_PAUSE_S)


def _pause_session(target: Target, _: random.Random) -> None:
    _suspend(target.session, 2 * PAUSE_S)


def _pause_process(process: psutil.Process, _: Target, __: random.Random) -> None:
    _suspend(process, 2 * PAUSE_S)


def _suspend(process: psutil.Process, pause_s: float) -> None:
    process.suspend()
    try:
        wait(pause_s)
    finally:
        process.resume()


def _elsewhere(fault: Fault, other: Target, _: Target, rng: random.Random) -> None:
    fault(other, rng)


def _check_take(take: Path) -> None:
    from realtime.takes.take import read_take

    frames = [message.fields["frame_id"] for message in read_take(take) if message.kind == "pose3d"]
    if len(frames) < 2 or frames != sorted(set(frames)):
        raise UserError(f"{take} has {len(frames)} poses, some twice or out of order")
