"""What a check of the doctor's says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PORT = "port "  # how the checks of ports are named
State = Literal["ok", "note", "missing"]


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report. `missing`: the main job cannot run. `note`: it can, with less."""

    name: str
    state: State
    detail: str
    advice: str = ""  # what to do; empty when all is well
