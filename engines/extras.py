"""What to install where an optional package is missing: by its own name, which works wherever this one came from."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, requires

DISTRIBUTION = "realtime-pose"


def pip_install(extra: str) -> str:
    """The command that brings what an extra of this distribution holds, such as "pip install 'mcap<2,>=1.6'"."""
    packages = " ".join(f"'{one}'" for one in _packages(extra))
    return f"pip install {packages}" if packages else f"pip install '{DISTRIBUTION}[{extra}]'"


def _packages(extra: str) -> list[str]:
    """Requirements, those of extras within it among them, each once; none where this was not installed."""
    try:
        every = requires(DISTRIBUTION) or []
    except PackageNotFoundError:
        return []
    found: list[str] = []
    for requirement, _, marker in (line.partition(";") for line in every):
        if not re.search(rf"extra == ['\"]{re.escape(extra)}['\"]", marker):
            continue
        inner = re.fullmatch(rf"{DISTRIBUTION}\[(.+)\]", requirement.strip())
        found += [one for name in inner[1].split(",") for one in _packages(name.strip())] if inner else [
            requirement.strip()]  # fmt: skip
    return list(dict.fromkeys(found))
