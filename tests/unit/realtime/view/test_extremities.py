"""Feet and hands in the scene: tubes between their points, which go with their joints, and nothing where none are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pose_messages import message, person

from engines.models.skeleton import HANG_ON, JOINTS
from realtime.rig.extremities import LINES, ON
from realtime.view.scene.between import Between
from realtime.view.scene.extremities import Extremities
from realtime.view.scene.figure import COARSE, FINE, Detail
from realtime.view.scene.follow import Figure, Follow, upright
from realtime.view.source_picture import draw_keypoints
from realtime.wire.messages import KeypointsMessage, PersonKeypoints, PersonPose

RNG = np.random.default_rng(2)
ABOUT_M = RNG.uniform(-0.1, 0.1, (10, 3)).astype(np.float32)  # of the joints that they hang on
NOWHERE = np.zeros(3)


def with_extremities(one: PersonPose) -> PersonPose:
    joints_m = RNG.uniform(-0.5, 0.5, (JOINTS, 3)).astype(np.float32)
    feet_m, hands_m = (joints_m[list(HANG_ON[name])] + part
                       for name, part in (("feet", ABOUT_M[:4]), ("hands", ABOUT_M[4:])))  # fmt: skip
    return replace(one, joints_m=joints_m, feet_m=feet_m, hands_m=hands_m)


def figure(one: PersonPose, space: str = "camera") -> Figure:
    follow = Follow()
    follow.update(message(one, space=space))
    return follow.figures[0]


@pytest.mark.parametrize("space", ["camera", "world"])
@pytest.mark.parametrize("detail", [FINE, COARSE])
def test_tubes_run_from_point_to_point(detail: Detail, space: str) -> None:
    seen, mesh = figure(with_extremities(person()), space), Extremities(detail)
    mesh.update(seen, NOWHERE)
    points_m = np.concatenate((seen.joints_m, seen.joints_m[list(ON)] + upright(ABOUT_M.astype(float), space)))
    ends_m = mesh.vertices.reshape(len(LINES), 2, -1, 3).mean(2)
    np.testing.assert_allclose(ends_m, points_m[np.array(LINES)], atol=1e-6)
    assert 0 <= mesh.colours.min() <= mesh.colours.max() <= 1
    assert mesh.colours.max() > 0


def test_what_is_not_known_is_one_point() -> None:
    one = with_extremities(person())
    assert one.hands_m is not None
    one.hands_m[0] = np.nan
    mesh = Extremities()
    mesh.update(figure(replace(one, feet_m=None)), NOWHERE)
    sizes_m = np.ptp(mesh.vertices.reshape(len(LINES), -1, 3), axis=1).max(1)
    lost = {JOINTS, JOINTS + 1, JOINTS + 2, JOINTS + 3, JOINTS + 4}
    np.testing.assert_array_equal(sizes_m > 0, [not lost & set(line) for line in LINES])
    mesh.update(figure(person()), NOWHERE)
    assert np.ptp(mesh.vertices, axis=0).max() == 0


def test_they_go_on_with_their_joints_between_two_poses() -> None:
    one = with_extremities(person())
    follow, between = Follow(), Between()
    for index in range(2):
        moved = replace(one, root_m=one.root_m + np.float32(0.1 * index))
        follow.update(message(moved))
        between.update(follow, index * 33_000_000, index * 33_000_000)
    later = between.at(follow, 60_000_000).figures[0]
    assert np.abs(later.joints_m - follow.figures[0].joints_m).max() > 0.01
    np.testing.assert_array_equal(later.extremities_m, follow.figures[0].extremities_m)


def test_without_any_nothing_is_kept_of_them() -> None:
    assert figure(person()).extremities_m is None


def test_they_lie_over_the_source_picture_where_they_were_seen() -> None:
    xy_px = np.full((JOINTS, 2), np.nan, np.float32)
    xy_px[3], xy_px[16] = (40, 80), (120, 40)  # the right ankle and wrist, alone
    score = np.where(np.isfinite(xy_px[:, 0]), 0.9, 0).astype(np.float32)
    feet, hands = np.full((4, 3), np.nan, np.float32), np.full((6, 3), np.nan, np.float32)
    feet[0], feet[1], hands[1] = (35, 90, 0.9), (60, 90, 0.05), (140, 20, 0.9)  # the toe was hardly seen

    def drawn(**more: np.ndarray) -> np.ndarray:
        image = np.zeros((120, 160, 3), np.uint8)
        seen = PersonKeypoints(1, xy_px, score, **more)
        draw_keypoints(image, KeypointsMessage("main", "s", 0, 0, 0, 0, 0, 0, (160, 120), 0, (seen,)), 1.0)
        return image.max(-1) > 60

    changed = drawn(feet=feet, hands=hands) & ~drawn()
    assert changed[88:92, 33:38].any()
    assert changed[18:22, 138:142].any()
    assert not changed[:, 50:110].any(), "the toe"
