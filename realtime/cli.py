"""`realtime`: every command in one list; each command's work is imported when it runs."""

from __future__ import annotations

import importlib
import logging
import os
import sys
from importlib.metadata import version
from typing import Annotated, NoReturn

import typer
from typer.core import TyperGroup

from engines.errors import NO_SPACE, UserError
from engines.folders import require_working_directory

# ROOM.COMMAND in realtime.commands, in the order of the help; such a module offers `app` (a group) or a function named
# like itself.
COMMANDS: tuple[str, ...] = (
    "live.run", "live.status", "live.stop", "live.view", "live.watch", "live.listen", "live.latency", "live.record",
    "live.replay", "live.bridge", "files.lift", "files.plot", "files.export", "setup.assets", "setup.doctor",
    "models.bench", "models.import_checkpoint", "models.build_engine", "models.inspect", "setup.calibrate",
    "setup.keys", "models.train", "models.evaluate", "live.chaos",
)  # fmt: skip
HIDDEN = ("live.chaos",)  # for those who test: not in the help


def command_group() -> typer.Typer:
    app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode="rich", cls=TyperGroup,
                      context_settings={"help_option_names": ["-h", "--help"]},
                      help="One camera in, a live stream of metric 3D human poses out.")  # fmt: skip
    app.callback()(_about)
    for place in COMMANDS:
        module, name = importlib.import_module(f"realtime.commands.{place}"), place.rpartition(".")[2]
        command = name.replace("_", "-")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=command)
        else:
            app.command(command, hidden=place in HIDDEN)(getattr(module, name))
    return app


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"realtime {version('realtime-pose')}")
        raise typer.Exit


def _about(
    _: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Say the version and leave.")
    ] = False,
) -> None:
    """One camera in, a live stream of metric 3D human poses out."""


def main() -> None:
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")
    logging.getLogger("realtime").setLevel(logging.INFO)
    try:
        try:
            command_group()()  # says by itself what is wrong with the command line, and ends by sys.exit
        finally:
            sys.stdout.flush()  # here, where it can be said that it fails, not when the interpreter has ended
    except UserError as error:
        _refuse(str(error))
    except KeyboardInterrupt:  # while the commands were still being imported; typer exits with the same code
        sys.exit(130)
    except BrokenPipeError:  # the reader has what it wanted
        _give_up_stdout()
        sys.exit(1)
    except OSError as error:  # of a file that no one closer by spoke for
        if error.filename is not None:
            _refuse(f"{error.filename}: {error.strerror}: check the path and your rights")
        _refuse_without_folder()
        if error.errno not in NO_SPACE:
            raise
        _give_up_stdout()
        _refuse(f"no more can be written ({error.strerror}): free some space, or send the output elsewhere")


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
