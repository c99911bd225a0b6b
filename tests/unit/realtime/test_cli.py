"""The list of commands: the help needs none of them, and says of each what it says of itself."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest
import typer.main

from realtime import cli


@pytest.mark.parametrize("place", cli.COMMANDS)
def test_the_help_says_of_a_command_what_it_says_itself(place: str) -> None:
    name = place.rpartition(".")[2].replace("_", "-")
    command = typer.main.get_command(cli.command_group(name)).commands[name]  # type: ignore[attr-defined]
    own = inspect.cleandoc(command.help or "").split("\n\n")[0]
    assert cli.COMMANDS[place] == " ".join(own.split("\n"))


def test_the_order_is_that_of_the_help() -> None:
    whole = typer.main.get_command(cli.command_group())
    assert [place.rpartition(".")[2].replace("_", "-") for place in cli.COMMANDS] == list(whole.commands)  # type: ignore[attr-defined]


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["--version"], []])
def test_no_command_is_imported_where_none_runs(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom realtime.cli import main\ntry:\n    main()\nexcept SystemExit:\n    pass\n"
        "sys.stderr.write(' '.join(name for name in sys.modules if name.startswith('realtime.')))"
    )
    result = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    assert result.stderr.split() == ["realtime.cli"]


def test_a_mistyped_command_is_said_to_be_none() -> None:
    result = subprocess.run([sys.executable, "-m", "realtime.cli", "bnch"], capture_output=True, text=True, check=False)
    assert (result.returncode, "No such command 'bnch'" in result.stderr) == (2, True)


def test_every_subscriber_has_the_same_word_for_the_publishers_address() -> None:
    for name in ("listen", "record", "latency", "watch", "bridge"):
        command = typer.main.get_command(cli.command_group(name)).commands[name]  # type: ignore[attr-defined]
        for own in getattr(command, "commands", {name: command}).values():
            assert any("--address" in parameter.opts for parameter in own.params), own.name
