"""What there is to say of a stream right now, and how it went: from its messages alone, on the reader's clock."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from realtime.client.status import in_words
from realtime.clock import NS_PER_MS, NS_PER_S
from realtime.process.metrics import Percentiles
from realtime.wire.framing import Fields
from realtime.wire.messages import PersonPose, PoseMessage

SILENT_NS = NS_PER_S  # nothing for this long: the stream is not alive
HISTORY_S = 240
_RECENT = 300  # messages behind the percentiles: ten seconds at 30 a second
_SAY_RECONNECTED_NS = 3 * NS_PER_S


@dataclass(frozen=True, slots=True)
class PersonFacts:
    id: int
    held: bool
    distance_m: float  # from the camera, in the world from the point of the floor below it; NaN where not placed
    root_sigma_m: float  # NaN where it is not known
    sigma_m: float  # mean over the joints
    unseen: int  # joints
    window_fill: float


class Facts:
    """`pose` with each message, `tick` now and then. Times are monotonic ns."""

    def __init__(self, now_ns: int) -> None:
        self.message: PoseMessage | None = None  # the newest
        self.status: Fields = {}
        self.missed = 0  # messages that were lost on the way here
        self.fps = 0.0
        self.fps_history: deque[float] = deque(maxlen=HISTORY_S)  # one a second
        self.latency_history_ms: deque[float] = deque(maxlen=HISTORY_S)  # a second's median, NaN: no message in it
        self._latency = Percentiles(_RECENT)
        self._second_ms: list[float] = []
        self._tick_ns = self._began_ns = now_ns
        self._heard_ns = self._session_ns = self._now_ns = now_ns
        self._sessions = 0

    def pose(self, message: PoseMessage, now_ns: int) -> None:
        if message.new_session:
            self._sessions, self._session_ns = self._sessions + 1, now_ns
        latency_ms = (message.t_publish_ns - message.t_capture_ns) / NS_PER_MS
        self._latency.add(latency_ms)
        self._second_ms.append(latency_ms)
        self.message, self.missed, self._heard_ns = message, self.missed + message.gap, now_ns

    def tick(self, fps: float, status: Fields | None, now_ns: int) -> None:
        """`fps` is the publisher's rate as last known; `status` its newest status, None once that is too old."""
        self._now_ns, self.status = now_ns, status or {}
        self.fps = fps if self._heard and not self._silent_ns else 0.0
        while now_ns - self._tick_ns >= NS_PER_S:
            self._tick_ns += NS_PER_S
            self.fps_history.append(self.fps)
            self.latency_history_ms.append(float(np.median(self._second_ms)) if self._second_ms else float("nan"))
            self._second_ms.clear()

    @property
    def latency_ms(self) -> tuple[float, float]:
        """p50 and p99 of the last messages, from grab to message; NaN before the first."""
        p50, p99 = self._latency.at((50, 99))
        return p50, p99

    @property
    def state(self) -> str:
        """In words."""
        message, said = self.message, str(self.status.get("state", ""))
        if said == "stopped":
            return "stopped"
        if message is None:
            return said or "waiting for the stream"
        if self._silent_ns:
            trouble = in_words(self.status) if self.status else ""
            return f"silent for {self._silent_ns // NS_PER_S} s" + (f" ({trouble})" if trouble else "")
        if self._sessions > 1 and self._now_ns - self._session_ns < _SAY_RECONNECTED_NS:
            return "reconnected"
        if not message.persons:
            return "nobody in view"
        return "held: not seen now" if all(person.held for person in message.persons) else said or "running"

    @property
    def well(self) -> bool:
        """Whether poses come."""
        return self._heard and not self._silent_ns and self.status.get("state") != "stopped"

    @property
    def watched_s(self) -> int:
        return (self._now_ns - self._began_ns) // NS_PER_S

    @property
    def people(self) -> list[PersonFacts]:
        """By their ids."""
        message = self.message
        found = [_person(person, message.space) for person in message.persons] if message else []
        return sorted(found, key=lambda person: person.id)

    @property
    def _heard(self) -> bool:
        return self.message is not None

    @property
    def _silent_ns(self) -> int:
        """0 while it is alive."""
        silent_ns = self._now_ns - self._heard_ns
        return silent_ns if silent_ns > SILENT_NS else 0


def _person(person: PersonPose, space: str) -> PersonFacts:
    root_m = person.root_m[:2] if space == "world" else person.root_m
    return PersonFacts(
        person.id, person.held, float(np.linalg.norm(root_m)), person.root_sigma_m, float(person.sigma_m.mean()),
        len(person.unseen), person.window_fill,
    )  # fmt: skip
