"""The README tells the truth: its commands parse, its files exist, its program runs."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import typer.main

from realtime.cli import command_group
from realtime.contracts import Pose3D, PoseFrame, Stamp
from realtime.server.publish import Publisher

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.S)
SHELL = [line.split("  #")[0].strip() for block in BLOCKS for line in block.splitlines()]
COMMANDS = sorted({line for line in SHELL if line.startswith("realtime ")})


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_and_option_exists(line: str) -> None:
    """Parsed, not run: unknown commands, options and missing arguments raise."""
    command = typer.main.get_command(command_group())
    context, words = command.context_class(command), shlex.split(line)[1:]
    while hasattr(command, "resolve_command"):
        _, found, words = command.resolve_command(context, words)
        assert found is not None
        command, context = found, found.context_class(found, context)
    command.make_context(line, words, parent=context)


@pytest.mark.parametrize("line", ["realtime walk", "realtime run --no-such", "realtime calibrate person --height 2"])
def test_a_command_that_does_not_exist_would_be_found(line: str) -> None:
    with pytest.raises(Exception, match=r"No such|Missing"):
        test_every_command_and_option_exists(line)


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make ([a-z]+)", "\n".join(SHELL), re.M):
        assert re.search(rf"^{target}:", makefile, re.M), target


def test_links_lead_somewhere() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)", README) if "://" not in link]
    assert links
    assert not [link for link in links if not (ROOT / link).exists()]


def test_the_tree_is_the_projects_own() -> None:
    (tree,) = re.findall(r"```\n(engines/.*?)```", README, re.S)
    names = [word for line in tree.splitlines() for word in re.findall(r"[\w/]+\.(?:py|md|toml)", line)]
    known = [str(path) for folder in ("engines", "calibration", "realtime") for path in (ROOT / folder).rglob("*")]
    assert names
    assert not [name for name in names if not any(path.endswith(f"/{name}") for path in known)]


def test_the_five_lines_receive_poses() -> None:
    """The README's subscriber as a program of its own, against a real publisher."""
    program, _ = re.findall(r"```python\n(.*?)```", README, re.S)
    address = "tcp://127.0.0.1:15556"
    program = program.replace("tcp://127.0.0.1:5556", address) + "    break\n"
    person = Pose3D(1, np.ones((17, 3), np.float32), np.array((0, 0, 3), np.float32), np.ones(17, np.float32),
                    np.ones(17, np.float32), 0, 1.0, False)  # fmt: skip
    with Publisher(address, None) as publisher:
        client = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        frame = 0
        while client.poll() is None and frame < 3000:
            publisher.send(PoseFrame(Stamp(frame, frame, frame), (640, 480), (person,)), engine="test", model="test")
            frame += 1
            try:
                client.wait(0.02)
            except subprocess.TimeoutExpired:
                continue
        out, _ = client.communicate(timeout=10)
    assert client.returncode == 0
    assert "[1. 1. 1.]" in out
