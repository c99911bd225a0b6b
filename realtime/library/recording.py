"""Recorded keypoints of one or several people as our 17 joints, and what about them is doubtful."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engines.errors import UserError
from engines.models.normalise import MIN_SCORE
from engines.models.source_skeletons import SourceSkeleton
from realtime.clock import NS_PER_S
from realtime.contracts import Array, Keypoints2D, Person2D, Stamp
from realtime.library.doubts import check_pace, check_pixels, check_upright, settle_skeleton, without_zeros
from realtime.library.given import as_17, frame_times, picture_size, points, sure


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """People are columns: P of them, whoever is seen in a frame has a joint there."""

    xy_px: Array  # (T, P, 17, 2), NaN where missing
    score: Array  # (T, P, 17), 0 where missing
    t_s: NDArray[np.float64]  # (T,), never falling
    image_wh: tuple[int, int]
    ids: NDArray[np.int64]  # (P,)
    alone: bool = False  # one person, whose poses have no axis of people
    feet: Array | None = None  # (T, P, 4, 3): x and y in pixels, and score, of FEET; None: not looked for
    hands: Array | None = None  # (T, P, 6, 3): likewise, of HANDS

    @property
    def times_ns(self) -> NDArray[np.int64]:
        return np.round(self.t_s * NS_PER_S).astype(np.int64)

    @property
    def seen(self) -> NDArray[np.bool_]:
        """(T, P): who is in which frame."""
        return np.asarray(somebody(self.xy_px, self.score))

    def frames(self) -> Iterator[Keypoints2D]:
        """One at a time, as a detector gives them."""
        for frame, (at_ns, seen) in enumerate(zip(self.times_ns.tolist(), self.seen, strict=True)):
            persons = tuple(Person2D(int(self.ids[row]), self.xy_px[frame, row], self.score[frame, row],
                                     None if self.feet is None else self.feet[frame, row],
                                     None if self.hands is None else self.hands[frame, row])
                            for row in np.flatnonzero(seen))  # fmt: skip
            yield Keypoints2D(Stamp(frame, at_ns, at_ns), self.image_wh, persons, at_ns, 0)


def wanted(recording: Recording, feet: bool, hands: bool, source: str, option: str = "") -> Recording:
    """With feet and hands only where they are. Raises UserError where the source has none that are, and names the
    `option`."""
    for name, asked, what in (("feet", feet, "heels and toes"), ("hands", hands, "knuckles")):
        if asked and getattr(recording, name) is None:
            raise UserError(f"{source} no {what}: leave out {option}{name}")
    return replace(recording, feet=recording.feet if feet else None, hands=recording.hands if hands else None)


def somebody(xy_px: Array, score: Array) -> NDArray[np.bool_]:
    """Keypoints (..., 17, 2) and scores (..., 17) -> (...): whether any joint is seen."""
    return np.asarray((np.isfinite(xy_px).all(-1) & (score >= MIN_SCORE)).any(-1))


@dataclass(frozen=True, slots=True)
class Names:
    """What an error calls the fields by."""

    keypoints: str = "keypoints"
    scores: str = "scores"
    times: str = "t"
    place: str = ""  # put before every sentence


def recorded(
    keypoints: ArrayLike, scores: ArrayLike | None, t: ArrayLike | None, fps: ArrayLike | None, image_wh: object,
    skeleton: SourceSkeleton | None = None, ids: Sequence[int] | None = None, names: Names = Names(),
) -> tuple[Recording, list[str]]:  # fmt: skip
    """Keypoints (T, N, 2) of one person or (T, P, N, 2), scores (T, N) or (T, P, N): see `realtime.lift`.

    The recording, and sentences on what looks wrong but can be lifted. Raises UserError for what cannot.
    """
    try:
        return _recorded(keypoints, scores, t, fps, image_wh, skeleton, ids, names)
    except UserError as error:
        raise UserError(names.place + str(error)) from error


def _recorded(
    keypoints: ArrayLike, scores: ArrayLike | None, t: ArrayLike | None, fps: ArrayLike | None, image_wh: object,
    skeleton: SourceSkeleton | None, ids: Sequence[int] | None, names: Names,
) -> tuple[Recording, list[str]]:  # fmt: skip
    xy = points(keypoints, names.keypoints)
    if xy.ndim not in (3, 4):
        raise UserError(f"{names.keypoints} has shape {xy.shape}, expected (T, joints, 2), or (T, people, joints, 2)")
    if not len(xy):
        raise UserError(f"{names.keypoints} is empty: record at least one frame")
    score = sure(scores, xy.shape[:-1], names.scores)
    size = picture_size(image_wh)
    times = frame_times(t, fps, len(xy), names.times)
    xy, doubts = without_zeros(xy, score, names.keypoints)
    doubts += check_pixels(xy, score, size, names.keypoints)
    found, said = settle_skeleton(skeleton, xy, score, names.keypoints)
    doubts += said + (check_pace(times, names.times) if t is not None else [])
    ours, ours_score = as_17(found, xy, score)
    doubts += check_upright(ours, ours_score, names.keypoints)
    feet = found.to_feet(xy, score) if found.feet else None
    hands = found.to_hands(xy, score) if found.hands else None
    alone = ours.ndim == 3
    if alone:
        ours, ours_score = ours[:, None], ours_score[:, None]
        feet, hands = (None if one is None else one[:, None] for one in (feet, hands))
    numbers = np.arange(ours.shape[1]) if ids is None else np.array([int(one) for one in ids], np.int64)
    if len(numbers) != ours.shape[1] or len(set(numbers.tolist())) != len(numbers):
        raise UserError(f"ids must be {ours.shape[1]} different numbers, one for each person, got {numbers.tolist()}")
    recording = Recording(ours, ours_score, times, size, numbers.astype(np.int64), alone, feet, hands)
    if not recording.seen.any():
        raise UserError(f"no frame has a joint that is seen: every joint of {names.keypoints} is NaN, or its score is "
                        f"below {MIN_SCORE}")  # fmt: skip
    return recording, [names.place + doubt for doubt in doubts]
