"""Opens anything that gives pictures: a camera, a file, a network stream, or a demo clip."""

from __future__ import annotations

from pathlib import Path

from realtime.sources.address import CAMERA, URL
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
) -> Source:
    """Opens a camera ("0", "/dev/video0"), a file, an rtsp:// or http(s):// address, or "demo".

    Files play at their own speed (late frames are skipped and counted), or with `max_speed` as fast as they are read
    with none skipped; `every_frame`: late frames come late
    instead of being skipped. Live sources keep only the latest frame. Raises UserError for all that cannot be opened.
    """
    from realtime.sources.file_source import FileSource
    from realtime.sources.live_source import open_camera, open_url
    from realtime.sources.read_ahead import ReadAhead

    options = CaptureOptions(width, height, fps, mirror)
    quiet_ffmpeg()
    camera = CAMERA.fullmatch(source)
    if camera:
        return open_camera(int(camera[1]), options)
    if URL.match(source):
        return open_url(source, options, loop=loop, max_speed=max_speed)
    file = FileSource(str(video_path(source)), source, options, loop=loop, max_speed=max_speed, every_frame=every_frame)
    return ReadAhead(file) if max_speed else file


def video_path(source: str) -> Path | None:
    """The file that a source is, looked at, or fetched where it is a clip of the cache; None: a camera or an address.

    Raises UserError.
    """
    from realtime.assets.catalogue import ASSETS
    from realtime.assets.fetch import fetch
    from realtime.sources.file_source import probe_file

    if CAMERA.fullmatch(source) or URL.match(source):
        return None
    clip = source in ASSETS and ASSETS[source].suffix == ".mp4"
    return fetch(source) if clip else probe_file(source)
