"""`realtime calibrate ground`, `person` and `guess`: what a person in view, seen and lifted, tells of the place."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.floor.contact import floor_scale, lowest_foot
from calibration.floor.floor_fit import RATE_HZ, Walk, ground_from_walk
from calibration.floor.ground import Ground, from_board
from calibration.lens.board import Board, BoardFinder
from calibration.lens.fov_guess import FovGuess, guess_fov
from calibration.lens.rays import Camera
from calibration.person.body import Body
from calibration.person.body_scale import ANKLE_HEIGHT, BodyScale, bone_lengths, make_rigid, stature
from calibration.person.root import solve_root
from calibration.profiles import camera_for
from engines.errors import UserError
from engines.lifting.load_lifter import load_lifter
from realtime.calibrate.ahead import check_height, check_measurable
from realtime.clock import monotonic_ns
from realtime.contracts import Array
from realtime.detectors.mediapipe_pose import Detector
from realtime.files.keypoints_file import KeypointsFile, read_keypoints
from realtime.files.lift_file import lift_one
from realtime.progress_bar import progress_bar
from realtime.sources.address import device_of, shown
from realtime.sources.open_source import open_source

MIN_SECONDS = 3.0


def watch(source: str, camera_file: Path | None, *, seconds: float = 60.0, detector: str = "full") -> KeypointsFile:
    """The person seen longest in a video, a camera or a keypoints file (.npz), at 30 Hz, with the lens in force."""
    return _at_30_hz(watch_as_taken(source, camera_file, seconds=seconds, detector=detector))


def watch_as_taken(
    source: str, camera_file: Path | None, *, seconds: float = 60.0, detector: str = "full"
) -> KeypointsFile:
    """The same at the source's own times."""
    if source.endswith(".npz"):
        recording = read_keypoints(Path(source))
        if camera_file is not None:
            wh = recording.camera.image_wh
            recording = KeypointsFile(recording.keypoints_px, recording.scores, recording.t_s,
                                      camera_for(camera_file, "", wh))
        return recording
    xy: dict[int, list[Array]] = defaultdict(list)
    score: dict[int, list[Array]] = defaultdict(list)
    times: dict[int, list[float]] = defaultdict(list)
    with open_source(source, max_speed=True) as frames, Detector(detector) as detect, \
            progress_bar() as bar:
        task, start, image_wh = bar.add_task("watching", total=seconds), None, frames.image_wh
        camera = camera_for(camera_file, device_of(source), image_wh)  # one that does not fit is refused before
        while (frame := frames.read()) is not None:
            if frame.image_bgr.shape[1::-1] != image_wh:
                raise UserError(f"the pictures of {shown(source)} change their size: give a part where they do not")
            now = frame.stamp.source_ns * 1e-9
            start = now if start is None else start
            for person in detect.detect(frame):
                xy[person.track_id].append(person.xy_px.copy())
                score[person.track_id].append(person.score.copy())
                times[person.track_id].append(now)
            bar.update(task, completed=now - start)
            if now - start >= seconds:
                break
    longest = max(times, key=lambda track: len(times[track]), default=None)
    if longest is None:
        raise UserError(f"nobody was seen in {shown(source)}: stand where all of you is in the picture")
    return KeypointsFile(np.stack(xy[longest]), np.stack(score[longest]), np.array(times[longest]), camera)


def lift_walk(recording: KeypointsFile, model: str = "default") -> tuple[Array, Array, Body]:
    """Poses (T, 17, 3) and their sigma (T, 17) of every frame of the recording, and the person's body as learned."""
    with load_lifter(model) as lifter:
        return lift_one(recording, lifter)


def measure_ground(recording: KeypointsFile, person: BodyScale, model: str = "default") -> Ground:
    """From a person of known size who walks about. Raises UserError where too little was seen."""
    check_height(person)
    joints, sigma, _ = lift_walk(recording, model)
    factor, height = _factor(joints, person)
    pose = _sized(joints, person, factor)
    rays = recording.camera.rays(recording.keypoints_px)
    root = solve_root(rays, recording.scores, pose, sigma * factor).root_m
    walk = Walk(root, pose, recording.scores.astype(np.float64), height, person.scale)
    return ground_from_walk(walk, recording.camera.identity)


def measure_person(recording: KeypointsFile, name: str, height_m: float | None, ground: Ground | None, rigid: bool,
                   model: str = "default") -> BodyScale:
    """Bone lengths at the person's real size: from their height, or else from the floor they stand on. Raises UserError
    where neither is known."""
    check_measurable(name, height_m, ground is not None)
    joints, sigma, body = lift_walk(recording, model)
    bones = np.array(body.bones.of_joints_m)
    if height_m is not None:
        factor, scale = height_m / float(stature(bones)), "height"
    else:
        assert ground is not None
        factor, scale = _factor_of_floor(recording, joints, sigma, ground), ground.scale
    bones = bones * factor
    bones[0] = np.nan
    return BodyScale(name, height_m or float(stature(bones)), bones, rigid, scale)


def guess_lens(recording: KeypointsFile, model: str = "default") -> tuple[Camera, FovGuess]:
    """An assumed lens with the field of view that a walking person lets one guess."""
    image_wh = recording.camera.image_wh

    def lift(rays: Array, score: Array) -> tuple[Array, Array]:
        start = Camera.assumed(image_wh)
        pixels = start.project(np.concatenate([rays, np.ones((*rays.shape[:2], 1))], -1)).astype(np.float32)
        joints, sigma, _ = lift_walk(KeypointsFile(pixels, score, recording.t_s, start), model)
        return joints, sigma

    guess = guess_fov(recording.keypoints_px, recording.scores, image_wh, lift)
    half = np.tan(np.radians(guess.hfov_deg) / 2) * max(image_wh) / image_wh[0]
    return Camera.assumed(image_wh, float(2 * np.degrees(np.arctan(half)))), guess


def ground_from_picture(source: str, camera_file: Path | None, board: Board, attempts_s: float = 10.0) -> Ground:
    """From one picture of the board lying on the floor."""
    finder, stop_ns = BoardFinder(board), monotonic_ns() + int(attempts_s * 1e9)
    with open_source(source, max_speed=True) as frames:
        camera = camera_for(camera_file, device_of(source), frames.image_wh)
        while (frame := frames.read()) is not None and monotonic_ns() < stop_ns:
            view = finder.find(frame.image_bgr, source)
            if view is not None:
                points = board.corner_points(view.ids)
                rays = camera.rays(view.corners_px).astype(np.float64)
                known, turn, shift = cv2.solvePnP(points, rays, np.eye(3), None)
                if known:
                    at = points @ np.asarray(cv2.Rodrigues(turn)[0]).T + np.ravel(shift)
                    error = float(np.sqrt(np.square(at[:, :2] / at[:, 2:] - rays).sum(1).mean()) * at[:, 2].mean())
                    return from_board(at, error, camera.identity)
    raise UserError(f"no {board} was seen lying on the floor in {shown(source)}: show all of it, in good light")


def _at_30_hz(recording: KeypointsFile) -> KeypointsFile:
    t = recording.t_s
    if t[-1] - t[0] < MIN_SECONDS:
        raise UserError(f"a person was seen for {t[-1] - t[0]:.1f} s, and {MIN_SECONDS:g} s are needed at the least")
    grid = np.arange(t[0], t[-1], 1 / RATE_HZ)
    nearest = np.abs(t[None] - grid[:, None]).argmin(1) if len(t) < 20000 else np.searchsorted(t, grid)
    return KeypointsFile(recording.keypoints_px[nearest], recording.scores[nearest], grid, recording.camera)


def _factor(joints: Array, person: BodyScale) -> tuple[float, float]:
    """What the lifted poses are multiplied with, and the person's height."""
    return person.known_height_m / float(stature(np.nanmedian(bone_lengths(joints), 0))), person.known_height_m


def _sized(joints: Array, person: BodyScale, factor: float) -> NDArray[np.float64]:
    if person.rigid:
        return np.stack([make_rigid(pose, person.bones_m) for pose in joints])
    return joints.astype(np.float64) * factor


def _factor_of_floor(recording: KeypointsFile, joints: Array, sigma: Array, ground: Ground) -> float:
    rays = recording.camera.rays(recording.keypoints_px)
    root = solve_root(rays, recording.scores, joints, sigma).root_m
    ankle_m = ANKLE_HEIGHT * float(stature(np.nanmedian(bone_lengths(joints), 0)))
    factors = []
    for place, pose, seen, score in zip(root, joints, rays, recording.scores, strict=True):
        foot = lowest_foot(pose, seen, score, ground.up)
        if foot is not None and np.isfinite(place).all():
            factors.append(floor_scale(seen[foot], float(place[2] + pose[foot, 2]), ground, ankle_m))
    known = [factor for factor in factors if np.isfinite(factor)]
    if len(known) < RATE_HZ:
        raise UserError("the person's feet were hardly seen on the floor: give their --height instead")
    return float(np.median(known))
