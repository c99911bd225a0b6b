"""Glass to program: how old a pose is when a program gets it, on the program's own clock."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engines.errors import UserError
from realtime.clock import NS_PER_S, monotonic_ns, unix_ns
from realtime.decode import integer
from realtime.listen import client_keys
from realtime.messages import PoseMessage
from realtime.rpc import RpcClient
from realtime.subscribe import StreamTimeoutError, Subscriber

SAMPLES = 12
RESYNC_S = 10.0


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """The publisher's clock minus ours; off by half the round trip at most."""

    offset_ns: int
    round_trip_ns: int

    def to_local_ns(self, publisher_ns: int) -> int:
        """A stamp of the publisher (`t_capture_ns`, `t_publish_ns`) on this machine's Unix clock."""
        return publisher_ns - self.offset_ns


def measure_offset(client: RpcClient, samples: int = SAMPLES, now_ns: Callable[[], int] = unix_ns) -> ClockOffset:
    """NTP's four stamps, of the quickest of several exchanges. Raises UserError where nobody answers."""
    best: ClockOffset | None = None
    for _ in range(samples):
        sent_ns = now_ns()
        reply = client.ask("clock", t_client_ns=sent_ns)
        back_ns = now_ns()
        received_ns, answered_ns = integer(reply, "t_receive_ns"), integer(reply, "t_send_ns")
        round_trip_ns = max(0, (back_ns - sent_ns) - (answered_ns - received_ns))
        offset_ns = ((received_ns - sent_ns) + (answered_ns - back_ns)) // 2
        if best is None or round_trip_ns < best.round_trip_ns:
            best = ClockOffset(offset_ns, round_trip_ns)
    if best is None:
        raise ValueError("samples must be at least 1")
    return best


def message_latency_ms(message: PoseMessage, clock: ClockOffset) -> tuple[float, float]:
    """(camera to publisher, publisher to this program) in ms, the second on one clock through `clock`."""
    to_publisher_ms = (message.t_publish_ns - message.t_capture_ns) / 1e6
    return to_publisher_ms, (message.t_receive_ns - clock.to_local_ns(message.t_publish_ns)) / 1e6


def latency(
    address: str, rpc_address: str, stream: str, *, frames: int, timeout_s: float, key: Path | None,
    server_key: str | None,
) -> None:  # fmt: skip
    """Prints a line a second and, after `frames` frames or Ctrl-C, one JSON object. Raises UserError on silence."""
    keys = client_keys(key, server_key)
    figures: list[tuple[float, float]] = []
    with RpcClient(rpc_address, keys) as client, Subscriber(
        address, stream, timeout_s=timeout_s, keys=keys
    ) as subscriber:
        clock, synced_ns, shown_ns = measure_offset(client), monotonic_ns(), monotonic_ns()
        try:
            for message in subscriber:
                figures.append(message_latency_ms(message, clock))
                now_ns = monotonic_ns()
                if now_ns - synced_ns > RESYNC_S * NS_PER_S:
                    clock, synced_ns = measure_offset(client), now_ns
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


def summary(figures: list[tuple[float, float]], clock: ClockOffset) -> dict[str, float]:
    """Percentiles in ms of (camera to publisher, publisher to program) pairs; empty: the clock alone."""
    result = {"clock_offset_ms": round(clock.offset_ns / 1e6, 3), "round_trip_ms": round(clock.round_trip_ns / 1e6, 3)}
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
