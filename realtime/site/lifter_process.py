"""The process that lifts all cameras' people in batches, and fuses them."""

from __future__ import annotations

from realtime.clock import monotonic_ns
from realtime.process.link import Link
from realtime.process.stats import Load, SiteStats
from realtime.serve.server import Server
from realtime.site.orders import TELL_NS, Orders
from realtime.site.states import of_stream
from realtime.site.told import LifterTold
from realtime.wire.framing import Fields


class _Orders(Orders):
    """Tells the counts of the streams, too."""

    def __init__(self, link: Link, server: Server) -> None:
        super().__init__(link, "stopping")
        self._server, self._counted_ns = server, 0

    def is_set(self) -> bool:
        if monotonic_ns() - self._counted_ns > TELL_NS:
            self._counted_ns = monotonic_ns()
            self.tell()
        return super().is_set()

    def tell(self) -> None:
        server = self._server
        self._link.tell(SiteStats(dict(server.published), server.engine, server.model, Load.now()))


def main(link: Link, told: LifterTold) -> None:
    """Takes all cameras' keypoints. Publishes pose3d of each, and of all. Beats every round. Ends when told to stop."""

    def about(stream: str) -> Fields:
        own = of_stream(told.config, stream, link.conditions())
        return {"processes": {name: one.as_fields() for name, one in own.items()}}

    with Server(told.options, about) as server:
        link.ready(f"{server.model} on {server.engine}, publishing at {server.address}")
        orders = _Orders(link, server)
        server.run(orders)
        orders.tell()
