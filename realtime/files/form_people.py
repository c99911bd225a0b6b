"""A model's sequence and window forms in the live walk: first it is seen what would be lifted, then it is played.

These forms want all frames of a stretch at once, the walk goes frame by frame. So it is walked twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from engines.models.known import Known
from realtime.contracts import Array
from realtime.files.lift_forms import Form, Pushed, lift_form
from realtime.pipeline.clean import Sighting
from realtime.pipeline.lift_batch import LiftedPerson, LiftsPeople
from realtime.pipeline.resample import GAP_NS

_Stretch = list[tuple[int, Array, Array]]  # times, rays and scores of frames that are lifted as one
Lifted = dict[int, list[LiftedPerson]]


class _Apart(LiftsPeople):
    """These forms are not told of the body: they lift all of it before the body is known."""

    def __init__(self, lag_frames: int) -> None:
        self.lag_frames = lag_frames

    def push(self, source_ns: int, sightings: Sequence[Sighting]) -> dict[int, LiftedPerson]:
        return {track_id: poses[-1] for track_id, poses in self.push_every(source_ns, sightings).items() if poses}

    def remember(self, source_ns: int, sightings: Sequence[Sighting]) -> dict[int, LiftedPerson]:
        return self.push(source_ns, sightings)

    def tell(self, track_id: int, known: Known) -> None: ...

    def finish(self) -> None: ...

    def clear(self) -> None: ...


class Seen(_Apart):
    """Lifts nobody; keeps what it is given."""

    def __init__(self, lag_frames: int) -> None:
        super().__init__(lag_frames)
        self._stretches: dict[int, list[_Stretch]] = {}

    def push_every(self, source_ns: int, sightings: Sequence[Sighting]) -> Lifted:
        for sighting in sightings:
            stretches = self._stretches.setdefault(sighting.track_id, [[]])
            if stretches[-1] and source_ns - stretches[-1][-1][0] > GAP_NS:
                stretches.append([])
            stretches[-1].append((source_ns, sighting.rays, sighting.score))
        return {sighting.track_id: [] for sighting in sightings}

    def drop(self, track_id: int) -> None:
        self._stretches.setdefault(track_id, []).append([])

    def lifted(self, form: Form) -> Played:
        """Everybody's poses by this form."""
        pushes: dict[int, list[Pushed]] = {}
        for track_id, stretches in self._stretches.items():
            for stretch in filter(None, stretches):
                times, rays, score = zip(*stretch, strict=True)
                own = lift_form(form, self.lag_frames, np.array(times, np.int64), np.stack(rays), np.stack(score))
                pushes.setdefault(track_id, []).extend(own)
        return Played(self.lag_frames, pushes)


class Played(_Apart):
    """Gives each pose with the frame whose push brings it live."""

    def __init__(self, lag_frames: int, pushes: Mapping[int, Sequence[Pushed]]) -> None:
        super().__init__(lag_frames)
        self._waiting = {track_id: list(reversed(own)) for track_id, own in pushes.items()}
        self._last: dict[int, tuple[int, list[LiftedPerson]]] = {}

    def push_every(self, source_ns: int, sightings: Sequence[Sighting]) -> Lifted:
        return {sighting.track_id: self._push(sighting.track_id, source_ns) for sighting in sightings}

    def _push(self, track_id: int, source_ns: int) -> list[LiftedPerson]:
        pushed_ns, own = self._last.get(track_id, (None, []))
        if pushed_ns == source_ns:  # frames of one time
            return own
        waiting, own = self._waiting.get(track_id, []), []
        while waiting and waiting[-1].source_ns <= source_ns:
            own.append(waiting.pop().pose)
        self._last[track_id] = source_ns, own
        return own

    def drop(self, track_id: int) -> None: ...
