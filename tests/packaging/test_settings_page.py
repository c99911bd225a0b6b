"""docs/settings.md names every setting of a session, with what holds without it."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest
from typer.main import get_command

from realtime.cli import command_group
from realtime.config import RunConfig, load_config

PAGE = Path(__file__).resolve().parents[2] / "docs" / "settings.md"


def written() -> dict[str, str]:
    """section.name -> what holds without it, as the page has it."""
    out, section = {}, ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if heading := re.match(r"\| \*\*`\[(\w+)\]`", line):
            section = heading[1] + "."
        elif line.startswith("| `"):
            names, default, *_ = (cell.strip() for cell in line.strip("|").split("|"))
            out |= {section + name: default for name in re.findall(r"`(\w+)`", names)}
    return out


def known() -> dict[str, object]:
    config = RunConfig()
    out: dict[str, object] = {}
    for field in fields(config):
        value = getattr(config, field.name)
        own = {f"{field.name}.{part.name}": getattr(value, part.name) for part in fields(value)} if is_dataclass(
            value) else {field.name: value}  # fmt: skip
        out |= own
    return out


def test_every_setting_is_on_the_page_with_what_holds_without_it() -> None:
    defaults = {name: "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
                for name, value in known().items()}  # fmt: skip
    assert written() == defaults


def test_its_example_is_a_configuration(tmp_path: Path) -> None:
    example = re.search(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert example
    path = tmp_path / "run.toml"
    path.write_text(example[1])
    assert load_config(path, {}).detector.people == 2


@pytest.mark.parametrize("option", sorted({*re.findall(r"`(--[\w-]+)`", PAGE.read_text(encoding="utf-8"))}))
def test_its_options_are_those_of_the_command(option: str) -> None:
    commands = get_command(command_group("run")).commands  # type: ignore[attr-defined]
    known = {name for parameter in commands["run"].params for name in parameter.opts}
    assert option in known | {"--config"}
