"""Where a detector looks: everywhere in turn where nobody is seen, with who is small, at the whole otherwise."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from realtime.detectors.small_people import SmallPeople, Square, tiles_of

FRAME_NS = 33_333_333
PICTURE = np.zeros((720, 1280, 3), np.uint8)
Box = np.ndarray


class World:
    """People by their boxes; seen in a part of the picture where they are whole in it and large enough there."""

    def __init__(self, *boxes: Box) -> None:
        self.boxes = list(boxes)
        self.looks: list[tuple[int, int]] = []
        self.small = SmallPeople(self.find)
        self.picture = np.zeros((720, 1280, 3), np.uint8)
        rows, columns = np.mgrid[:720, :1280]
        self.picture[..., 0], self.picture[..., 1] = columns // 8, rows // 8  # a tile's corner can be told

    def find(self, image_bgr: np.ndarray) -> list[Box]:
        self.looks.append(image_bgr.shape[:2])
        corner = 8 * image_bgr[0, 0, :2].astype(int)
        return self.seen(Square(int(corner[0]), int(corner[1]), image_bgr.shape[0]), image_bgr.shape[1], 12)

    def seen(self, square: Square, width: int, slack: int = 0) -> list[Box]:
        corner = np.array((square.left, square.top))
        end = corner + np.array((width, square.side)) + slack
        return [own - corner for own in self.boxes
                if (own[0] >= corner).all() and (own[1] <= end).all() and np.ptp(own[:, 1]) > 0.15 * width]

    def frame(self, number: int) -> list[Box]:
        """What the detector finds where it looks, in the picture's pixels."""
        square = self.small.square
        if square is None:
            boxes = self.seen(Square(0, 0, 720), 1280)
        else:
            corner = np.array((square.left, square.top))
            boxes = [own + corner for own in self.seen(square, square.side)]
        self.small.saw(self.picture, number * FRAME_NS, boxes)
        return boxes


def box(x: float, y: float, tall: float) -> Box:
    return np.array([(x - tall / 4, y - tall / 2), (x + tall / 4, y + tall / 2)])


@given(st.integers(64, 4000), st.integers(64, 4000), st.floats(0, 1), st.floats(0, 1))
def test_who_is_a_third_of_a_tile_is_whole_in_one(width: int, height: int, x: float, y: float) -> None:
    tiles = tiles_of(width, height)
    side = tiles[0].side
    assert all(0 <= tile.left <= width - side and 0 <= tile.top <= height - side for tile in tiles)
    size = side / 3 - 2
    low = np.array((x * (width - size), y * (height - size)))
    assert any((low >= (tile.left, tile.top)).all() and (low + size <= (tile.left + side, tile.top + side)).all()
               for tile in tiles)


def test_somebody_small_is_found_followed_and_let_go() -> None:
    world, found = World(box(300, 400, 120)), []
    for number in range(240):
        if number > 60:  # walks to the right, two pixels a frame
            world.boxes = [box(300 + 2 * (number - 60), 400, 120)]
        if number >= 200:
            world.boxes = []
        found.append(bool(world.frame(number)))
    assert not found[0]
    first = found.index(True)
    assert first < 60
    assert all(found[first:200]), "never lost on the way"
    assert world.small.square is None


def test_the_search_costs_so_many_looks_a_second_however_fast_the_camera() -> None:
    for rate_hz in (10, 30, 240):
        world = World()
        for number in range(rate_hz * 3):
            world.small.saw(world.picture, round(number * 1e9 / rate_hz), [])
        assert len(world.looks) <= 3 * 8 + 1
        assert len(world.looks) >= 12, "or somebody would wait long"
    busy = World(box(600, 360, 500))
    for number in range(90):
        busy.frame(number)
    assert not busy.looks, "where somebody is seen nothing is searched"


def test_who_grows_large_is_looked_for_in_the_whole_picture_again() -> None:
    world = World(box(640, 360, 120))
    for number in range(150):
        world.boxes = [box(640, 360, 120 + 2 * max(number - 60, 0))]
        assert world.frame(number) or number < 60
    assert world.small.square is None


def test_somebody_large_elsewhere_ends_the_following_of_a_part() -> None:
    world = World(box(200, 200, 120))
    for number in range(60):
        world.frame(number)
    assert world.small.square is not None
    world.boxes.append(box(1000, 360, 600))
    for number in range(60, 100):
        found = world.frame(number)
    assert world.small.square is None
    assert len(found) == 1, "who is small is not seen in the whole picture"


def test_another_scene_and_a_film_that_begins_again_are_searched_at_once() -> None:
    world = World(box(640, 360, 120))
    for number in range(60):
        world.frame(number)
    assert world.small.square is not None
    world.small.clear()
    assert world.small.square is None
    world.boxes = []
    world.frame(60)
    looks = len(world.looks)
    world.frame(0)
    assert len(world.looks) == looks + 1


def test_places_in_a_square_are_those_of_the_picture() -> None:
    square, xy = Square(100, 50, 200), np.array([(0, 0), (0.5, 1.0)], np.float32)
    whole = square.to_whole(xy, (1280, 720)) * (1280, 720)
    np.testing.assert_allclose(whole, [(100, 50), (200, 250)], atol=1e-3)
    assert square.of(PICTURE).shape == (200, 200, 3)
