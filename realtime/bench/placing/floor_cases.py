"""What `realtime bench floor` measures: people of motion capture before known cameras, through the whole line."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.floor.ground import Ground, from_angles
from calibration.floor.synthetic_walk import keypoint_noise, walk_squares
from calibration.lens.camera_file import save_camera
from calibration.lens.rays import Camera
from calibration.person.body_scale import ANKLE_HEIGHT, ANKLES, bone_lengths, stature
from calibration.person.bones import ASSUMED_STATURE_M
from engines.lifting.poses import Lifter
from realtime.config import PlaceConfig
from realtime.contracts import Array, Keypoints2D, Person2D, Stamp
from realtime.pipeline.pose_frame import Lift

Array64 = NDArray[np.float64]
Row = dict[str, Any]

HZ = 30
LENS = Camera((1440, 1440), np.array([[720.0, 0, 720], [0, 720, 720], [0, 0, 1]]), np.zeros(0), identity="bench")
PITCH_DEG, ROLL_DEG, HEIGHT_M = (-30.0, 30.0), (-10.0, 10.0), (0.5, 3.0)
BOX_M = 0.5
SECONDS = {"walk": (5.0, 0.0), "stand": (0.0, 15.0), "walk, then stand": (5.0, 15.0)}  # walking, standing
MOVES = ("pan", "tilt", "shift")
_MOVED_S, _MOVE_S, _AFTER_S = 7.0, 0.5, 3.5
_TURN_DEG, _SHIFT_M = 10.0, (0.5, 0.0, 0.3)
_IN_VIEW = 0.98  # of the half picture: everyone is in it, feet and all
_STILL_M_S = 0.15


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """`world_m` (T, people, 17, 3), z up, true floor at 0; seen from `ground`."""

    world_m: Array64
    ground: Ground
    row: Row

    def camera_m(self) -> Array64:
        return np.asarray((self.world_m - (0, 0, self.ground.height_m)) @ self.ground.rotation)


def scenes(walks: Sequence[Array], stands: Sequence[Array], kind: str, count: int, seed: int = 0) -> Iterator[Scene]:
    """One to three people, in half of the cases with more the last on a box, all of them in the picture."""
    rng = np.random.default_rng(seed)
    made = 0
    while made < count:
        pitch, roll, height = (float(rng.uniform(*span)) for span in (PITCH_DEG, ROLL_DEG, HEIGHT_M))
        people, ground = int(rng.integers(1, 4)), from_angles(height, pitch, roll)
        box = people > 1 and rng.random() < 0.5
        each = [_person(walks, stands, kind, rng) + _place(rng, number, people) for number in range(people)]
        world = np.stack(each, 1)
        world[:, -1, :, 2] += BOX_M * box
        scene = Scene(world, ground, {"kind": kind, "pitch_deg": pitch, "roll_deg": roll, "camera_m": height,
                                      "people": people, "box": bool(box)})  # fmt: skip
        camera = scene.camera_m()
        if camera[..., 2].min() > 0.4 and np.abs(camera[..., :2] / camera[..., 2:]).max() < _IN_VIEW:
            made += 1
            yield scene


def measure(scene: Scene, lifter: Lifter, seed: int = 0) -> Row:
    """The floor as it is known at the scene's end, and the feet as they are published from where it is known on."""
    camera, feet, known_s = scene.camera_m(), [], float("nan")
    with tempfile.TemporaryDirectory() as folder:
        lift = _lift(lifter, Path(folder), camera.shape[1])
        for t, frame in enumerate(_keypoints(camera, np.random.default_rng(seed))):
            poses = lift(frame)
            if poses.space == "world":
                known_s = min(known_s, t / HZ) if np.isfinite(known_s) else t / HZ
                feet += [(t, person.track_id, person.root_m + person.joints_m) for person in poses.persons]
    plane = lift.floor.plane if lift.floor else None
    if plane is None:
        return {**scene.row, "up_error_deg": 90.0, "height_error_percent": 100.0, "floor_error_percent": 100.0}
    up, height = scene.ground.up, scene.ground.height_m
    at = camera[:, :, list(ANKLES)].mean((0, 1, 2))
    below = at - (at @ up + height) * up  # on the true floor, amid the people
    return {
        **scene.row,
        "up_error_deg": float(np.degrees(np.arccos(np.clip(plane.up @ up, -1, 1)))),
        "stated_sigma_deg": float(np.degrees(plane.tilt_sigma)),
        "height_error_percent": float(100 * abs(plane.height_m / height - 1)),
        "floor_error_percent": float(100 * abs(below @ plane.up + plane.height_m) / height),
        "known_after_s": known_s,
        **_of_feet(scene, feet),
    }


def moved(scene: Scene, move: str, lifter: Lifter, seed: int = 0) -> Row:
    """How long after a camera's move it is noticed, NaN where it is not; and whether it was seen to move before."""
    camera = _moved(scene, move)
    noticed_s, early = float("nan"), 0
    with tempfile.TemporaryDirectory() as folder:
        lift = _lift(lifter, Path(folder), camera.shape[1])
        for t, frame in enumerate(_keypoints(camera, np.random.default_rng(seed))):
            lift(frame)
            moves = lift.floor.moves if lift.floor else 0
            if t / HZ < _MOVED_S:
                early = moves
            elif moves > early and not np.isfinite(noticed_s):
                noticed_s = t / HZ - _MOVED_S
    return {**scene.row, "move": move, "noticed_after_s": noticed_s, "false_alarms": early}


def long_scenes(walks: Sequence[Array], stands: Sequence[Array], count: int, seed: int = 0) -> Iterator[Scene]:
    """Walks long enough for a camera to be moved in them."""
    return scenes(walks, stands, "moved", count, seed)


def _lift(lifter: Lifter, folder: Path, people: int) -> Lift:
    save_camera(folder / "camera.yaml", LENS, "bench")
    return Lift(lifter, PlaceConfig(camera=folder / "camera.yaml"), "bench", people)


def _keypoints(camera_m: Array64, rng: np.random.Generator) -> Iterator[Keypoints2D]:
    """As a detector gives them: errors of 3 % of the body's extent that last, and 2 % that stay."""
    rays = camera_m[..., :2] / camera_m[..., 2:]
    noisy = np.stack([keypoint_noise(rays[:, person], rng) for person in range(rays.shape[1])], 1)
    pixels = (noisy * 720 + 720).astype(np.float32)
    for t, frame in enumerate(pixels):
        at_ns = round(t * 1e9 / HZ)
        persons = tuple(Person2D(number, xy, np.ones(17, np.float32)) for number, xy in enumerate(frame))
        yield Keypoints2D(Stamp(t, at_ns, at_ns), LENS.image_wh, persons, at_ns, 0)


def _person(walks: Sequence[Array], stands: Sequence[Array], kind: str, rng: np.random.Generator) -> Array64:
    """(T, 17, 3) in world axes about (0, 0), as large as the body that is assumed, standing on the floor."""
    walk_s, stand_s = SECONDS.get(kind, (_MOVED_S + _MOVE_S + _AFTER_S, 0.0))
    parts = []
    if walk_s:
        squares = walk_squares(_sized(walks[int(rng.integers(len(walks)))]), walk_s + 2, 0.0)
        start = int(rng.integers(0, 2 * HZ))
        parts.append(_lowered(_turned(squares[start : start + round(walk_s * HZ)], rng.uniform(0, 2 * np.pi))))
    if stand_s:
        still = _standing(stands[int(rng.integers(len(stands)))], round(stand_s * HZ), rng)
        if parts:
            still = still + parts[0][-1, 0] * (1, 1, 0)
        parts.append(still)
    return np.concatenate(parts)


def _standing(clip: Array, frames: int, rng: np.random.Generator) -> Array64:
    """Somebody who gestures, to and fro through the clip, more or less towards the camera."""
    sized = _sized(clip)[::4]
    world = np.stack([sized[..., 0], -sized[..., 2], sized[..., 1]], -1).astype(np.float64)
    world = world[rng.integers(0, max(len(world) - frames, 1)) :]
    while len(world) < frames:
        world = np.concatenate([world, world[::-1]])
    world = world[:frames] - world[0, 0] * (1, 1, 0)
    left = world[0, 4] - world[0, 1]
    facing = np.arctan2(-left[0], left[1])  # forward is left, turned a quarter to the right
    return _lowered(_turned(world, -np.pi / 2 - facing + rng.uniform(-1.2, 1.2)))


def _place(rng: np.random.Generator, number: int, people: int) -> Array64:
    aside = (number - (people - 1) / 2) * rng.uniform(1.5, 2.5) + rng.uniform(-0.3, 0.3)
    return np.array([aside, rng.uniform(3.5, 6.5), 0.0])


def _sized(clip: Array) -> Array:
    return np.asarray(clip * (ASSUMED_STATURE_M / float(stature(np.median(bone_lengths(clip), 0)))), np.float32)


def _lowered(world: Array64) -> Array64:
    low = np.median(world[:, list(ANKLES), 2].min(1))
    return np.asarray(world - (0, 0, low - ANKLE_HEIGHT * ASSUMED_STATURE_M))


def _turned(world: Array64, angle: float) -> Array64:
    c, s = np.cos(angle), np.sin(angle)
    return np.asarray(world @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]]))


def _moved(scene: Scene, move: str) -> Array64:
    """(T, people, 17, 3) in the axes of a camera that is turned or pushed for half a second."""
    frames = np.arange(len(scene.world_m)) / HZ
    share = np.clip((frames - _MOVED_S) / _MOVE_S, 0, 1)
    camera, row = np.empty_like(scene.world_m), scene.row
    for t, part in enumerate(share):
        world = scene.world_m[t] - (0, 0, scene.ground.height_m)
        pitch = row["pitch_deg"]
        if move == "pan":
            world = _turned(world, np.radians(_TURN_DEG * part))
        elif move == "tilt":
            pitch += _TURN_DEG * part * (-1 if pitch > 0 else 1)
        else:
            world = world - np.multiply(_SHIFT_M, part)
        camera[t] = world @ from_angles(row["camera_m"], pitch, row["roll_deg"]).rotation
    return camera


def _of_feet(scene: Scene, feet: list[tuple[int, int, Array]]) -> Row:
    """Of ankles that truly stand: their height over where they should be, and their speed, as published."""
    ankles = scene.world_m[:, :, list(ANKLES)]
    stands = np.linalg.norm(np.gradient(ankles, axis=0), axis=-1) * HZ < _STILL_M_S
    level = np.minimum.reduce(ankles[..., 2], 2) if len(ankles) else ankles
    heights: list[float] = []
    speeds: list[float] = []
    before: dict[tuple[int, int], tuple[int, Array]] = {}
    for t, number, joints in feet:
        for side, ankle in enumerate(ANKLES):
            if stands[t, number, side] and ankles[t, number, side, 2] < level[t, number] + 0.03:
                heights.append(float(joints[ankle, 2] - ankles[t, number, side, 2]))
                last = before.get((number, side))
                if last is not None and last[0] == t - 1:
                    speeds.append(HZ * float(np.linalg.norm(joints[ankle] - last[1])))
                before[number, side] = (t, joints[ankle])
    if not speeds:
        return {"feet_off_floor_mm": float("nan"), "stance_speed_m_s": float("nan")}
    return {"feet_off_floor_mm": float(1000 * np.median(np.abs(heights))),
            "stance_speed_m_s": float(np.median(speeds))}  # fmt: skip
