"""What the protocols of mistakes change, and what they leave."""

from __future__ import annotations

import numpy as np
import pytest

from engines.evaluation.evaluate import chain_length, facing_of
from engines.evaluation.protocols import GROUPS, PROTOCOLS, build
from engines.evaluation.spoiled_keypoints import CALM, DESK, ENDS, UPPER
from engines.models.skeleton import FLIP
from tests.support.people_in_view import BODY_M, stepping

CLIPS = {"03_01/0": (stepping(150) * (1, -1, -1) + (0, 1, 0)).astype(np.float32)}
OWN = build("own", CLIPS, 1)


@pytest.mark.parametrize("name", [*GROUPS["cut-off"], *GROUPS["mistakes"]])
def test_poses_and_views_are_those_of_the_unspoiled_protocol(name: str) -> None:
    spoiled, again = build(name, CLIPS, 1), build(name, CLIPS, 1)
    np.testing.assert_array_equal(spoiled.pose_m, OWN.pose_m)
    np.testing.assert_array_equal(spoiled.rays, again.rays)
    if not PROTOCOLS[name].noisy and name != "definitions":
        assert (spoiled.rays[:, 0] == OWN.rays[:, 0]).any()


def test_a_desk_hides_hips_and_legs_and_is_scored_about_the_thorax() -> None:
    desk = build("desk", CLIPS, 1)
    assert np.isnan(desk.rays[:, :, list(DESK)]).all()
    np.testing.assert_array_equal(desk.rays[:, :, list(UPPER)], OWN.rays[:, :, list(UPPER)])
    assert (desk.origin, tuple(np.flatnonzero(desk.joints))) == (8, UPPER)


def test_who_comes_and_goes_is_whole_in_between() -> None:
    gone = np.isnan(build("come-and-go", CLIPS, 1).rays[0, :, 3, 0])
    assert gone[60:120].all()
    assert not gone[:60].any()
    assert not gone[120:].any()


@pytest.mark.parametrize(("frames", "score"), [(1, 0.3), (30, 0.9)])
def test_one_wrist_or_ankle_strays_and_nothing_else(frames: int, score: float) -> None:
    data = build(f"stray{frames}-{score}", CLIPS, 1)
    changed = (data.rays != OWN.rays).any(-1)[0]
    assert not changed[:CALM].any()
    assert changed[CALM : CALM + frames].sum(1).tolist() == [1] * frames
    assert set(np.flatnonzero(changed.any(0))) <= set(ENDS)
    np.testing.assert_allclose(data.score[0][changed], score)


def test_every_other_frame_is_swapped() -> None:
    data = build("swapped", CLIPS, 1)
    np.testing.assert_array_equal(data.rays[:, 1::2], OWN.rays[:, 1::2][:, :, list(FLIP)])
    np.testing.assert_array_equal(data.rays[:, ::2], OWN.rays[:, ::2])


def test_which_way_a_person_faces() -> None:
    turns = [BODY_M, BODY_M * (-1, 1, -1), BODY_M[:, [2, 1, 0]] * (1, 1, -1)]
    assert facing_of(np.stack(turns)).tolist() == ["front", "back", "side"]


def test_a_chain_grows_with_the_body() -> None:
    assert chain_length(1.2 * BODY_M) == pytest.approx(1.2 * chain_length(BODY_M))
