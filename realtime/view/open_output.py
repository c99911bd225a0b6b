"""Where pictures go: a film, a sheet of stills, a folder."""

from __future__ import annotations

from pathlib import Path

from engines.errors import UserError
from engines.write_aside import refuse_existing
from realtime.sources.probe import require_utf8
from realtime.view.frame_writer import FrameWriter, check_writable
from realtime.view.stills import GifWriter, PngWriter, SheetWriter
from realtime.view.video import Mp4Writer, clear_away

SHEETS = (".png", ".jpg", ".jpeg")


def check_output(out: Path, overwrite: bool) -> None:
    """`out` ends in .mp4 or .gif (a film) or .png or .jpg (a sheet of stills) and is new unless `overwrite`; else it
    is a folder, new or empty, for PNG pictures. The folder that it lies in must exist. Raises UserError."""
    require_utf8(out)
    if not out.absolute().parent.is_dir():
        raise UserError(f"{out.absolute().parent} does not exist: make the folder, or name another for {out.name}")
    if out.suffix.lower() in (".mp4", ".gif", *SHEETS):
        if out.is_dir():
            raise UserError(f"{out} is a folder: name a file that ends in {out.suffix}")
        refuse_existing(out, overwrite)
    elif out.suffix:
        raise UserError(f"{out}: name a film (.mp4 or .gif), a sheet of stills (.png), or a folder for PNG pictures")
    elif out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} exists and is not an empty folder: name a new one")


def open_writer(out: Path, size_wh: tuple[int, int], overwrite: bool = False) -> FrameWriter:
    """The writer for such an `out`. Raises UserError at once where it cannot be written."""
    kind = out.suffix.lower()
    try:
        check_output(out, overwrite)
        if kind == ".mp4":
            return Mp4Writer(out, size_wh)
        if kind:
            check_writable(out.absolute().parent)
        return GifWriter(out) if kind == ".gif" else SheetWriter(out) if kind else PngWriter(out)
    except OSError as error:
        raise UserError(f"cannot write {out} ({error.strerror}): name a folder you may write in") from error


def clear_unfinished(out: Path) -> None:
    """What a viewer that was killed has left of a film, beside it."""
    if out.suffix.lower() == ".mp4":
        clear_away(out)


def newest_picture(out: Path) -> tuple[int, int] | None:
    """Tells one film, or one last PNG of a folder, from another; None where there is none."""
    path = max(out.glob("frame_*.png"), default=out / "none") if out.is_dir() else out
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_ino, about.st_mtime_ns
