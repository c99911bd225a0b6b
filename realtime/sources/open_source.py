"""Opens anything that gives pictures: a camera, a file, a network stream, or a demo clip."""

from __future__ import annotations

from pathlib import Path

from realtime.sources.address import URL, camera_index
from realtime.sources.opencv import quiet_ffmpeg
from realtime.sources.source import CaptureOptions, Source


def open_source(
    source: str,
    *,
    loop: bool = False,
    max_speed: bool = False,
    every_frame: bool = False,
    width: int | None = None,
    height: int | None = None,
    fps: float | None = None,
    mirror: bool = False,
    start_s: float = 0.0,
    file_fps: float | None = None,
    rotate_deg: int = 0,
) -> Source:
    """Opens a camera ("0", "/dev/video0", a link to it), a file, numbered pictures, an address, or "demo".

    Files play at their own speed (late frames are skipped and counted), or with `max_speed` as fast as they are read
    with none skipped (`every_frame`: as late as need be, with none skipped either); from `start_s` on, as if `file_fps`
    pictures had been taken a second. Live sources keep only the latest frame. Pictures are turned clockwise by
    `rotate_deg`, and mirrored then. Raises UserError for all that cannot be opened.
    """
    from realtime.sources.file_source import FileSource
    from realtime.sources.image_sequence import sequence_of
    from realtime.sources.live_source import open_camera, open_url, require_none_of_a_file
    from realtime.sources.read_ahead import ReadAhead
    from realtime.sources.turned import Turned

    def turned(opened: Source) -> Source:  # it mirrors first, which turns the other way round
        return Turned(opened, -rotate_deg % 360 if mirror else rotate_deg) if rotate_deg else opened

    options = CaptureOptions(width, height, fps, mirror, start_s, file_fps)
    quiet_ffmpeg()
    camera = camera_index(source)
    if camera is not None:
        require_none_of_a_file(options)
        return turned(open_camera(camera, options))
    if URL.match(source):
        return turned(open_url(source, options, loop=loop, max_speed=max_speed))
    path = str(video_path(source))
    file = turned(FileSource(
        sequence_of(path) or path, source, options, loop=loop, max_speed=max_speed, every_frame=every_frame
    ))  # fmt: skip
    return ReadAhead(file) if max_speed else file


def video_path(source: str) -> Path | None:
    """The file that a source is, looked at, or fetched where it is a clip of the cache; None: a camera or an address.

    Raises UserError.
    """
    from realtime.assets.catalogue import ASSETS
    from realtime.assets.fetch import fetch
    from realtime.sources.probe import probe_file

    if camera_index(source) is not None or URL.match(source):
        return None
    clip = source in ASSETS and ASSETS[source].suffix == ".mp4"
    return fetch(source) if clip else probe_file(source)
