"""A video as recorded keypoints: the live detector over every frame of it."""

from __future__ import annotations

from pathlib import Path

from engines.errors import UserError
from realtime.clock import NS_PER_S
from realtime.contracts import Person2D
from realtime.detectors.open_detector import open_detector
from realtime.files.keypoints_file import Keypoints
from realtime.files.people_rows import recording_of
from realtime.library.whole import Progress
from realtime.pipeline.setting import SettingFor
from realtime.sources.address import is_live
from realtime.sources.open_source import open_source


def watch_video(
    source: Path, people: int, detector: str, fps: float | None = None, progress: Progress | None = None,
    feet: bool = False, hands: bool = False, find: SettingFor | None = None,
) -> Keypoints:  # fmt: skip
    """Every frame, as `realtime run --max-speed` sees it. `fps`: of numbered pictures, which do not say it. `feet`:
    heels and toes too; `hands`: knuckles. `find`: the setting that is to fit its pictures.

    Raises UserError for what is no video, or shows nobody, or has pictures that do not fit.
    """
    if is_live(str(source)):
        raise UserError(f"{source} is a camera or an address: lift a file, or use realtime run")
    frames: list[tuple[Person2D, ...]] = []
    times_s: list[float] = []
    with (
        open_source(str(source), max_speed=True, file_fps=fps) as video,
        open_detector(detector, people, feet=feet, hands=hands) as detect,
    ):
        if find is not None:
            find(video.image_wh)  # a lens of another aspect is told before hours of detecting
        while (frame := video.read()) is not None:
            frames.append(detect.detect(frame))
            times_s.append(frame.stamp.source_ns / NS_PER_S)
            if progress:
                progress(len(frames), 0)
        image_wh = video.image_wh
    if not any(frames):
        raise UserError(f"nobody was seen in {source}: the whole body should be in the picture, in good light")
    return Keypoints(recording_of(frames, times_s, image_wh), None, merge=people == 1)
