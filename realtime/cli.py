"""`realtime`: every command in one list; each command's work is imported when it runs."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from engines.errors import NO_SPACE, UserError
from engines.folders import require_working_directory

# ROOM.COMMAND in realtime.commands, in the order of the help, and what that says of it without an import; such a module
# offers `app` (a group) or a function named like itself.
COMMANDS: dict[str, str] = {
    "live.run": "Turn a camera or a video into a live stream of 3D poses, and show it.",
    "live.status": (
        "Say how a stream and its processes are. Exit code 0: poses come; 1: they do not; 2: nobody answers."
    ),
    "live.stop": "End the 'realtime run' that publishes a stream on this machine, and wait until it has ended.",
    "live.view": "Watch the 3D skeletons of a stream: in a window, or drawn to a file where there is no display.",
    "live.watch": "Watch how a stream does, in this terminal: rate, latency, people, what is dropped. Ctrl-C ends it.",
    "live.listen": (
        "Print a stream's frames: one line each, or JSON. Of another machine's the age is known with --rpc "
        "alone."
    ),
    "live.latency": "Measure glass to program live: from the camera's grab to this process, with both clocks compared.",
    "live.record": "Record poses, and keypoints where they are published, to an MCAP file that Foxglove opens.",
    "live.replay": (
        "Publish a recording with its own timing, or lift its keypoints anew (the same poses, bit for bit, "
        "each time)."
    ),
    "live.produce": "Send a camera's keypoints to 'realtime serve', which lifts them. No picture leaves this machine.",
    "live.serve": "Lift the keypoints of many cameras in batches, and publish each stream's poses under its name.",
    "files.lift": (
        "Lift recorded keypoints, or a video, with the code that runs live: without look-ahead the very same "
        "poses."
    ),
    "files.plot": (
        "Draw joint heights, speeds, angles, bone lengths, errors and latency over time: a row each, a "
        "column a person."
    ),
    "files.export": (
        "Write the people of a recording for other programs; of several people .bvh, .trc, .c3d and .mot "
        "make a file each."
    ),
    "setup.doctor": (
        "Check Python, packages, display, cameras, GPU, engine, cache, assets and ports; say what to do "
        "about each."
    ),
    "models.import_checkpoint": (
        "Turn a published GLA-GCN checkpoint into weights this project runs: .safetensors, a JSON card, an "
        "ONNX graph."
    ),
    "models.build_engine": (
        "Build a TensorRT plan and its card, PLAN.json: no GPU needed, except for --runtime tensorrt and "
        "--target current."
    ),
    "models.inspect": (
        "Print a plan's card with its parity certificate, and verify the hashes of card, plan, graph and "
        "weights."
    ),
    "models.train": r"Train a streaming lifter on a CPU (needs: pip install 'realtime-pose\[train]').",
    "models.evaluate": r"Score a lifter with the published measures (needs: pip install 'realtime-pose\[train]').",
    "live.chaos": "Do faults to the 'realtime run' that publishes a stream on this machine, one after the other.",
    "live.fleet": "Lift more cameras than one process can: many workers as one server, on Ray.",
    "live.bridge": "Pass a live stream on to other programs, until Ctrl-C.",
    "setup.assets": "The pose models and demo clips: what there is, and what is in the cache.",
    "models.bench": "Measure the project's claims here; last line: one JSON object.",
    "setup.calibrate": "Make metres true: the camera's lens, the floor, the person's size.",
    "setup.keys": "Keys for streams that leave this machine: CURVE encryption, allow-list.",
}
READ_ENOUGH = 0  # the code where the reader of a pipe has left
HIDDEN = ("live.chaos",)  # for those who test: not in the help


def command_group(wanted: str | None = None) -> typer.Typer:
    """All commands; with `wanted` that one alone is imported, the others have their names and help."""
    app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode="rich", cls=_Commands,
                      context_settings={"help_option_names": ["-h", "--help"]},
                      help="One camera in, a live stream of metric 3D human poses out.")  # fmt: skip
    app.callback()(_about)
    for place, text in COMMANDS.items():
        name = place.rpartition(".")[2]
        command = name.replace("_", "-")
        if wanted not in (None, command):
            app.command(command, help=text, hidden=place in HIDDEN)(_not_imported)
            continue
        module = importlib.import_module(f"realtime.commands.{place}")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=command)
        else:
            app.command(command, hidden=place in HIDDEN)(getattr(module, name))
    return app


class _Commands(TyperGroup):
    def make_context(self, *args: Any, **options: Any) -> Any:
        with _reader_may_leave():
            return super().make_context(*args, **options)

    def invoke(self, ctx: Any) -> Any:
        from realtime.process.limits import check_descriptors

        check_descriptors()  # before libraries fail in their own words
        with _reader_may_leave():
            return super().invoke(ctx)


@contextlib.contextmanager
def _reader_may_leave() -> Iterator[None]:
    """As in `realtime status --watch | head -1`: no fault of anybody's. Click and rich would make it 1."""
    before = _stdout_identity()
    try:
        yield
    except BrokenPipeError:
        _give_up_stdout()
        raise SystemExit(READ_ENOUGH) from None
    except SystemExit:
        if _stdout_identity() != before:  # rich has given it up
            raise SystemExit(READ_ENOUGH) from None
        raise


def _stdout_identity() -> tuple[int, int] | None:
    try:
        found = os.fstat(sys.stdout.fileno())
    except (AttributeError, OSError, ValueError):  # closed, or none
        return None
    return found.st_dev, found.st_ino


def _not_imported() -> None:
    raise AssertionError("a command that was not asked for")


def _wanted(arguments: Sequence[str]) -> str:
    """The command of a command line, where there is one: no option before it has a value."""
    return next((argument for argument in arguments if not argument.startswith("-")), "")


def _say_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"realtime {version('realtime-pose')}")
        raise typer.Exit


def _about(
    _: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Say the version and leave.")
    ] = False,
) -> None:
    """One camera in, a live stream of metric 3D human poses out."""


def main() -> None:
    try:
        _main()
    except Exception as error:
        _keep_report(error)
        raise


def _main() -> None:
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")
    logging.getLogger("realtime").setLevel(logging.INFO)
    try:
        try:
            # says by itself what is wrong with the command line, and ends by sys.exit
            with _ending_in_order(_wanted(sys.argv[1:])) as wanted:
                command_group(wanted)()
        finally:
            sys.stdout.flush()  # here, where it can be said that it fails, not when the interpreter has ended
    except UserError as error:
        _refuse(str(error))
    except KeyboardInterrupt:  # while the commands were still being imported; typer exits with the same code
        sys.exit(130)
    except BrokenPipeError:
        _give_up_stdout()
        sys.exit(READ_ENOUGH)
    except OSError as error:  # of a file that no one closer by spoke for
        if error.filename is not None:
            _refuse(f"{error.filename}: {error.strerror}: check the path and your rights")
        _refuse_without_folder()
        if error.errno not in NO_SPACE:
            raise
        _give_up_stdout()
        _refuse(f"no more can be written ({error.strerror}): free some space, or send the output elsewhere")


@contextlib.contextmanager
def _ending_in_order(command: str) -> Iterator[str]:
    """Whatever a command has started or begun to write is put away, by whichever signal it is ended."""
    if not command:
        yield command
        return
    from realtime.process.signals import ending_in_order

    with ending_in_order():
        yield command


def _keep_report(error: Exception) -> None:
    """What is not one of the errors above is a fault of this program."""
    import traceback

    from realtime.session.crash_report import Crash, keep_report

    path = keep_report(Crash(f"{type(error).__name__}: {error}", "".join(traceback.format_exception(error))))
    if path is not None:
        sys.stderr.write(f"realtime: a fault of this program; what is known of it, without pictures, is in {path}\n")


def _refuse_without_folder() -> None:
    """Where that is gone in which we were started, whatever failed failed because of it."""
    try:
        require_working_directory()
    except UserError as error:
        _refuse(str(error))


def _refuse(why: str) -> NoReturn:
    sys.stderr.write(f"realtime: {why}\n")
    sys.exit(2)


def _give_up_stdout() -> None:
    """What is left in its buffer would be tried again, and complained about, at the interpreter's end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
