"""The publisher's clock against this machine's, by four stamps as in NTP: once, or now and then beside a subscriber."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from engines.errors import UserError
from realtime.client.ask import RpcClient
from realtime.clock import unix_ns
from realtime.wire.endpoints import ClientKeys
from realtime.wire.fields import integer
from realtime.wire.framing import WireError
from realtime.wire.messages import ClockOffset

SAMPLES = 12
AGAIN_S, RETRY_S = 10.0, 1.0
ANSWER_S = 1.0

log = logging.getLogger("realtime.clock")


def measure_offset(client: RpcClient, samples: int = SAMPLES, now_ns: Callable[[], int] = unix_ns) -> ClockOffset:
    """The quickest of several exchanges. Raises UserError where nobody answers, WireError for a refusal."""
    if samples < 1:
        raise ValueError("samples must be at least 1")
    return min((_exchange(client, now_ns) for _ in range(samples)), key=lambda clock: clock.round_trip_ns)


def _exchange(client: RpcClient, now_ns: Callable[[], int]) -> ClockOffset:
    sent_ns = now_ns()
    reply = client.ask("clock", ANSWER_S, t_client_ns=sent_ns)
    back_ns = now_ns()
    received_ns, answered_ns = integer(reply, "t_receive_ns"), integer(reply, "t_send_ns")
    round_trip_ns = max(0, (back_ns - sent_ns) - (answered_ns - received_ns))
    return ClockOffset(((received_ns - sent_ns) + (answered_ns - back_ns)) // 2, round_trip_ns)


class ClockWatch:
    """Compares the clocks every ten seconds in a thread of its own. Where nobody answers, the last offset holds."""

    def __init__(self, rpc_address: str, keys: ClientKeys | None = None) -> None:
        """Raises UserError for an address that cannot be used."""
        self.offset: ClockOffset | None = None
        self._client = RpcClient(rpc_address, keys)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="realtime-clock", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        told = False
        with self._client:
            while not self._stop.is_set():
                wait_s = AGAIN_S
                try:
                    self.offset, told = measure_offset(self._client), False
                except (UserError, WireError) as error:
                    wait_s = RETRY_S
                    if not told:
                        log.warning("the clocks were not compared%s: %s", " again" if self.offset else "", error)
                    told = True
                self._stop.wait(wait_s)
