"""OSC over UDP: bundles of messages to one address; who does not listen there is no error."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass

from engines.errors import UserError
from engines.extras import pip_install
from realtime.closing import Closing

log = logging.getLogger("realtime.bridge")


@dataclass(frozen=True, slots=True)
class Osc:
    """A message: whole numbers go as int32, others as float32."""

    address: str
    values: tuple[str | int | float, ...]


class OscOut(Closing):
    """Sends to HOST:PORT. Raises UserError for a target that is none, or a missing package."""

    def __init__(self, target: str) -> None:
        match = re.fullmatch(r"(?:\[(.+)\]|([^:\[\]]+)):(\d{1,5})", target)
        port = int(match[3]) if match else 0
        if match is None or not 0 < port < 65536:
            raise UserError(f"--to {target}: give HOST:PORT, such as 127.0.0.1:39539")
        try:
            from pythonosc.udp_client import UDPClient
        except ImportError as error:
            raise UserError(f"OSC needs the package python-osc: run {pip_install('bridge')}") from error
        try:
            self._client = UDPClient(match[1] or match[2], port)
        except OSError as error:
            raise UserError(f"--to {target}: this host is not known ({error.strerror}): check its name") from error
        self._target, self._lost = target, False

    def close(self) -> None:
        self._client.close()

    def send(self, messages: Sequence[Osc]) -> None:
        """One bundle, to be done at once."""
        from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
        from pythonosc.osc_message_builder import build_msg

        bundle = OscBundleBuilder(IMMEDIATELY)
        for message in messages:
            bundle.add_content(build_msg(message.address, list(message.values)))
        try:
            self._client.send(bundle.build())
        except OSError as error:  # a network that is down comes back
            if not self._lost:
                log.warning("nothing can be sent to %s (%s): trying on", self._target, error.strerror)
            self._lost = True
        else:
            self._lost = False
