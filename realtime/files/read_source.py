"""Whatever `realtime lift` is given: keypoints in an .npz, a .csv or OpenPose's JSON, a video, or its pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engines.errors import UserError
from engines.models.source_skeletons import SourceSkeleton, skeleton_named
from realtime.files.keypoints_file import Keypoints, read_npz
from realtime.library.whole import Progress
from realtime.pipeline.setting import SettingFor
from realtime.sources.image_sequence import holds_pictures, sequence_of


@dataclass(frozen=True, slots=True)
class Told:
    """What is said of a source that does not say it itself."""

    skeleton: str | None = None  # None: as the source says, or by its joints
    fps: float | None = None
    image_wh: tuple[int, int] | None = None
    people: int = 1  # of a video, or a folder of JSON: as many are looked for
    detector: str = "full"  # of a video
    feet: bool = False  # heels and toes are wanted
    hands: bool = False  # knuckles are

    @property
    def joints(self) -> SourceSkeleton | None:
        return None if self.skeleton is None else skeleton_named(self.skeleton)


NOTHING_TOLD = Told()


def size_of(text: str | None) -> tuple[int, int] | None:
    """1280x720. Raises UserError for anything else."""
    if text is None:
        return None
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise UserError(f"--size {text} is no picture's size: give its width and height, such as 1280x720")
    return int(width), int(height)


def read_source(
    source: Path, told: Told, progress: Progress | None = None, find: SettingFor | None = None
) -> Keypoints:
    """By the name's ending. `progress`: frames of a video; `find`: the setting that is to fit its pictures. Raises
    UserError for what cannot be read."""
    if source.is_dir() and not holds_pictures(source):
        from realtime.files.openpose_folder import read_openpose

        return read_openpose(source, told.joints, told.fps, told.image_wh, told.people)
    if source.suffix.lower() == ".csv":
        from realtime.files.csv_file import read_csv

        return read_csv(source, told.joints, told.fps, told.image_wh)
    if source.suffix.lower() == ".npz":
        return read_npz(source, told.joints)
    pictures = sequence_of(str(source)) is not None
    if told.skeleton is not None or told.image_wh is not None or (told.fps is not None and not pictures):
        raise UserError(f"{source} is taken for a video, which has its own: leave out --skeleton, --fps and --size")
    from realtime.files.watch_video import watch_video

    return watch_video(source, told.people, told.detector, told.fps, progress, told.feet, told.hands, find)
