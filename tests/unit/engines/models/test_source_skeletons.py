"""Other joint sets as our 17: where each joint comes from, what stands in for what is not seen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from engines.errors import UserError
from engines.models.skeleton import JOINT_NAMES, JOINTS, MEDIAPIPE33_TO_17
from engines.models.source_skeletons import SKELETONS, skeleton_named, skeleton_of_count

OF_OTHERS = [one for one in SKELETONS.values() if one.name != "h36m17"]


@pytest.mark.parametrize("one", SKELETONS.values(), ids=lambda one: one.name)
def test_every_joint_is_made_where_all_is_seen(one: object) -> None:
    xy = np.random.default_rng(0).uniform(0, 500, (4, one.count, 2))
    ours, score = one.to_17(xy, np.ones((4, one.count)))
    assert ours.shape == (4, JOINTS, 2)
    assert np.isfinite(ours).all()
    np.testing.assert_allclose(score, 1, atol=1e-6)


@pytest.mark.parametrize("one", OF_OTHERS, ids=lambda one: one.name)
def test_limbs_are_the_sets_own_on_their_sides(one: object) -> None:
    xy = np.random.default_rng(1).uniform(0, 500, (one.count, 2)).astype(np.float32)
    ours, _ = one.to_17(xy, np.ones(one.count))
    for joint, name in enumerate(JOINT_NAMES):
        if name in one.joints:
            assert np.array_equal(ours[joint], xy[one.joints[name]]), name
    for side in ("left", "right"):
        assert f"{side}_wrist" in one.joints


@settings(max_examples=30, deadline=None)
@given(xy=arrays(np.float32, (33, 2), elements=st.floats(-100, 3000, width=32)))
def test_mediapipes_joints_are_those_of_the_live_detector(xy: np.ndarray) -> None:
    ours, _ = SKELETONS["mediapipe33"].to_17(xy, np.ones(33))
    np.testing.assert_allclose(ours, MEDIAPIPE33_TO_17 @ xy, atol=0.01)


def test_one_ear_or_the_nose_stand_in_for_the_head() -> None:
    coco = SKELETONS["coco17"]
    xy = np.full((3, 17, 2), 100.0)
    xy[:, 3:5, 1], xy[:, 0, 1] = 50, 52  # ears and nose above the shoulders
    score = np.ones((3, 17))
    xy[1, 3] = np.nan  # one ear missing
    score[2, 3:5] = 0.01  # both hardly seen
    ours, sure = coco.to_17(xy, score)
    head = JOINT_NAMES.index("head")
    np.testing.assert_allclose(ours[:, head, 1], [36.5, 36.5, 39.04], atol=0.01)
    assert (sure[:, head] > 0.9).all()
    xy[2, [0, 3, 4]] = np.nan
    ours, sure = coco.to_17(xy, score)
    assert np.isnan(ours[2, head]).all()
    assert sure[2, head] == 0


def test_a_joint_hardly_seen_is_better_than_none() -> None:
    score = np.full(17, 0.02)
    ours, sure = SKELETONS["coco17"].to_17(np.ones((17, 2)), score)
    assert np.isfinite(ours).all()
    np.testing.assert_allclose(sure, 0.02)


@pytest.mark.parametrize(("joints", "name"), [(17, "h36m17"), (25, "body25"), (26, "halpe26"), (33, "mediapipe33"),
                                              (133, "wholebody133")])  # fmt: skip
def test_a_set_is_told_by_its_count(joints: int, name: str) -> None:
    assert skeleton_of_count(joints).name == name


def test_unknown_sets_are_refused_with_the_names() -> None:
    with pytest.raises(UserError, match="coco17, movenet"):
        skeleton_named("coco")
    with pytest.raises(UserError, match=r"18 joints, which no skeleton has: give .*133 \(wholebody133\)"):
        skeleton_of_count(18)
    with pytest.raises(ValueError, match="17 joints"):
        SKELETONS["coco17"].to_17(np.zeros((16, 2)), np.zeros(16))
