"""The panel on terminals of any size: it fits, and says what it must where there is room."""

from __future__ import annotations

import io
import math
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from pose_messages import message, person
from rich.cells import cell_len
from rich.console import Console

from realtime.clock import NS_PER_S
from realtime.dashboard.facts import Facts
from realtime.dashboard.panel import Around, Dashboard
from realtime.dashboard.sparkline import sparkline

numbers = st.floats(-10, 1000) | st.just(math.nan)


def drawn(facts: Facts, around: Around, columns: int = 80, rows: int = 24, *, encoding: str = "utf-8") -> list[str]:
    """What is drawn, a text a row."""
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(file=file, width=columns, height=rows, force_terminal=True, color_system=None)
    lines = console.render_lines(Dashboard("realtime: main", facts, around), console.options.update_height(rows))
    return ["".join(segment.text for segment in line) for line in lines]


def lively(people: int) -> Facts:
    facts = Facts(0)
    for second in range(1, 100):
        facts.pose(message(*(person(number) for number in range(people)), latency_ms=second), second * NS_PER_S)
        facts.tick(second / 4, {"state": "running", "lost": 7, "restarts": 1}, second * NS_PER_S)
    return facts


def test_80_by_24_shows_everything() -> None:
    notes = tuple(f"note {number}" for number in range(9))
    text = "\n".join(drawn(lively(2), Around(processes="producer 50 % 300 MB", notes=notes)))
    for words in ("running", "watched for 1:39", "24.8", "p50 50  p99 98 ms", "max 25", "max 99", "engine e", "model m",
                  "look-ahead 0", "space camera", "scale assumed", "lens assumed", "5 by the camera", "7 in the line",
                  "0 on the way here", "restarts 1", "producer 50 % 300 MB", "5.00 ± 0.10 m", "20 mm", "fresh", "50%",
                  "note 8", "Ctrl-C ends it"):  # fmt: skip
        assert words in text, words
    assert "note 0" not in text  # the newest ones


def test_of_too_many_people_it_says_how_many_are_not_shown() -> None:
    text = "\n".join(drawn(lively(30), Around(notes=("one", "two", "three", "four"))))
    assert "and 24 more" in text
    assert "two" in text


def test_what_the_session_knows_better_goes_before_the_stream() -> None:
    text = "\n".join(drawn(lively(1), Around(state="ending", restarts=4)))
    assert "ending" in text
    assert "running" not in text
    assert "restarts 4" in text


def test_what_a_publisher_sends_does_not_reach_the_terminal_as_orders() -> None:
    facts = Facts(0)
    facts.pose(replace(message(person()), engine="\x1b[2Jgone\x07", model="\x9b31m"), 0)
    facts.tick(1.0, {"state": "\x1b]0;title\x07", "lost": "\x1b[2J", "restarts": [1]}, 1)
    text = "".join(drawn(facts, Around(notes=("\x1b[31mred\nline",))))
    assert text.isprintable()
    assert "?[2Jgone?" in text
    assert "? in the line" in text


def test_where_only_ascii_can_be_written_nothing_else_is() -> None:
    assert "".join(drawn(lively(2), Around(), encoding="ascii")).isascii()


@settings(deadline=None, max_examples=60)
@given(columns=st.integers(20, 200), rows=st.integers(5, 60), people=st.integers(0, 30), notes=st.integers(0, 12))
def test_it_fits_whatever_the_terminal(columns: int, rows: int, people: int, notes: int) -> None:
    lines = drawn(lively(people), Around(notes=("a note that is rather long " * 4,) * notes), columns, rows)
    assert len(lines) == rows
    assert {cell_len(line) for line in lines} == {columns}


@given(values=st.lists(numbers, max_size=50), width=st.integers(0, 40), ascii_only=st.booleans())
def test_a_sparkline_has_its_width_and_the_newest_at_its_right(
    values: list[float], width: int, ascii_only: bool
) -> None:
    line = sparkline(values, width, ascii_only=ascii_only)
    assert len(line) == width
    for value, sign in zip(values[-width:][::-1] if width else [], line[::-1], strict=False):
        assert (sign == " ") == math.isnan(value)


def test_a_sparkline_rises_from_nothing_to_its_highest() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8) == "▁▂▃▄▅▆▇█"
    assert sparkline([0, 0], 3) == " ▁▁"
    assert sparkline([5, math.nan, 10], 3) == "▅ █"
