"""What a lifted recording is: arrays with a row for each frame."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realtime.contracts import Array

OF_EXTREMITIES = ("feet_m", "feet_sigma_m", "hands_m", "hands_sigma_m")
PERSONAL = ("joints_m", "root_m", "sigma_m", "root_sigma_m", "window_fill", "held", "unseen", *OF_EXTREMITIES)


@dataclass(frozen=True, slots=True, eq=False)
class Poses:
    """A lifted recording; row t is frame t. Of several people every array but the frames' own has an axis (T, P, ...).

    Rows in which somebody is not seen repeat their last pose (`held`); NaN before the first.
    """

    joints_m: Array  # (T, 17, 3), relative to the hip, in the axes of `space`
    root_m: Array  # (T, 3), the hip; NaN where it cannot be placed
    sigma_m: Array  # (T, 17), 1-sigma error of each joint
    root_sigma_m: Array  # (T,), 1-sigma error of the root along the view
    window_fill: Array  # (T,), 0 to 1: how much of the model's memory has been seen
    held: NDArray[np.bool_]  # (T,): nobody seen in this frame
    unseen: NDArray[np.bool_]  # (T, 17): joints not seen in this frame, or not where they can be
    ids: NDArray[np.int64]  # (P,)
    t_s: NDArray[np.float64]  # (T,)
    scale: NDArray[np.str_]  # (T,), what the metres of each frame rest on: assumed | height | measured
    space: str  # camera (x right, y down, z forward) | world (right-handed, z up)
    calibration: str  # identity of the calibration in force, "" without one
    lag_frames: int  # model frames of future that each row has seen; live, its delay
    model: str
    engine: str
    mode: str = "stream"
    feet_m: Array | None = None  # (T, 4, 3), right heel and toe, left heel and toe, as `joints_m`; None: not asked for
    feet_sigma_m: Array | None = None  # (T, 4); NaN, as `feet_m`, where they are not known
    hands_m: Array | None = None  # (T, 6, 3), right little finger, index and thumb, then left; NaN where not seen
    hands_sigma_m: Array | None = None  # (T, 6), NaN likewise
    offline: bool = False  # smoothed with all of the recording known, as no live pose can be

    @property
    def positions_m(self) -> Array:
        """(T, 17, 3): the joints placed in space; NaN where the root is unknown."""
        return self.joints_m + self.root_m[..., None, :]

    def each(self) -> list[Poses]:
        """One for each person, without the axis of people."""
        if self.held.ndim == 1:
            return [self]
        return [replace(self, ids=self.ids[column, None], **self._personal((slice(None), column)))
                for column in range(len(self.ids))]  # fmt: skip

    def merged(self) -> Poses:
        """Of several people one: whoever is seen, or was last. Without the axis of people."""
        frames = np.arange(len(self.t_s))
        last = np.maximum.accumulate(np.where(self.held, -1, frames[:, None]))
        column = last.argmax(1)
        return replace(self, **self._personal((frames, column)))

    def _personal(self, at: Any) -> dict[str, Any]:
        return {name: None if (value := getattr(self, name)) is None else value[at] for name in PERSONAL}
