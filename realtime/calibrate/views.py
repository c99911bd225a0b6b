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

from calibration.lens.board import MIN_CORNERS, Board, BoardFinder, View
from calibration.lens.board_guess import guess_board
from calibration.lens.coverage import ViewSelector, distinct_views, draw_guide
from calibration.lens.photo import held_alike, read_photo
from engines.errors import UserError
from realtime.clock import monotonic_ns
from realtime.progress_bar import progress_bar
from realtime.sources.open_source import open_source

_LOG = logging.getLogger("realtime.calibrate")
_PICTURES = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"}
_WINDOW = "realtime calibrate camera (Esc stops)"
_SAMPLES = 3
_MAX_VIEWS = 100  # more cost minutes and tell nothing new

Image = NDArray[np.uint8]


@dataclass
class Looked:
    """What was found on the way, to say what is wrong when too little was."""

    pictures: int = 0
    found: int = 0  # pictures with the board in them, chosen or not
    markers: int = 0  # the most in one picture
    mirrored: bool = False
    views: list[View] = field(default_factory=list)
    samples: list[tuple[int, Image]] = field(default_factory=list)  # markers in them, pictures; see `keep`

    def keep(self, markers: int, image: Image) -> None:
        """Of the pictures some with most markers, to find out which board it is."""
        if len(self.samples) < _SAMPLES or markers > self.samples[-1][0]:
            self.samples = sorted([*self.samples, (markers, image.copy())], key=lambda kept: -kept[0])[:_SAMPLES]

    def check_whole(self, board: Board) -> None:
        """Raises UserError where what was found of a chessboard is a part of a larger one."""
        right = guess_board(board, [image for _, image in self.samples]) if board.kind == "chessboard" else ""
        if right:
            raise UserError(f"the pictures show more than a {board}: give {right}")

    def explain_nothing(self, board: Board) -> UserError:
        if not self.pictures:
            return UserError("there are no pictures to calibrate from: give a folder of PNG or JPEG files, or a video")
        if self.mirrored:
            return UserError("the pictures are mirrored left to right: take them without mirroring "
                             "(and without --mirror), since a mirrored lens is another lens")
        if self.found:
            return UserError(f"the board was found in {self.found} pictures, all of them blurred: hold it still, in "
                             "focus and in good light")
        right = guess_board(board, [image for _, image in self.samples])
        if right:
            return UserError(f"the pictures show no {board}, but another one: give {right}")
        if self.markers >= MIN_CORNERS:
            return UserError(f"markers were seen in the pictures but they do not fit a {board}: "
                             "give the printed board's --columns, --rows and --dictionary")
        if self.markers:
            return UserError(f"no picture shows more than {self.markers} of the board's markers clearly: hold it "
                             f"still, closer, in focus and in good light, and check that it is a {board}")
        return UserError(f"no {board} was found in {self.pictures} pictures: check --board, --columns and --rows, "
                         "the light, and that all of the board is seen")


def picture_paths(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in _PICTURES)


def views_of_folder(folder: Path, board: Board) -> Looked:
    """Of every picture in the folder, in the order of their names; those that show the same again count once."""
    paths = picture_paths(folder)
    looked, finder, turns = Looked(), BoardFinder(board), list[int]()
    with progress_bar() as bar:
        for path in bar.track(paths, description="looking for the board"):
            photo = read_photo(path)
            if photo is None:
                raise UserError(f"{path} is not a picture that can be read: take it out of the folder")
            view = _look(looked, finder, photo[0], path.name)
            if view is not None:
                looked.views.append(view)
                turns.append(photo[1])
    _say_legacy(finder)
    looked.views, turned = held_alike(looked.views, turns)
    if turned:
        _LOG.info("the camera was held differently in %d of %d pictures: taken as it was held for the others",
                  turned, len(turns))  # fmt: skip
    found, looked.views = len(looked.views), distinct_views(looked.views, _MAX_VIEWS)
    if len(looked.views) < found:
        _LOG.info("%d of %d views left out: others show nearly the same", found - len(looked.views), found)
    return looked


def views_of_source(source: str, board: Board, *, show: bool, keep: Path | None = None, every: int = 1,
                    seconds: float | None = None, width: int | None = None, height: int | None = None,
                    begin: Callable[[tuple[int, int]], None] = lambda image_wh: None) -> Looked:
    """Views from a video or a live camera, chosen as they come; `begin` is called once with the pictures' size.

    Ends when they are enough, at the end, after `seconds`, at Esc in the window or Ctrl-C: with what there is by then.
    """
    looked, finder = Looked(), BoardFinder(board)
    selector: ViewSelector | None = None
    stop_ns = monotonic_ns() + int(seconds * 1e9) if seconds is not None else None
    with progress_bar() as bar, contextlib.suppress(KeyboardInterrupt):
        task = bar.add_task("show the board", total=1.0)
        for name, image in _frames(source, every, width, height):
            if selector is None:
                image_wh = image.shape[1], image.shape[0]
                begin(image_wh)
                selector = ViewSelector(board, image_wh)
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
    _say_legacy(finder)
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
    looked.found += view is not None
    if not looked.found or (finder.board.kind == "chessboard" and view is not None):
        looked.keep(int(view is not None) or finder.markers, image)
    looked.markers = max(looked.markers, finder.markers)
    if not looked.found and not looked.mirrored:  # who found it once as it is needs no mirror
        looked.mirrored = finder.looks_mirrored(image)
    return view


def _say_legacy(finder: BoardFinder) -> None:
    if finder.board.legacy:
        _LOG.info("the board has the layout of calib.io and of OpenCV before 4.6, and was taken as that")


def _stopped(guide: Image, wait_key: Callable[[int], int] = cv2.waitKey) -> bool:
    cv2.imshow(_WINDOW, guide)
    return wait_key(1) & 0xFF == 27
