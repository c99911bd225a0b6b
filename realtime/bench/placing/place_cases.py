"""What `realtime bench place` measures: rendered boards, walks with known truth, lenses guessed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.floor.ground import from_angles
from calibration.floor.synthetic_walk import Scene, keypoint_noise, see, walk_squares
from calibration.lens.board import Board, BoardFinder
from calibration.lens.intrinsics import calibrate
from calibration.lens.rays import Camera
from calibration.lens.rendered import BoardRenderer, board_poses
from calibration.person.body_scale import ANKLE_HEIGHT, ANKLES, BodyScale
from calibration.person.root import place_root
from realtime.calibrate.people import guess_lens, lift_walk, measure_ground
from realtime.contracts import Array
from realtime.files.keypoints_file import KeypointsFile
from realtime.pipeline.clean import Sighting
from realtime.pipeline.place import Standing
from realtime.pipeline.setting import Setting

Array64 = NDArray[np.float64]
Row = dict[str, Any]

FOCALS = (0.6, 0.9, 1.4)  # over the picture's width
DISTORTIONS = ((0.0, 0, 0, 0, 0), (-0.3, 0.12, 0.001, -0.001, 0), (0.12, -0.2, 0.0005, 0.001, 0.05))
# height, pitch, roll of the camera; the first like a webcam on a shelf, the second like one high up on a wall
MOUNTS = ((1.5, -10.0, 2.0), (2.4, -22.0, -3.0))
_WALK_S = 60
_WARM_FRAMES = 60


def board_rows(views: int = 24, noise: float = 4.0, blur_px: float = 0.8) -> Iterator[Row]:
    """Lenses from rendered pictures, 1280 x 720: three focal lengths, three distortions."""
    board, (width, height) = Board(), (1280, 720)
    for focal in FOCALS:
        for dist in DISTORTIONS:
            matrix = np.array([[focal * width, 0, width / 2 + 15], [0, focal * width * 1.005, height / 2 - 9],
                               [0, 0, 1]])
            camera = Camera((width, height), matrix, np.array(dist))
            renderer, finder = BoardRenderer(camera, board), BoardFinder(board)
            pictures = [renderer.render(*pose, noise=noise, blur_px=blur_px, seed=i)
                        for i, pose in enumerate(board_poses(camera, board, views))]
            found = calibrate([view for i, picture in enumerate(pictures)
                               if (view := finder.find(picture, f"view {i}")) is not None], board)
            off = found.camera.camera_matrix - matrix
            focal_error = np.abs(np.diag(off)[:2] / np.diag(matrix)[:2]).max()
            yield {"focal_px": focal * width, "k1": dist[0], "views": len(found.views), "rms_px": found.rms_px,
                   "focal_error_percent": float(100 * focal_error),
                   "centre_error_px": float(np.hypot(off[0, 2], off[1, 2]))}


def walk_rows(clips: dict[str, Array], model: str) -> Iterator[Row]:
    """The floor found from a walk, and the walk then placed with it: each clip, mount, and keypoint quality."""
    for name, clip in clips.items():
        for mount in MOUNTS:
            scene = see(walk_squares(clip, _WALK_S), from_angles(*mount))
            for noisy in (False, True):
                yield {"clip": name, "camera_m": mount[0], "pitch_deg": mount[1],
                       "keypoints": "noisy" if noisy else "perfect", **_walk(scene, noisy, model)}


def _walk(scene: Scene, noisy: bool, model: str) -> Row:
    recording = record(scene, Camera((1280, 720), np.array([[1100.0, 0, 650], [0, 1100, 350], [0, 0, 1]]),
                                     np.array([-0.2, 0.05, 0, 0, 0])), noisy)
    person = BodyScale("walker", scene.height_m)
    joints, sigma, _ = lift_walk(recording, model)
    ground = measure_ground(recording, person, model)
    in_camera, _, camera_us = place_all(Setting(recording.camera, None, person), recording, joints, sigma)
    in_world, poses, world_us = place_all(Setting(recording.camera, ground, person), recording, joints, sigma)
    distance = np.linalg.norm(scene.camera_m[:, 0], axis=1)
    camera_error = np.linalg.norm(in_camera - scene.camera_m[:, 0], axis=1)
    truth = scene.world_m[:, 0]
    world_error = np.linalg.norm(in_world - truth, axis=1)
    truth_pose = scene.camera_m - scene.camera_m[:, :1]
    feet = contact_heights(scene, in_world, poses)
    drift = (in_world - truth)[-600:].mean(0) - (in_world - truth)[_WARM_FRAMES : _WARM_FRAMES + 600].mean(0)
    return {
        "mpjpe_mm": float(1000 * np.linalg.norm(joints - truth_pose, axis=-1).mean()),
        "normal_error_deg": float(np.degrees(np.arccos(np.clip(ground.up @ scene.ground.up, -1, 1)))),
        "height_error_percent": 100 * abs(ground.height_m / scene.ground.height_m - 1),
        "root_error_percent": _percent(camera_error, distance),
        "root_error_with_floor_percent": _percent(world_error, distance),
        "feet_off_floor_mm": float(1000 * np.median(np.abs(feet))),
        "drift_60_s_mm": float(1000 * np.linalg.norm(drift)),
        "square_return_mm": 1000 * return_error(in_world, truth),
        "place_us": camera_us,
        "place_with_floor_us": world_us,
    }


def record(scene: Scene, camera: Camera, noisy: bool, seed: int = 0) -> KeypointsFile:
    rays = keypoint_noise(scene.rays, np.random.default_rng(seed)) if noisy else scene.rays
    pixels = camera.project(np.concatenate([rays, np.ones((*rays.shape[:2], 1))], -1)).astype(np.float32)
    frames = len(pixels)
    return KeypointsFile(pixels, np.ones((frames, 17), np.float32), np.arange(frames) / 30, camera)


def place_all(setting: Setting, recording: KeypointsFile, joints: Array,
              sigma: Array) -> tuple[Array64, Array64, float]:
    """Frame by frame as live: roots (T, 3), joints (T, 17, 3), and the median microseconds a frame."""
    rays = recording.camera.rays(recording.keypoints_px)
    standing = Standing(setting)
    roots, poses, cost = [], [], []
    for t, at in enumerate(recording.t_s):
        start = time.perf_counter()
        placed = standing.place(Sighting(0, rays[t], recording.scores[t]), joints[t], sigma[t], int(at * 1e9))
        cost.append(time.perf_counter() - start)
        roots.append(placed.root_m)
        poses.append(placed.joints_m)
    return np.array(roots, np.float64), np.array(poses, np.float64), float(1e6 * np.median(cost))


def guess_rows(clips: dict[str, Array], model: str) -> Iterator[Row]:
    """Fields of view guessed from walked squares, for three mounts and keypoint qualities each."""
    for name, clip in clips.items():
        for hfov_deg, centre_m in ((40.0, 7.0), (60.0, 5.0), (90.0, 4.0)):
            for mount in ((1.2, 0.0, 1.0), *MOUNTS):
                scene = see(walk_squares(clip, 30, centre_m), from_angles(*mount))
                for noisy in (False, True):
                    recording = record(scene, Camera.assumed((1280, 720), hfov_deg), noisy)
                    unknown = replace(recording, camera=Camera.assumed((1280, 720)))
                    _, guess = guess_lens(unknown, model)
                    yield {"clip": name, "hfov_deg": hfov_deg, "pitch_deg": mount[1],
                           "keypoints": "noisy" if noisy else "perfect", "guess_deg": guess.hfov_deg,
                           "stated_sigma_deg": guess.sigma_deg, "error_deg": abs(guess.hfov_deg - hfov_deg)}


def root_cost_us(people: int = 1, rounds: int = 300) -> float:
    """Median microseconds of `place_root` alone."""
    rng = np.random.default_rng(0)
    pose = rng.normal(0, 0.4, (people, 17, 3)).astype(np.float32)
    rays, score = pose[..., :2] / (pose[..., 2:] + np.float32(4)), np.ones((people, 17), np.float32)
    sigma = np.full((people, 17), 0.03, np.float32)
    cost = []
    for _ in range(rounds):
        start = time.perf_counter()
        place_root(rays, score, pose, sigma)
        cost.append(time.perf_counter() - start)
    return float(1e6 * np.median(cost))


def _percent(error: Array64, distance: Array64) -> float:
    return float(100 * np.nanmean(error[_WARM_FRAMES:] / distance[_WARM_FRAMES:]))


def contact_heights(scene: Scene, roots: Array64, poses: Array64) -> Array64:
    """Heights of the ankles above where they stand, in the true contact phases (the lower foot, nearly still)."""
    ankles = scene.world_m[:, list(ANKLES)]
    speed = np.linalg.norm(np.gradient(ankles, axis=0), axis=-1) * 30
    rows, lower = np.arange(len(ankles)), ankles[..., 2].argmin(1)
    heights = (roots[:, None] + poses[:, list(ANKLES)])[rows, lower, 2] - ANKLE_HEIGHT * scene.height_m
    return np.asarray(heights[_WARM_FRAMES:][speed[rows, lower][_WARM_FRAMES:] < 0.3])


def return_error(roots: Array64, truth: Array64) -> float:
    """Metres between where a lap starts and ends, where it truly comes back to within 2 cm: the median."""
    start = _WARM_FRAMES
    apart = np.linalg.norm(truth[start + 150 :] - truth[start], axis=1)
    back = np.flatnonzero(apart < 0.02) + start + 150
    if not len(back):
        return float("nan")
    return float(np.median(np.linalg.norm(roots[back] - roots[start], axis=1)))

