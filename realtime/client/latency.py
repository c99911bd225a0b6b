"""Glass to program: how old a pose is when a program gets it, on the program's own clock."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from engines.errors import UserError
from realtime.client.listen import client_keys
from realtime.client.subscribe import StreamTimeoutError, Subscriber
from realtime.clock import NS_PER_S, deadline_ns, monotonic_ns
from realtime.wire.messages import ClockOffset, PoseMessage


def message_latency_ms(message: PoseMessage, clock: ClockOffset) -> tuple[float, float]:
    """(camera to publisher, publisher to this program) in ms, the second on one clock through `clock`."""
    to_publisher_ms = (message.t_publish_ns - message.t_capture_ns) / 1e6
    return to_publisher_ms, (message.t_receive_ns - clock.to_local_ns(message.t_publish_ns)) / 1e6


def latency(
    address: str, rpc_address: str, stream: str, *, frames: int, timeout_s: float, key: Path | None,
    server_key: str | None,
) -> None:  # fmt: skip
    """Prints a line a second and, after `frames` frames or Ctrl-C, one JSON object. Raises UserError on silence."""
    figures: list[tuple[float, float]] = []
    clock: ClockOffset | None = None
    keys = client_keys(key, server_key)
    with Subscriber(address, stream, timeout_s=timeout_s, keys=keys, rpc_address=rpc_address) as subscriber:
        compared_by_ns, shown_ns = deadline_ns(timeout_s), monotonic_ns()
        try:
            for message in subscriber:
                clock, now_ns = message.clock, monotonic_ns()
                if clock is None:
                    if compared_by_ns is not None and now_ns > compared_by_ns:
                        raise UserError(f"no clock from {rpc_address} within {timeout_s:g} s: is --rpc right?")
                    continue
                figures.append(message_latency_ms(message, clock))
                if now_ns - shown_ns > NS_PER_S:
                    _show(summary(figures[-150:], clock), subscriber)
                    shown_ns = now_ns
                if len(figures) == frames:
                    break
        except StreamTimeoutError as error:
            raise UserError(f"{error}: is 'realtime run' running?") from error
        except KeyboardInterrupt:
            pass  # the way to end it: the figures follow
        result = {"frames": len(figures), "missed": subscriber.gaps, **summary(figures, clock)}
    sys.stdout.write(json.dumps(result) + "\n")


def summary(figures: list[tuple[float, float]], clock: ClockOffset | None) -> dict[str, float]:
    """Percentiles in ms of (camera to publisher, publisher to program) pairs; empty: the clock alone, if known."""
    result: dict[str, float] = {}
    if clock is not None:
        result["clock_offset_ms"] = round(clock.offset_ns / 1e6, 3)
        result["round_trip_ms"] = round(clock.round_trip_ns / 1e6, 3)
    if figures:
        pairs = np.array(figures)
        for name, values in (("publish", pairs[:, 0]), ("transport", pairs[:, 1]), ("total", pairs.sum(1))):
            for percent in (50, 95, 99):
                result[f"{name}_p{percent}_ms"] = round(float(np.percentile(values, percent)), 3)
    return result


def _show(figures: dict[str, float], subscriber: Subscriber) -> None:
    sys.stderr.write(
        f"{subscriber.rate_hz:5.1f} Hz  capture to program p50 {figures['total_p50_ms']:6.1f} ms, "
        f"p99 {figures['total_p99_ms']:6.1f} ms (to the publisher {figures['publish_p50_ms']:.1f}, "
        f"transport {figures['transport_p50_ms']:.2f} +- {figures['round_trip_ms'] / 2:.2f})  "
        f"clock {figures['clock_offset_ms']:+.2f} ms  missed {subscriber.gaps}\n"
    )
