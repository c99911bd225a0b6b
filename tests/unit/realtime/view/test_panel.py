"""The panel says what the stream says, and can be read in any window; nothing covers what it should not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.view.layout import Rect, arrange
from realtime.view.panel import Panel, card, name_tag
from realtime.view.picture import paste
from realtime.view.scene.overlay import Card
from realtime.wire.messages import PersonPose, PoseMessage

ONES = np.ones(17, np.float32)


def message(index: int, people: int = 1, *, held: bool = False, new_session: bool = False) -> PoseMessage:
    persons = tuple(
        PersonPose(number, np.zeros((17, 3), np.float32), np.float32((0, 0, 4)), ONES, ONES, 0, 1.0, held)
        for number in range(people)
    )
    capture_ns = index * 33_000_000
    return PoseMessage("main", "s", index, index, capture_ns, capture_ns + 52_000_000, (640, 480), "camera", "assumed",
                       "h36m-17", "", "onnxruntime", "stream-243", 0, 7, persons, new_session=new_session)  # fmt: skip


def test_it_names_rate_latency_model_space_scale_and_drops() -> None:
    panel = Panel()
    assert panel.rows(0.0) == [("state", "waiting for the stream")]
    panel.update(message(0))
    rows = dict(panel.rows(29.96))
    assert rows == {
        "state": "live", "rate": "30.0 fps", "latency": "52 ms, p99 52", "model": "stream-243 on onnxruntime",
        "space": "camera", "scale": "assumed", "dropped": "7",
    }  # fmt: skip


def test_the_state_is_told_in_words() -> None:
    panel = Panel()
    for told, expected in (
        (message(0, 0, new_session=True), "live, nobody in view"), (message(1, 2), "live, 2 people"),
        (message(2, held=True), "held: not seen now"), (message(3, new_session=True), "live, reconnected"),
    ):  # fmt: skip
        panel.update(told)
        assert panel.rows(30.0)[0] == ("state", expected)
    assert panel.rows(30.0, "no pose for 3 s")[0] == ("state", "no pose for 3 s")


@pytest.mark.parametrize("size_wh", [(640, 480), (960, 720), (3840, 2160)])
def test_letters_are_a_share_of_the_height_and_the_panel_fits(size_wh: tuple[int, int]) -> None:
    at = arrange(size_wh, "inset", (16, 9))
    panel = Panel()
    panel.update(message(0))
    image = panel.image(30.0, at.letter_px)
    assert at.letter_px >= 11
    assert at.letter_px / size_wh[1] == pytest.approx(0.024, abs=0.003)
    assert image.shape[0] < size_wh[1] / 2
    assert image.shape[1] < size_wh[0] / 2
    ink = image.min(-1) < 110
    rows = np.flatnonzero(ink.any(1))
    assert ink.any(0).sum() > 5 * at.letter_px
    assert np.diff(rows).max() > 0.2 * at.letter_px  # lines apart from each other


@given(
    st.tuples(st.integers(64, 4096), st.integers(64, 4096)), st.sampled_from(("inset", "side", "3d")),
    st.none() | st.tuples(st.integers(16, 4096), st.integers(16, 4096)),
)  # fmt: skip
def test_every_part_is_inside_the_picture(
    size_wh: tuple[int, int], layout: str, picture_wh: tuple[int, int] | None
) -> None:
    at = arrange(size_wh, layout, picture_wh)
    assert (at.picture is None) == (layout == "3d" or picture_wh is None)
    for part in (at.scene, at.picture):
        if part is not None:
            assert part.width > 0
            assert part.height > 0
            assert part.left >= 0
            assert part.top >= 0
            assert part.left + part.width <= size_wh[0]
            assert part.top + part.height <= size_wh[1]
    if layout == "3d" and size_wh[0] > size_wh[1] + 20 * at.letter_px:
        assert at.scene.left > at.panel[0] + 10 * at.letter_px  # beside the panel
    assert arrange(size_wh, "3d", None, panel=False).scene == Rect(0, 0, *size_wh)
    if layout == "side" and at.picture is not None:
        assert at.picture.left + at.picture.width <= at.scene.left


def test_a_card_that_sticks_out_is_cut_off() -> None:
    image = np.zeros((20, 30, 3), np.uint8)
    tag = np.full((8, 8, 3), 9, np.uint8)
    paste(image, [Card("a", -4, -4, tag), Card("b", 26, 16, tag), Card("c", 100, 100, tag)])
    assert (image > 0).any(-1).sum() == 2 * 16


def test_the_same_letters_are_drawn_once() -> None:
    assert card((("state", "live"),), 20) is card((("state", "live"),), 20)
    assert name_tag(3, 0, 20) is name_tag(3, 0, 20)
