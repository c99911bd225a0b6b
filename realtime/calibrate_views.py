"""Pictures of the board from a folder, a video or a live camera: the views to calibrate from."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.board import Board, BoardFinder, View
from calibration.coverage import ViewSelector, draw_guide
from engines.errors import UserError
from realtime.capture import open_source
from realtime.clock import monotonic_ns
from realtime.progress_bar import progress_bar

_LOG = logging.getLogger("realtime.calibrate")
_PICTURES = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"}
_WINDOW = "realtime calibrate camera (Esc stops)"
_MAX_PICTURES = 200
_LOOK_FOR_MIRROR = 12  # pictures without a board that are looked at in a mirror

Image = NDArray[np.uint8]


@dataclass
class Looked:
    """What was found on the way, to say what is wrong when too little was."""

    pictures: int = 0
    markers: int = 0
    mirrored: int = 0
    views: list[View] = field(default_factory=list)

    def explain_nothing(self, board: Board) -> UserError:
        if not self.pictures:
            return UserError("there are no pictures to calibrate from: give a folder of PNG or JPEG files, or a video")
        if self.mirrored:
            return UserError("the pictures are mirrored left to right: take them without mirroring "
                             "(and without --mirror), since a mirrored lens is another lens")
        if self.markers:
            return UserError(f"markers were seen in the pictures but they do not fit a {board}: "
                             "give the printed board's --columns, --rows and --dictionary")
        return UserError(f"no {board} was found in {self.pictures} pictures: check --board, --columns and --rows, "
                         "the light, and that all of the board is seen")


def views_of_folder(folder: Path, board: Board) -> Looked:
    """Every picture in the folder, in the order of their names."""
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in _PICTURES)[:_MAX_PICTURES]
    looked, finder = Looked(), BoardFinder(board)
    with progress_bar() as bar:
        for path in bar.track(paths, description="looking for the board"):
            image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
            if image is None:
                raise UserError(f"{path} is not a picture that can be read: take it out of the folder")
            view = _look(looked, finder, np.asarray(image, np.uint8), path.name)
            if view is not None:
                looked.views.append(view)
    return looked


def views_of_source(source: str, board: Board, *, show: bool, keep: Path | None = None, every: int = 1,
                    seconds: float | None = None, width: int | None = None, height: int | None = None) -> Looked:
    """Views from a video or a live camera, chosen as they come.

    Ends when they are enough, at the end, after `seconds`, at Esc in the window or Ctrl-C: with what there is by then.
    """
    looked, finder = Looked(), BoardFinder(board)
    selector: ViewSelector | None = None
    stop_ns = monotonic_ns() + int(seconds * 1e9) if seconds is not None else None
    with progress_bar() as bar, contextlib.suppress(KeyboardInterrupt):
        task = bar.add_task("show the board", total=1.0)
        for name, image in _frames(source, every, width, height):
            selector = selector or ViewSelector(board, (image.shape[1], image.shape[0]))
            view = _look(looked, finder, image, name)
            if view is not None and selector.offer(view) and keep is not None:
                keep.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(keep / f"{name}.png"), image)
            progress = selector.progress
            bar.update(task, completed=progress.share, description=progress.missing[0] if progress.missing else "done")
            late = stop_ns is not None and monotonic_ns() > stop_ns
            if progress.good or late or (show and _stopped(draw_guide(image, selector, view))):
                break
    if show:
        cv2.destroyAllWindows()
    if selector is not None:
        looked.views = selector.views
        if not selector.progress.good:
            _LOG.warning("stopped before all was seen: %s", "; ".join(selector.progress.missing))
    return looked


def _frames(source: str, every: int, width: int | None, height: int | None) -> Iterator[tuple[str, Image]]:
    with open_source(source, max_speed=True, width=width, height=height) as frames:
        while (frame := frames.read()) is not None:
            if frame.stamp.frame_id % every == 0:
                yield f"frame_{frame.stamp.frame_id:06d}", frame.image_bgr


def _look(looked: Looked, finder: BoardFinder, image: Image, name: str) -> View | None:
    looked.pictures += 1
    view = finder.find(image, name)
    looked.markers = finder.markers
    if view is None and not looked.mirrored and looked.pictures <= _LOOK_FOR_MIRROR:
        looked.mirrored += finder.looks_mirrored(image)
        finder.markers = looked.markers  # those in the mirror do not count
    return view


def _stopped(guide: Image, wait_key: Callable[[int], int] = cv2.waitKey) -> bool:
    cv2.imshow(_WINDOW, guide)
    return wait_key(1) & 0xFF == 27
