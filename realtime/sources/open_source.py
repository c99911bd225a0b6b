"""Opens anything that gives pictures: a camera, a file, a network stream, or a demo clip."""

from __future__ import annotations

from pathlib import Path

from engines.errors import UserError
from realtime.sources.address import URL, camera_index, is_live
from realtime.sources.opencv import quiet_ffmpeg
from realtime.sources.pipe import PIPED, is_pipe
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
    piped = is_pipe(source)
    if piped and (loop or start_s):
        raise UserError("what is piped in is read once, from its beginning: leave out --loop and --start")
    target = source if piped else str(video_path(source))
    name = PIPED if piped else source
    file = FileSource(
        sequence_of(target) or target, name, options, loop=loop, max_speed=max_speed, every_frame=every_frame
    )
    return turned(ReadAhead(file) if max_speed or piped else file)  # who writes into a pipe may pause


def video_path(source: str) -> Path | None:
    """The file that a source is, looked at, or fetched where it is a clip of the cache; None: a camera, an address
    or a pipe, which cannot be read twice.

    Raises UserError.
    """
    from realtime.assets.catalogue import ASSETS
    from realtime.assets.fetch import fetch
    from realtime.sources.probe import probe_file

    if is_live(source) or is_pipe(source):
        return None
    clip = source in ASSETS and ASSETS[source].suffix == ".mp4"
    return fetch(source) if clip else probe_file(source)
