"""A session of several cameras, from the first start to an end in good order.

Every process sets itself up; when all are ready (or given up), the cameras go together. The session ends when all of
them have, when the lifter has, or by an order, which the cameras hear first.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from typing import Any

from realtime.clock import NS_PER_S, monotonic_ns
from realtime.process.stats import SiteStats
from realtime.session.child import Restarts
from realtime.session.keeper import Keeper
from realtime.session.processes import Process
from realtime.site.config import SiteConfig
from realtime.site.processes import LIFTER, name_of

_LAST_FRAMES_NS = NS_PER_S  # from the last camera's end until the last of its frames is published
_FINISH_NS = 4 * NS_PER_S  # for cameras that are to end

log = logging.getLogger("realtime.supervisor")


class SiteSupervisor(Keeper):
    """A context manager: leaving it leaves nothing running."""

    def __init__(
        self, config: SiteConfig, processes: list[Process], told: Mapping[str, Any], restarts: Restarts | None = None
    ) -> None:
        """`told`: what each process is told, by its name."""
        super().__init__(processes, restarts)
        self._config, self._tell = config, told
        self._cameras = [name_of(one) for one in config.camera]
        self._ended_ns = self._finishing_ns = 0

    def __enter__(self) -> SiteSupervisor:
        return self

    @property
    def published(self) -> Counter[str]:
        """Frames of each stream."""
        lives = [stats for stats in self.children[LIFTER].stats if isinstance(stats, SiteStats)]
        return sum((Counter(stats.published) for stats in lives), Counter[str]())

    @property
    def published_lately(self) -> dict[str, int]:
        """Of those the ones since the lifter was started last."""
        latest = self.children[LIFTER].latest
        return latest.published if isinstance(latest, SiteStats) else {}

    def _told(self, name: str) -> tuple[object, str]:
        return self._tell[name], ""

    def _tell_closed(self, name: str) -> None:
        if name in self._cameras:
            log.info("the %s has ended", name)
        else:
            super()._tell_closed(name)

    def _let_go(self) -> None:
        """Together, so that recordings that began together are seen together."""
        if self.went_ns is None and all(child.ready or child.done for child in self.children.values()):
            self.board.go()
            self.went_ns = monotonic_ns()

    def _finish_in_order(self) -> None:
        now_ns = monotonic_ns()
        self._finish_when_due(now_ns, self._config.duration_s)
        cameras = [self.children[name] for name in self._cameras]
        if self.board.finishing:
            self._finishing_ns = self._finishing_ns or now_ns
            for child in cameras:
                if child.popen is None:
                    child.done, child.restart_ns = True, None
            if self.went_ns is None or now_ns - self._finishing_ns > _FINISH_NS:
                self.board.stop()
        if all(child.done for child in cameras):
            self._ended_ns = self._ended_ns or now_ns
            if now_ns - self._ended_ns > _LAST_FRAMES_NS:
                self.board.stop()

    def _over(self) -> bool:
        return self.board.stopping or self.children[LIFTER].done
