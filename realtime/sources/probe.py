"""A source's file, looked at before a decoder sees it."""

from __future__ import annotations

from pathlib import Path

import cv2

from engines.errors import UserError
from engines.folders import expanded
from realtime.sources.image_sequence import sequence_of


def require_utf8(path: Path) -> None:
    """OpenCV dies of other names, and FFmpeg takes none. Raises UserError."""
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise UserError(f"the name {str(path)!a} is not UTF-8: rename the file") from error


def probe_file(source: str) -> Path:
    """The path, after the mistakes that a decoder would report as 'not opened' or not at all. Raises UserError.

    Numbered pictures may be named by their folder or a pattern. The path is a whole one: FFmpeg takes what is before a
    colon in a bare name for a protocol.
    """
    path = expanded(source.removeprefix("file://"))
    require_utf8(path)
    if sequence_of(source) is not None:
        return path.resolve()
    if not path.exists():
        raise UserError(f"there is no file {path}: give a video file, a camera's number, an address, or 'demo'")
    if not path.is_file():
        raise UserError(f"{path} is no regular file, which can be read from its beginning: save the video as a file")
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): check its permissions") from error
    if empty:
        raise UserError(f"{path} is empty: give a video file with at least one frame")
    if path.suffix.lower() != ".gif" and cv2.haveImageReader(str(path)):
        raise UserError(f"{path} is an image, not a video: give a video file, a folder of images, or a camera")
    return path.resolve()
