"""The fields of a message, checked one by one; every fault is a WireError that names it."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from itertools import chain
from math import hypot
from typing import Any, cast

import numpy as np

from realtime.wire.framing import (
    JOINTS,
    MAX_COORDINATE,
    MAX_INT,
    MAX_PERSONS,
    MAX_TEXT,
    VERSION,
    Fields,
    VersionError,
    WireError,
)
from realtime.wire.messages import Array


def check_version(fields: Fields) -> None:
    version = integer(fields, "v")
    if version != VERSION:
        raise VersionError(f"the publisher speaks version {version}, this client {VERSION}: update the older one")


def integer(fields: Fields, name: str, least: int = 0) -> int:
    value = fields.get(name)
    if type(value) is not int or not least <= value <= MAX_INT:
        raise WireError(f"{name} is not an integer from {least} to 2^63 - 1: {value!r:.40}")
    return value


def flag(fields: Fields, name: str) -> bool:
    """False where it is absent: senders of an earlier day say nothing of it."""
    value = fields.get(name, False)
    if type(value) is not bool:
        raise WireError(f"{name} is not a boolean: {value!r:.40}")
    return value


def text(fields: Fields, name: str) -> str:
    value = fields.get(name)
    if type(value) is not str or len(value) > MAX_TEXT:
        raise WireError(f"{name} is not a text of at most {MAX_TEXT} characters: {value!r:.40}")
    return value


def image_wh(fields: Fields) -> tuple[int, int]:
    size = fields.get("image_wh")
    if type(size) is list and len(size) == 2:
        width, height = size
        if type(width) is int and type(height) is int and 0 < width <= 65536 and 0 < height <= 65536:
            return width, height
    raise WireError(f"image_wh is not [width, height] in pixels: {size!r:.40}")


def persons_of(fields: Fields, decode: Callable[[Fields], Any]) -> tuple[Any, ...]:
    persons = fields.get("persons")
    if type(persons) is not list or len(persons) > MAX_PERSONS:
        raise WireError(f"persons is not a list of at most {MAX_PERSONS}")
    for person in persons:
        if type(person) is not dict:
            raise WireError("a person is not a map")
    return tuple([decode(person) for person in persons])


def rows_of(fields: Fields, name: str, width: int, count: int = JOINTS) -> list[Any]:
    """`count` rows as one flat list; that its members are numbers is for `numbers_of` to check."""
    rows = fields.get(name)
    try:
        fitting = type(rows) is list and len(rows) == count and {*map(len, rows)} == {width}
    except TypeError:  # a row without a length
        fitting = False
    if not fitting:
        raise WireError(f"{name} is not {count} rows of {width} numbers")
    return [*chain.from_iterable(cast("list[list[Any]]", rows))]


def row_of(fields: Fields, name: str, count: int = JOINTS) -> list[Any]:
    row = fields.get(name)
    if type(row) is not list or len(row) != count:
        raise WireError(f"{name} is not {count} numbers")
    return row


def check_score(score: list[float]) -> None:
    if min(score) < 0 or max(score) > 1:
        raise WireError("score holds a number that is not from 0 to 1")


def numbers_of(flat: list[Any]) -> Array:
    """One array for all of a person's numbers: a dozen microseconds cheaper than one for each field."""
    try:
        numbers = np.frombuffer(array("f", flat), np.float32)
    except (TypeError, OverflowError) as error:
        raise WireError(f"a member of an array is no number: {error}") from error
    # One length of all is cheap, and settles it in practice; so written that NaN fails too.
    if not hypot(*flat) <= MAX_COORDINATE and not np.maximum.reduce(np.abs(numbers)) <= MAX_COORDINATE:
        raise WireError(f"an array holds a number that is not finite or beyond {MAX_COORDINATE:g}")
    return numbers
