"""`realtime`: every command in one list; each command's work is imported when it runs."""

from __future__ import annotations

import importlib
import logging
import sys

import typer
from typer.core import TyperGroup

from engines.errors import UserError

# command -> module in realtime.commands; a module offers `app` (a group) or a function named like itself.
COMMANDS: tuple[str, ...] = (
    "run", "view", "listen", "latency", "record", "replay", "lift", "assets", "doctor", "bench",
    "import_checkpoint", "build_engine", "inspect", "calibrate", "keys", "train", "evaluate",
)  # fmt: skip


def command_group() -> typer.Typer:
    app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode="rich", cls=TyperGroup,
                      help="One camera in, a live stream of metric 3D human poses out.")  # fmt: skip
    for name in COMMANDS:
        module = importlib.import_module(f"realtime.commands.{name}")
        command = name.replace("_", "-")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=command)
        else:
            app.command(command)(getattr(module, name))
    return app


def main() -> None:
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")
    logging.getLogger("realtime").setLevel(logging.INFO)
    try:
        command_group()()  # says by itself what is wrong with the command line, and ends by sys.exit
    except UserError as error:
        sys.stderr.write(f"realtime: {error}\n")
        sys.exit(2)
    except KeyboardInterrupt:  # while the commands were still being imported; typer exits with the same code
        sys.exit(130)
    except OSError as error:  # of a file that no one closer by spoke for
        if error.filename is None:
            raise
        sys.stderr.write(f"realtime: {error.filename}: {error.strerror}: check the path and your rights\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
