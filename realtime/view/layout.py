"""Where the scene, the source's picture and the panel are in a picture of any size."""

from __future__ import annotations

from dataclasses import dataclass

_INSET_WIDTH, _INSET_HEIGHT = 0.30, 0.36  # at most, of the whole
_SIDE_WIDTH = 0.5  # at most
_MARGIN = 0.02  # of the shorter side
_PANEL_EDGES, _PANEL_ROW, _PANEL_ROWS = 1.4, 1.45, 7  # of the panel, in its letters; and how many rows it has
_PANEL_WIDTH = 14  # about; the words differ


@dataclass(frozen=True, slots=True)
class Rect:
    """Pixels; the left upper corner is inside, the right lower one is not."""

    left: int
    top: int
    width: int
    height: int

    @property
    def middle(self) -> tuple[float, float]:
        return self.left + self.width / 2, self.top + self.height / 2


@dataclass(frozen=True, slots=True)
class Arrangement:
    scene: Rect
    picture: Rect | None  # of the source
    panel: tuple[int, int]  # its left upper corner
    letter_px: int  # height of the panel's letters
    rows: int  # of the panel, that there is room for


def arrange(
    size_wh: tuple[int, int], layout: str, picture_wh: tuple[int, int] | None, *, panel: bool = True
) -> Arrangement:
    """For a picture of this size. `picture_wh` None: the source is not shown, whatever the layout. The people are
    beside the panel, not under it, where that does not make them smaller."""
    width, height = size_wh
    margin, letter = max(4, round(_MARGIN * min(width, height))), letter_px(height)
    picture, left = None, 0  # of the scene
    if picture_wh is not None and layout == "inset":
        wide, tall = _fit(picture_wh, width * _INSET_WIDTH, height * _INSET_HEIGHT)
        picture = Rect(width - margin - wide, height - margin - tall, wide, tall)
    elif picture_wh is not None and layout == "side":
        left, tall = _fit(picture_wh, width * _SIDE_WIDTH, height)
        # the panel, where it has room over the picture
        under = margin + round((_PANEL_EDGES + _PANEL_ROW * rows(height)) * letter)
        if height - tall >= under:
            picture = Rect(0, max(under, (height - tall) // 2), left, tall)
            return Arrangement(Rect(left, 0, width - left, height), picture, (margin, margin), letter, rows(height))
        picture = Rect(0, (height - tall) // 2, left, tall)
    room = max(0, width - left - height)  # people are no smaller for it
    beside = left + min(margin + round(_PANEL_WIDTH * letter), room) if panel else left
    return Arrangement(
        Rect(beside, 0, width - beside, height), picture, (left + margin, margin), letter, rows(height)
    )  # fmt: skip


def letter_px(height: int) -> int:
    """Letters are a share of the picture's height, so that they can be read in a small window and on a large screen."""
    return max(11, round(0.024 * height))


def rows(height: int) -> int:
    """The panel takes a third of the height at most: in a small window the first rows alone."""
    return max(1, min(_PANEL_ROWS, int(height / 3 / (_PANEL_ROW * letter_px(height)))))


def _fit(picture_wh: tuple[int, int], most_wide: float, most_tall: float) -> tuple[int, int]:
    scale = min(most_wide / picture_wh[0], most_tall / picture_wh[1])
    return max(1, int(picture_wh[0] * scale)), max(1, int(picture_wh[1] * scale))
