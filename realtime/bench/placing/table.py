"""Rows of a measurement as a table on stderr."""

from __future__ import annotations

from typing import Any


def show(rows: list[dict[str, Any]], title: str | None = None) -> None:
    """A column for each key of the first row."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title)
    for key in rows[0]:
        table.add_column(key)
    for row in rows:
        table.add_row(*(f"{value:.2f}" if isinstance(value, float) else str(value) for value in row.values()))
    Console(stderr=True, width=220).print(table)
