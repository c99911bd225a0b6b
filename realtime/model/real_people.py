"""Clips of real people: our poses beside MediaPipe's own 3D, from the same detections of the same frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from calibration.lens.rays import Camera
from calibration.person.body import Body
from engines.evaluation.real_people import Steadiness, steadiness
from engines.lifting.poses import Lifter
from engines.models.skeleton import MEDIAPIPE33_TO_17
from realtime.contracts import Array
from realtime.detectors.mediapipe_pose import Detector
from realtime.pipeline.clean import CleanPeople, Sighting
from realtime.pipeline.lift_batch import People
from realtime.sources.open_source import open_source

SHORTEST = 30  # frames: people seen for less are left out
COLUMNS = ("clip", "person", "frames", "poses", "bone spread %", "left/right %", "jitter mm/frame²", "reprojection %",
           "leaps")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One person of one clip, lifted by one method."""

    clip: str
    person: int
    poses: str
    result: Steadiness

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    step: int
    rays: Array
    score: Array
    lifted_m: Array
    world_m: Array


def compare(clip: Path, lifter: Lifter, people: int = 2, progress: Callable[[], None] | None = None) -> list[Row]:
    """Two rows for each person seen for a second: ours and MediaPipe's. Lens: the assumed one. Raises UserError."""
    tracks: dict[int, list[_Seen]] = {}
    clean, lifted, bodies = CleanPeople(), People(lifter), dict[int, Body]()
    with open_source(str(clip), max_speed=True) as source, Detector("full", people) as detector:
        camera = Camera.assumed(source.image_wh)
        while (frame := source.read()) is not None:
            persons = detector.detect(frame)
            seen = [Sighting(person.track_id, camera.rays(person.xy_px), person.score) for person in persons]
            at_ns, cleaned = frame.stamp.source_ns, clean.push(frame.stamp.source_ns, seen)
            poses = lifted.push(at_ns, cleaned)
            world = dict(zip((one.track_id for one in seen), detector.last_world_m, strict=True))
            as_seen = {one.track_id: one for one in seen}
            for one in cleaned:
                pose, own = poses[one.track_id], MEDIAPIPE33_TO_17 @ world[one.track_id]
                body = bodies.setdefault(one.track_id, Body())
                fitted = body.fit(at_ns * 1e-9, one.rays, one.score, pose.joints_m, pose.sigma_m, one.seen, one.doubt)
                lifted.tell(one.track_id, body.known)
                detected = as_seen[one.track_id]
                tracks.setdefault(one.track_id, []).append(
                    _Seen(frame.stamp.frame_id, detected.rays, detected.score, fitted.joints_m, own - own[:1])
                )
            if progress:
                progress()
    for track in tracks:
        lifted.drop(track)
    long = {track: items for track, items in tracks.items() if len(items) >= SHORTEST}
    return [row for track, items in long.items() for row in _rows(clip.name, track, items, lifter.name)]


def cells(row: Row) -> tuple[str, ...]:
    """The row of a table with the head COLUMNS; less is better in every one."""
    one = row.result
    return (
        row.clip, str(row.person), str(one.frames), row.poses, f"{one.bone_spread_percent:.1f}",
        f"{one.asymmetry_percent:.1f}", f"{one.jitter_mm:.1f}", f"{one.reprojection_percent:.2f}",
        str(one.leaps),
    )  # fmt: skip


def _rows(clip: str, track: int, items: list[_Seen], name: str) -> list[Row]:
    rays, score = np.stack([item.rays for item in items]), np.stack([item.score for item in items])
    step = np.array([item.step for item in items], np.int64)
    methods = {name: [item.lifted_m for item in items], "MediaPipe world": [item.world_m for item in items]}
    return [
        Row(clip, track, method, steadiness(np.stack(poses), rays, score, step)) for method, poses in methods.items()
    ]
