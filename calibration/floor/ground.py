"""Which way is up and where the floor is: the camera-to-world transform."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration import yaml_file
from engines.errors import UserError

Array64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """World axes: right-handed, z up, y away from the camera along the floor, the origin on the floor below the camera.

    A point of the camera's axes is `rotation @ point + (0, 0, height_m)` in the world.
    """

    rotation: Array64  # (3, 3) camera axes to world axes
    height_m: float  # of the camera above the floor
    scale: str = "measured"  # what the height's metres rest on: assumed | height | measured
    source: str = "angles"  # angles | board | person
    normal_sigma_deg: float = float("nan")
    height_sigma_m: float = float("nan")
    camera_identity: str = ""  # the lens it was measured with
    identity: str = ""

    def __post_init__(self) -> None:
        r = np.array(self.rotation, np.float64)
        object.__setattr__(self, "rotation", r)
        if r.shape != (3, 3) or not np.allclose(r @ r.T, np.eye(3), atol=1e-6) or np.linalg.det(r) < 0:
            raise UserError("the ground's rotation is not a rotation: run 'realtime calibrate ground' again")
        if not 0.0 < self.height_m < 100.0:
            raise UserError(f"a camera {self.height_m:.2f} m above the floor is not possible: give its real height")

    @property
    def up(self) -> Array64:
        """(3,) in camera axes."""
        return np.array(self.rotation[2])

    def to_world(self, points_m: ArrayLike) -> Array64:
        """Positions (..., 3) in camera axes to world axes."""
        world: Array64 = np.asarray(points_m, np.float64) @ self.rotation.T
        world[..., 2] += self.height_m
        return world

    def to_camera(self, points_m: ArrayLike) -> Array64:
        """Positions (..., 3) in world axes to camera axes."""
        low: Array64 = np.asarray(points_m, np.float64) - (0.0, 0.0, self.height_m)
        return np.asarray(low @ self.rotation)

    def turn(self, vectors_m: ArrayLike) -> Array64:
        """Directions, or joints relative to the hip (..., 3), in camera axes to world axes."""
        turned: Array64 = np.asarray(vectors_m, np.float64) @ self.rotation.T
        return turned


def rotation_from_up(up: ArrayLike) -> Array64:
    """Camera-to-world rotation (3, 3) for the up direction (3,) given in camera axes."""
    z = np.asarray(up, np.float64) / np.linalg.norm(np.asarray(up, np.float64))
    # A camera that looks straight down or up has no "away": its image's upper side takes that part.
    ahead = np.array([0.0, 0, 1]) if abs(z[2]) < 0.99 else np.array([0.0, -1, 0]) * np.sign(-z[2])
    y = ahead - (ahead @ z) * z
    y /= np.linalg.norm(y)
    return np.stack([np.cross(y, z), y, z])


def from_angles(height_m: float, pitch_deg: float = 0.0, roll_deg: float = 0.0) -> Ground:
    """From a phone's spirit level: pitch up and roll clockwise (as seen by the camera) are positive."""
    if not -90 <= pitch_deg <= 90 or not -180 <= roll_deg <= 180:
        raise UserError("pitch is from -90 (straight down) to 90 degrees, roll from -180 to 180")
    pitch, roll = np.radians(pitch_deg), np.radians(roll_deg)
    up = np.array([-np.sin(roll) * np.cos(pitch), -np.cos(roll) * np.cos(pitch), np.sin(pitch)])
    return Ground(rotation_from_up(up), height_m, "measured", "angles")


def from_board(points_m: ArrayLike, sigma_m: float = 0.0, camera_identity: str = "") -> Ground:
    """From corners (n, 3) of a board that lies on the floor, in camera axes, metres."""
    points = np.asarray(points_m, np.float64)
    middle = points.mean(0)
    up = np.linalg.svd(points - middle)[2][2]
    up = -up if up @ middle > 0 else up  # the camera is above the floor
    size = float(np.sqrt(np.square(points - middle).sum(1).mean()))
    tilt = float(np.degrees(sigma_m / max(size, 1e-9)))
    return Ground(rotation_from_up(up), float(-up @ middle), "measured", "board", tilt, sigma_m, camera_identity)


def save_ground(path: Path, ground: Ground) -> None:
    yaml_file.write(path, {
        "ground_version": 1,
        "date": yaml_file.today(),
        "source": ground.source,
        "scale": ground.scale,
        "camera_height_m": float(ground.height_m),
        "camera_height_sigma_m": float(ground.height_sigma_m),
        "normal_sigma_deg": float(ground.normal_sigma_deg),
        "camera_identity": ground.camera_identity,
        "camera_to_world_rotation": yaml_file.matrix(ground.rotation),
    })  # world = rotation @ camera + (0, 0, camera_height_m)


def load_ground(path: Path) -> Ground:
    content, identity = yaml_file.read(path, "ground")
    rotation = yaml_file.read_matrix(content.get("camera_to_world_rotation"), f"camera_to_world_rotation in {path}")
    try:
        return Ground(rotation, float(content["camera_height_m"]), str(content["scale"]), str(content["source"]),
                      float(content["normal_sigma_deg"]), float(content["camera_height_sigma_m"]),
                      str(content["camera_identity"]), identity)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} is not a ground file: make one with 'realtime calibrate ground'") from error
