"""A remembered body: bones at their lengths, joints on their rays, depths that do not flip."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.person.body import Body, Fitted
from calibration.person.body_scale import BodyScale, bone_lengths
from calibration.person.bones import GROUP_OF, BoneMemory, memory_of, stature_of
from calibration.person.on_rays import depths_on_rays
from tests.support.people_in_view import BODY_M, BONES_M, rays_of, stepping

SURE = np.ones(17, np.float32)
LIMBS = [2, 3, 5, 6, 12, 13, 15, 16]
LENGTHS_M = [float(np.mean([BONES_M[j - 1] for j in range(1, 17) if GROUP_OF[j] == group])) for group in range(10)]


def lifted(bodies_m: np.ndarray, sigma_m: float, seed: int = 0, lasting: float = 0.9) -> np.ndarray:
    """What a lifter makes of bodies (T, 17, 3): depths off by errors that last."""
    rng, out = np.random.default_rng(seed), bodies_m.copy()
    error = rng.normal(0, sigma_m, (17,))
    for frame in range(len(out)):
        out[frame, 1:, 2] += error[1:]
        error = lasting * error + np.sqrt(1 - lasting**2) * rng.normal(0, sigma_m, 17)
    return out.astype(np.float32)


def fit(bodies_m: np.ndarray, poses_m: np.ndarray, sigma: float = 0.05, body: Body | None = None) -> list[Fitted]:
    body, rays = body or Body(), rays_of(bodies_m)
    errors = np.full(17, sigma, np.float32)
    return [body.fit(frame / 30, rays[frame], SURE, poses_m[frame], errors) for frame in range(len(rays))]


def test_depths_come_out_right_where_lengths_and_signs_are_known() -> None:
    bodies, rays = stepping(40), rays_of(stepping(40))
    for frame in range(0, 40, 5):
        behind = bodies[frame, :, 2] - bodies[frame, 0, 2]
        believed = behind + np.random.default_rng(frame).normal(0, 0.03, 17) * (np.arange(17) > 0)
        lengths = [0.0, *np.linalg.norm(bodies[frame, 1:] - bodies[frame, _parents()], axis=-1)]
        z, found = depths_on_rays(
            rays[frame].tolist(), 0, 3.2, 0.3, believed.tolist(), [0.05] * 17, lengths, [0.002] * 17
        )
        assert abs(z - 3.0) < 0.1
        drawn = np.concatenate((rays[frame], np.ones((17, 1))), 1) * (z + np.array([0, *found[1:]]))[:, None]
        np.testing.assert_allclose(bone_lengths(drawn)[1:], lengths[1:], atol=0.01)
        off, before = (np.abs(some - behind)[LIMBS] for some in (np.array(found), believed))
        assert off.mean() < before.mean() + 0.005


def test_about_the_thorax_depths_are_those_about_the_hip() -> None:
    """The same tree with another root: with the same things believed, the same comes out."""
    body, rays = BODY_M - BODY_M[0], rays_of(BODY_M[None])[0].tolist()
    lengths = [0.0, *(1.05 * BONES_M)]
    found = []
    for anchor in (0, 8):
        behind = body[:, 2] - body[anchor, 2]
        z, own = depths_on_rays(
            rays, anchor, 3.0 + body[anchor, 2], 9.0, behind.tolist(), [9.0] * 17, lengths, [0.01] * 17, 9
        )
        found.append(z + np.array(own))
    np.testing.assert_allclose(found[0], found[1], atol=0.02)


def test_a_second_of_a_moving_body_tells_its_bones() -> None:
    body = Body(BoneMemory([1.25 * metres for metres in LENGTHS_M]))
    before = np.abs(np.log(np.array(body.bones.lengths_m) / LENGTHS_M))
    bodies = stepping(240)
    fit(bodies, lifted(bodies, 0.04), body=body)
    after = np.abs(np.log(np.array(body.bones.lengths_m) / LENGTHS_M))
    assert after.max() < 0.12
    assert after.mean() < 0.2 * before.mean()
    assert max(body.bones.spread) < 0.1


def test_poses_get_better_steadier_and_keep_to_the_picture() -> None:
    bodies = stepping(200)
    poses = lifted(bodies, 0.05)
    fitted = np.array([one.joints_m for one in fit(bodies, poses)])
    true = bodies - bodies[:, :1]
    errors = [np.linalg.norm(some - true, axis=-1)[60:].mean() for some in (poses - poses[:, :1], fitted)]
    assert errors[1] < 0.85 * errors[0]
    known = [bone_lengths(some[60:])[:, 1:] for some in (poses, fitted)]
    spreads = [(lengths.std(0) / lengths.mean(0)).max() for lengths in known]
    assert spreads[1] < 0.04 < spreads[0]
    root = np.array([one.root[:3] for one in fit(bodies, poses)])
    points = fitted + root[:, None]
    assert np.abs(points[..., :2] / points[..., 2:] - rays_of(bodies))[60:].max() < 0.02


def test_what_rests_in_the_picture_does_not_leap_in_depth() -> None:
    """The lifter takes the leg to the other side at once, 40 cm away; the keypoints do not move."""
    bodies = np.repeat(BODY_M[None], 90, 0)
    bodies[:, 2, 2], bodies[:, 3] = -0.2, (-0.12, 0.75, -0.1)
    poses = bodies.copy()
    poses[45:, [2, 3], 2] *= -1
    fitted = np.array([one.joints_m for one in fit(bodies, poses.astype(np.float32))])
    assert np.abs(np.diff(fitted[..., 2], axis=0)).max() < 0.02
    assert (fitted[45:52, 2, 2] < -0.08).all()


@settings(max_examples=30, deadline=None)
@given(gone=st.sets(st.integers(0, 16), min_size=1, max_size=9), first=st.integers(20, 40))
def test_nothing_leaps_when_joints_go_or_come(gone: set[int], first: int) -> None:
    bodies = stepping(80)
    poses = (bodies - bodies[:, :1]).astype(np.float32)
    rays, body = rays_of(bodies), Body()
    rays[first : first + 20, sorted(gone)] = np.nan
    errors = np.full(17, 0.05, np.float32)
    placed = np.array([body.fit(t / 30, rays[t], SURE, poses[t], errors).joints_m for t in range(80)])
    own = np.abs(np.diff(poses, axis=0)).max()
    assert np.linalg.norm(np.diff(placed, axis=0), axis=-1)[1:].max() < 0.05 + 2 * own


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), missing=st.floats(0, 1))
def test_whatever_is_seen_poses_are_finite(seed: int, missing: float) -> None:
    rng, body = np.random.default_rng(seed), Body()
    for frame in range(6):
        rays = rng.normal(0, 0.2, (17, 2)).astype(np.float32)
        rays[rng.random(17) < missing] = np.nan
        pose = rng.normal(0, 0.3, (17, 3)).astype(np.float32)
        fitted = body.fit(frame * rng.choice([0.03, 0.2, 2.0]), rays, rng.random(17).astype(np.float32), pose,
                          np.full(17, 0.05, np.float32))  # fmt: skip
        assert np.isfinite(fitted.joints_m).all()
        assert np.isfinite(fitted.sigma_m).all()
        assert np.isfinite(body.bones.lengths_m).all()


def test_errors_say_what_was_not_seen_and_that_sides_are_in_doubt() -> None:
    pose, sigma = BODY_M.astype(np.float32), np.full(17, 0.03, np.float32)
    rays = rays_of(BODY_M[None])[0]
    seen = tuple(joint != 16 for joint in range(17))
    clear, hidden, unsure = (
        Body().fit(0, rays, SURE, pose, sigma, *more).sigma_m for more in ((), (seen,), (seen, 0.5))
    )
    assert (clear < sigma).all()  # the body makes a pose truer
    assert hidden[16] > 2 * sigma[16]
    np.testing.assert_array_equal(hidden[:16], clear[:16])
    assert (unsure > 3 * sigma).all()


def test_keypoints_that_no_such_pose_projects_to_are_told_by_its_errors() -> None:
    pose, sigma = BODY_M.astype(np.float32), np.full(17, 0.03, np.float32)

    def told(shifted_m: float) -> float:
        body, otherwise = Body(), BODY_M.copy()
        otherwise[1:7, 1] += shifted_m  # hips and legs, as another laboratory defines them
        rays = rays_of(otherwise[None])[0]
        for frame in range(30):
            fitted = body.fit(frame / 30, rays, SURE, pose, sigma)
        return float(fitted.sigma_m.mean())

    assert told(0.0) < told(0.03) < told(0.06)
    assert told(0.06) > sigma[0]
    assert told(5.0) < 0.5  # what is astray is not taken for another definition


def test_a_measured_person_is_known_from_the_first_frame_and_a_rigid_one_stays() -> None:
    bones = np.array([np.nan, *BONES_M]) * 1.1
    known, rigid = memory_of(BodyScale("x", bones_m=bones)), memory_of(BodyScale("x", bones_m=bones, rigid=True))
    for memory in (known, rigid):
        np.testing.assert_allclose(np.array(memory.lengths_m) / memory.lengths_m[1], np.array(LENGTHS_M) / LENGTHS_M[1])
        assert stature_of(memory.lengths_m) == pytest.approx(stature_of(BoneMemory().lengths_m))
    bodies = stepping(30)
    before = list(rigid.lengths_m)
    placed = fit(bodies, lifted(bodies, 0.1), body=Body(rigid))
    assert rigid.lengths_m == before
    np.testing.assert_allclose(bone_lengths(placed[-1].joints_m)[1:], rigid.of_joints_m[1:], atol=1e-5)


def _parents() -> list[int]:
    from engines.models.skeleton import PARENTS

    return list(PARENTS[1:])
