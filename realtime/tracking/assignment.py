"""The cheapest way to give each row a column of its own: Kuhn and Munkres's method with shortest augmenting paths.

For a dozen people; `scipy.optimize.linear_sum_assignment` does the same and weighs 100 MB.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

NOBODY = -1


def assign(cost: Sequence[Sequence[float]], leave: float) -> list[int]:
    """The column of each row, `NOBODY` for a row that is left out at the price `leave`; the sum is the least there is.

    An infinite cost, or one above `leave`, is never paid.
    """
    rows, columns = len(cost), len(cost[0]) if cost else 0
    if rows == 1:
        best = min(range(columns), key=cost[0].__getitem__, default=NOBODY)
        return [best if best >= 0 and cost[0][best] <= leave else NOBODY]
    never = 1e6 + 2 * rows * abs(leave)
    square = [
        [value if value <= leave else never for value in row] + [leave if own == at else never for at in range(rows)]
        for own, row in enumerate(cost)
    ]
    return [column if column < columns else NOBODY for column in _cheapest(square)]


def _cheapest(cost: list[list[float]]) -> list[int]:
    """Of no more rows than columns: every row gets a column. Row and column 0 are the search's own."""
    rows, columns = len(cost), len(cost[0]) if cost else 0
    row_price, column_price = [0.0] * (rows + 1), [0.0] * (columns + 1)
    owner, before = [0] * (columns + 1), [0] * (columns + 1)
    for row in range(1, rows + 1):
        owner[0], at = row, 0
        slack, done = [math.inf] * (columns + 1), [False] * (columns + 1)
        while owner[at]:
            done[at] = True
            at = _nearest(cost, at, owner, before, slack, done, row_price, column_price)
        while at:  # the path turns about: each column goes to the row that came by it
            owner[at] = owner[before[at]]
            at = before[at]
    found = [NOBODY] * rows
    for column in range(1, columns + 1):
        if owner[column]:
            found[owner[column] - 1] = column - 1
    return found


def _nearest(
    cost: list[list[float]], at: int, owner: list[int], before: list[int], slack: list[float], done: list[bool],
    row_price: list[float], column_price: list[float],
) -> int:  # fmt: skip
    """The column next reached from the row that owns `at`; prices move so that reaching it costs nothing more."""
    row, step, following = owner[at], math.inf, 0
    for column in range(1, len(done)):
        if done[column]:
            continue
        over = cost[row - 1][column - 1] - row_price[row] - column_price[column]
        if over < slack[column]:
            slack[column], before[column] = over, at
        if slack[column] < step:
            step, following = slack[column], column
    for column in range(len(done)):
        if done[column]:
            row_price[owner[column]] += step
            column_price[column] -= step
        else:
            slack[column] -= step
    return following
