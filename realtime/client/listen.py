"""Prints a stream to stdout, one line a frame."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from engines.errors import UserError
from realtime.client.status import StatusListener
from realtime.client.subscribe import StreamTimeoutError, Subscriber, subscribe
from realtime.wire.endpoints import ClientKeys, is_local
from realtime.wire.messages import PersonPose, PoseMessage

_SAY_AFTER_S = 1.0

log = logging.getLogger("realtime.listen")


def client_keys(key: Path | None, server_key: str | None) -> ClientKeys | None:
    """The two options of every client command. Raises UserError where one comes without the other."""
    if key is None and server_key is None:
        return None
    if key is None or server_key is None:
        raise UserError("a publisher with keys needs both --key NAME.key_secret and --server-key server.key")
    return ClientKeys.load(key, server_key)


def listen(
    address: str, rpc_address: str | None, stream: str, *, count: int, latest_only: bool, as_json: bool,
    timeout_s: float | None, key: Path | None, server_key: str | None,
) -> None:  # fmt: skip
    """Raises UserError where nothing comes within `timeout_s`."""
    line = json_line if as_json else partial(text_line, one_clock=is_local(address))
    keys = client_keys(key, server_key)
    with (
        subscribe(address, stream, latest_only, timeout_s, keys=keys, rpc_address=rpc_address) as subscriber,
        StatusListener(address, stream, keys) as status,
    ):
        try:
            for message in _messages(subscriber, status, timeout_s):
                sys.stdout.write(line(message) + "\n")
                sys.stdout.flush()
                if subscriber.received == count:
                    return
        except StreamTimeoutError as error:
            raise UserError(f"{error}: is 'realtime run' running, and does it let you in?") from error
        except BrokenPipeError:  # the reader of a pipe has seen enough
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115 -- for the interpreter's own last flush


def _messages(subscriber: Subscriber, status: StatusListener, timeout_s: float | None) -> Iterator[PoseMessage]:
    """Says what it waits for, where nothing comes for a while. Raises StreamTimeoutError after `timeout_s`."""
    silent_s, said = 0.0, ""
    while True:
        wait_s = _SAY_AFTER_S if timeout_s is None else min(_SAY_AFTER_S, timeout_s - silent_s)
        try:
            yield subscriber.receive(wait_s)
            silent_s, said = 0.0, ""
            status.latest()  # which finds out where the status is said too, before that is needed
        except StreamTimeoutError:
            silent_s += wait_s
            if timeout_s is not None and silent_s >= timeout_s:
                raise
            trouble = status.trouble()
            if not said or (trouble and trouble != said):
                why = f" ({trouble})" if trouble else ""
                where = f"'{subscriber.stream}' at {subscriber.address}{why}"
                log.info("waiting for poses of %s: Ctrl-C ends it", where)
            said = trouble or said or "waiting"


def text_line(message: PoseMessage, one_clock: bool = False) -> str:
    """`one_clock`: the publisher is on this machine; of another one's frames the age is known once clocks compare."""
    age_ms = message.latency_here_ms
    if age_ms is None and one_clock:
        age_ms = (message.t_receive_ns - message.t_capture_ns) / 1e6
    age = "   -   " if age_ms is None else f"{age_ms:7.1f}"
    people = "  ".join(_person(person) for person in message.persons) or "nobody"
    missed = f"  missed {message.gap}" if message.gap else ""
    return f"{message.seq:7d}  {age} ms  {people}{missed}"


def _person(person: PersonPose) -> str:
    root = "unplaced" if np.isnan(person.root_m).any() else "({:+.2f} {:+.2f} {:+.2f}) m".format(*person.root_m)
    return f"#{person.id} {root} ±{1000 * float(person.sigma_m.mean()):.0f} mm{' held' if person.held else ''}"


def json_line(message: PoseMessage) -> str:
    """The message's fields by their names in PROTOCOL.md, and the receiver's own, such as `t_receive_ns` and `gap`."""
    names = (name for name in message.__slots__ if name not in ("persons", "clock"))
    fields: dict[str, Any] = {name: getattr(message, name) for name in names}
    fields["latency_here_ms"] = message.latency_here_ms
    fields["persons"] = [
        {
            "id": person.id, "joints": person.joints_m.tolist(),
            "root": None if np.isnan(person.root_m).any() else person.root_m.tolist(),
            "sigma": person.sigma_m.tolist(), "score": person.score.tolist(), "lag_frames": person.lag_frames,
            "window_fill": person.window_fill, "held": person.held, "unseen": person.unseen,
            "root_sigma": None if np.isnan(person.root_sigma_m) else person.root_sigma_m,
        }
        for person in message.persons
    ]  # fmt: skip
    return json.dumps(fields)
