"""Looks at everything the main job needs, and says for each what is right or what to do."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict

from realtime.doctor.check import PORT, Check


def examine() -> Iterable[Check]:
    """Every check, one after the other (packages are really imported: some seconds).

    What a check cannot look at without a package that is broken is left out: of the package it is said by then.
    """
    from realtime.doctor import checks

    every: tuple[Callable[[], Iterable[Check]], ...] = (
        checks.folder, checks.python, checks.packages, checks.distribution, checks.arithmetic, checks.display,
        checks.cameras, checks.gpu, checks.gpu_engines, checks.engine, checks.cache, checks.assets, checks.ports,
    )  # fmt: skip
    for check in every:
        with contextlib.suppress(ImportError):
            yield from check()


def report(checks: Iterable[Check]) -> bool:
    """Prints a line a check as it comes in. Returns whether the main job can run."""
    from rich.console import Console

    console = Console(highlight=False)
    able = True
    taken: list[str] = []
    for check in checks:
        if check.name.startswith(PORT) and check.state == "note":
            taken.append(check.name)
        able = able and check.state != "missing"
        mark = {"ok": "[green]OK[/]     ", "note": "[yellow]note[/]   ", "missing": "[red]MISSING[/]"}[check.state]
        console.print(f"{mark} [bold]{check.name:<11}[/] {check.detail}", soft_wrap=True)
        if check.advice:
            console.print(f"{'':<20}-> {check.advice}", soft_wrap=True, markup=False)
    if not able:
        console.print("Mend what is MISSING first.")
    elif taken:
        console.print(f"The main job can run once {' and '.join(taken)} can be had: another session holds what it "
                      "publishes at. Beside it: realtime run --source demo --address tcp://127.0.0.1:0 "
                      "--rpc-address tcp://127.0.0.1:0", soft_wrap=True)  # fmt: skip
    else:
        console.print("The main job can run: realtime run --source demo")
    return able


def as_json(checks: Iterable[Check]) -> tuple[str, bool]:
    """One JSON object `{"ok": ..., "checks": [...]}`, and whether the main job can run."""
    listed = [asdict(check) for check in checks]
    able = all(check["state"] != "missing" for check in listed)
    return json.dumps({"ok": able, "checks": listed}), able
