"""A pose at its real size: what is known of the person, then what the floor says, then what the lifter believes."""

from __future__ import annotations

import numpy as np
import pytest

from calibration.person.body_scale import BodyScale, bone_lengths
from calibration.person.bones import BoneMemory, stature_of
from calibration.person.size import Size

POSE = np.random.default_rng(0).normal(0, 0.4, (17, 3)).astype(np.float32)
SIGMA = np.full(17, 0.03, np.float32)
BONES = BoneMemory()


def test_the_floor_is_heard_from_its_thirtieth_step_on() -> None:
    size = Size()
    for _ in range(29):
        size.hear_floor(1.2, "height")
        assert not size.floor_is_heard
    assert (size.fit(POSE, SIGMA, BONES).factor, size.fit(POSE, SIGMA, BONES).scale) == (1.0, "assumed")
    size.hear_floor(1.2, "height")
    sized = size.fit(POSE, SIGMA, BONES)
    assert (sized.factor, sized.scale) == (pytest.approx(1.2), "height")
    np.testing.assert_allclose(sized.pose_m, POSE * 1.2, rtol=1e-6)
    np.testing.assert_allclose(sized.sigma_m, SIGMA * 1.2, rtol=1e-6)


@pytest.mark.parametrize("factor", [0.3, 3.0, -1.0, float("nan"), float("inf")])
def test_what_no_body_can_be_is_no_step_on_the_floor(factor: float) -> None:
    size = Size()
    for _ in range(40):
        size.hear_floor(factor, "measured")
    assert not size.floor_is_heard


def test_a_known_height_makes_the_remembered_body_as_tall() -> None:
    sized = Size(BodyScale("x", 1.6)).fit(POSE, SIGMA, BONES)
    assert (sized.factor * stature_of(BONES.lengths_m), sized.scale) == (pytest.approx(1.6), "height")


def test_bones_tell_the_height_that_was_not_given() -> None:
    bones = bone_lengths(POSE)
    by_bones, by_height = Size(BodyScale("x", bones_m=bones)), Size(BodyScale("x", 1.6))
    ratio = by_height.fit(POSE, SIGMA, BONES).factor / by_bones.fit(POSE, SIGMA, BONES).factor
    assert ratio == pytest.approx(1.6 / by_bones.height_m)
