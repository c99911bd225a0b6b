"""`realtime calibrate cameras`: recordings, or running streams, of a person or a board, to where cameras stand."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from calibration.cameras.cameras_file import Cameras, save_cameras
from calibration.cameras.from_board import BoardFound, cameras_from_board
from calibration.cameras.from_person import Found, View, cameras_from_person
from calibration.cameras.watched import Watched
from calibration.lens.board import Board, BoardFinder
from calibration.lens.board import View as BoardView
from calibration.lens.photo import read_photo
from calibration.lens.rays import Camera
from calibration.person.body_scale import BodyScale
from calibration.profiles import camera_for
from engines.errors import UserError
from engines.lifting.load_lifter import load_lifter
from engines.lifting.poses import Lifter
from realtime.calibrate.ahead import check_recording
from realtime.calibrate.people import watch_as_taken
from realtime.calibrate.views import picture_paths
from realtime.files.keypoints_file import KeypointsFile
from realtime.library.place import settings
from realtime.library.whole import poses_of
from realtime.pipeline.pose_frame import Lift
from realtime.progress_bar import progress_bar
from realtime.sources.address import device_of, is_live
from realtime.sources.open_source import open_source

log = logging.getLogger("realtime.calibrate")


def named(words: list[str], what: str = "NAME=SOURCE") -> dict[str, str]:
    """NAME=VALUE of each word. Raises UserError."""
    parts = dict[str, str]()
    for word in words:
        name, equals, value = word.partition("=")
        if not (name and equals and value):
            raise UserError(f"'{word}' is not {what}: write, for example, door=door.mp4")
        if name in parts:
            raise UserError(f"'{name}' is named twice: give each camera a name of its own")
        parts[name] = value
    return parts


def check_recordings(sources: Mapping[str, str]) -> None:
    """By the camera's name. Raises UserError where one is not there, or is a camera."""
    for name, source in sources.items():
        if not source.endswith(".npz") and is_live(source):
            raise UserError(f"'{name}' is a camera, which cannot be watched after another: run 'realtime run --config' "
                            "with all of them, and name the running streams alone")  # fmt: skip
        check_recording(source)


def by_person(
    recordings: Mapping[str, KeypointsFile], person: BodyScale, model: str, reach_s: float, floor: bool = True
) -> Found:
    """From recordings of the same person by each camera, by name. Raises UserError."""
    with load_lifter(model) as lifter:
        views = [View(name, one.camera, watched_by(one, lifter)) for name, one in recordings.items()]
    return cameras_from_person(views, person, reach_s, floor)


def watched_by(recording: KeypointsFile, lifter: Lifter) -> Watched:
    """One camera's person as the live line has them: rays as they were put right, and the lifted pose."""
    walk = Lift(lifter, settings(recording.camera), "", 1, given=True)
    poses = poses_of(recording.recording, walk, lifter.lag_frames, lifter.name, lifter.engine)
    joints_m = poses.positions_m.astype(np.float64)
    joints_m[poses.held] = np.nan
    score = np.where(poses.unseen | poses.held[:, None], 0, recording.scores).astype(np.float64)
    rising = np.concatenate([[True], np.diff(poses.t_s) > 0])
    return Watched(poses.t_s[rising], (joints_m[..., :2] / joints_m[..., 2:])[rising], score[rising], joints_m[rising])


def watch_all(
    sources: Mapping[str, str], lenses: Mapping[str, Path], seconds: float, detector: str
) -> dict[str, KeypointsFile]:  # fmt: skip
    """The person seen longest in each recording (a video, a keypoints .npz), by the camera's name. Raises UserError."""
    seen = {}
    for name, source in sources.items():
        if name not in lenses and not source.endswith(".npz") and not device_of(source):
            log.warning("the lens of '%s' is taken for one of 60 degrees: give --lens %s=FILE", name, name)
        seen[name] = watch_as_taken(source, lenses.get(name), seconds=seconds, detector=detector)
    return seen


def by_board(
    sources: Mapping[str, str], lenses: Mapping[str, Path], board: Board, on_floor: bool, every: int
) -> BoardFound:  # fmt: skip
    """From folders of pictures, whose names are the moments, or videos that began at the same time.

    Raises UserError.
    """
    seen: list[dict[str, BoardView]] = []
    cameras: list[tuple[str, Camera]] = []
    for name, source in sources.items():
        views, image_wh = _views(source, board, every)
        if not views:
            raise UserError(f"no {board} was found in what '{name}' saw ({source}): check --board, --columns and "
                            "--rows")  # fmt: skip
        cameras.append((name, camera_for(lenses.get(name), device_of(source), image_wh)))
        seen.append(views)
    return cameras_from_board(cameras, seen, board, on_floor)


def save_by_person(path: Path, found: Found, names: tuple[str, ...]) -> Cameras:
    """With what is known of how good it is."""
    return save_cameras(path, found.cameras, {
        "source": "person",
        "bone_spread": round(found.bone_spread, 4),
        "miss_px": round(found.miss_px, 3),
        "agreeing": round(found.agreeing, 4),
        "time_offsets_s": {name: round(offset, 4) for name, offset in zip(names, found.offsets_s, strict=True)},
    })  # fmt: skip


def save_by_board(path: Path, found: BoardFound) -> Cameras:
    return save_cameras(path, found.cameras, {
        "source": "board", "rms_px": round(found.rms_px, 4), "moments": found.moments,
    })  # fmt: skip


def told(path: Path, cameras: Cameras) -> str:
    """Where each camera stands, for a person to compare with the room."""
    lines = [f"{path}: scale {cameras.scale}, floor {cameras.floor}"]
    for one in cameras.placed:
        x, y, z = -one.rotation.T @ one.shift_m
        lines.append(f"  {one.name} at ({x:.2f}, {y:.2f}, {z:.2f}) m")
    return "\n".join(lines) + "\n"


def _views(source: str, board: Board, every: int) -> tuple[dict[str, BoardView], tuple[int, int]]:
    """The board by moment: a picture's name, or a film's time in hundredths of a second; and the pictures' size."""
    finder, views = BoardFinder(board), dict[str, BoardView]()
    image_wh = (0, 0)
    with progress_bar() as bar:
        task = bar.add_task(f"looking for the board in {source}", total=None)
        if Path(source).is_dir():
            for path in picture_paths(Path(source)):
                photo = read_photo(path)
                if photo is not None and (view := finder.find(photo[0], path.stem)) is not None:
                    views[path.stem], image_wh = view, view.image_wh
                bar.advance(task)
            return views, image_wh
        with open_source(source, max_speed=True) as frames:
            while (frame := frames.read()) is not None:
                if frame.stamp.frame_id % every == 0:
                    moment = f"{round(frame.stamp.source_ns / 1e7):010d}"
                    view = finder.find(frame.image_bgr, moment)
                    if view is not None:
                        views[moment], image_wh = view, view.image_wh
                bar.advance(task)
    return views, image_wh
