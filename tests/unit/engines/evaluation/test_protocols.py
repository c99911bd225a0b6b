"""The evaluation sets: the same every time, in camera axes, and different in what they name and nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engines.errors import UserError
from engines.evaluation.constructed_poses import POSES, construct
from engines.evaluation.detector_noise import detect
from engines.evaluation.protocols import GROUPS, PROTOCOLS, build, expand, held_out_clips, prepared
from engines.evaluation.virtual_views import OTHER_LAB_M, ViewRange, bones, rebuild, retarget, see
from engines.models.skeleton import FLIP, PARENTS
from engines.motion.evaluation_set import at_rate, pieces
from engines.motion.split import TEST_SUBJECTS, subject_of

Float = NDArray[np.float32]


def standing(frames: int = 90, seed: int = 0) -> Float:
    """A person of bones like people's, facing +z, who walks forward and moves a little. (T, 17, 3), y up."""
    offsets = np.array((
        (0, 0.95, 0), (-0.1, 0, 0), (0, -0.42, 0.02), (0, -0.43, -0.02), (0.1, 0, 0), (0, -0.42, 0.02),
        (0, -0.43, -0.02), (0, 0.25, 0), (0, 0.25, 0), (0, 0.12, 0.03), (0, 0.12, 0),
        (0.15, 0, 0), (0.03, -0.28, 0), (0, -0.25, 0.05),
        (-0.15, 0, 0), (-0.03, -0.28, 0), (0, -0.25, 0.05),
    ))  # fmt: skip
    joints = np.zeros((frames, 17, 3))
    rng = np.random.default_rng(seed)
    sway = 0.02 * np.sin(np.arange(frames)[:, None, None] / 9 + rng.uniform(0, 6, (1, 17, 3)))
    for joint, parent in enumerate(PARENTS):
        start = joints[:, parent] if parent >= 0 else np.zeros((frames, 3))
        joints[:, joint] = start + offsets[joint] + (sway[:, joint] if parent >= 0 else 0)
    joints[..., 2] += np.linspace(0, 1.5, frames)[:, None]
    return joints.astype(np.float32)


CLIPS = {"03_01/0": standing(), "06_02/0": standing(70, 1), "08_01/0": standing(60, 2)}


@pytest.mark.parametrize("name", sorted(PROTOCOLS))
def test_a_set_is_the_same_every_time_and_in_front_of_the_camera(name: str) -> None:
    first, second = build(name, CLIPS), build(name, CLIPS)
    np.testing.assert_array_equal(first.rays, second.rays)
    np.testing.assert_array_equal(first.pose_m, second.pose_m)
    assert len(first.actions) == len(first.pose_m) == 6
    assert np.isfinite(first.pose_m).all()
    assert not first.pose_m[:, :, 0].any()
    seen = first.rays[np.isfinite(first.rays)]
    assert np.abs(seen).max() < 1.6  # within a wide view: nobody walked through the camera
    if "noisy" not in name:
        # y down: the head of a standing person is above the hip; x and y of rays and poses agree in sign
        up = first.pose_m[:, 0, 10, 1]
        assert (up < -0.3).all()
        above = first.rays[:, 0, 10, 1] - first.rays[:, 0, 0, 1]
        assert (above[np.isfinite(above)] < 0).all()


def test_a_set_depends_on_its_clip_alone_not_on_the_others() -> None:
    alone = build("own", {"03_01/0": CLIPS["03_01/0"]})
    np.testing.assert_array_equal(build("own", CLIPS).pose_m[:2, :90], alone.pose_m)


def test_noise_changes_the_keypoints_and_not_the_truth() -> None:
    clean, noisy = build("own", CLIPS), build("own-noisy", CLIPS)
    np.testing.assert_array_equal(clean.pose_m, noisy.pose_m)
    assert not np.array_equal(clean.rays, noisy.rays)
    assert noisy.score.min() < 0.9
    assert (clean.score == 1).all()


def test_an_assumed_lens_scales_the_rays() -> None:
    known, assumed = build("fov90", CLIPS), build("fov90-assumed", CLIPS)
    np.testing.assert_allclose(assumed.rays, known.rays * np.tan(np.radians(30)), rtol=1e-5)
    np.testing.assert_allclose(build("fov60", CLIPS).rays, build("fov60-assumed", CLIPS).rays, rtol=1e-5)


def test_fields_of_view_frame_the_person_alike() -> None:
    def share(name: str, hfov_deg: float) -> float:
        rays = build(name, CLIPS).rays
        return float(np.median(np.ptp(rays[..., 1], axis=-1)) / np.tan(np.radians(hfov_deg / 2)))

    assert share("fov40", 40) == pytest.approx(share("fov90", 90), rel=0.12)


@pytest.mark.parametrize(("name", "metres"), [("height140", 1.4), ("height200", 2.0)])
def test_statures(name: str, metres: float) -> None:
    _, lengths = bones(build(name, CLIPS).pose_m[0])
    chain = np.median(lengths, 0)[[1, 2, 6, 7, 8, 9]].sum()
    assert chain + 0.10 == pytest.approx(metres, abs=1e-3)


def test_retargeting_gives_the_other_laboratorys_bones_and_the_same_directions() -> None:
    before, after = bones(standing()), bones(retarget(standing()))
    np.testing.assert_allclose(after[0], before[0], atol=1e-5)
    for group, metres in OTHER_LAB_M.items():
        np.testing.assert_allclose(after[1][:, group], metres, atol=1e-5)
    np.testing.assert_allclose(after[1][:, [8, 9]], before[1][:, [8, 9]], atol=1e-5)


def test_bones_and_back() -> None:
    joints = standing()
    np.testing.assert_allclose(rebuild(*bones(joints), joints[:, 0]), joints, atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 999), st.floats(-20, 40), st.floats(2, 12), st.booleans())
def test_a_camera_only_moves_the_body_rigidly(seed: int, pitch: float, metres: float, follow: bool) -> None:
    joints = standing()
    how = ViewRange(distance_m=(metres, metres), pitch_deg=(pitch, pitch), aim=(0, 0), roll_deg=0, follow=follow)
    seen, _ = see(np.random.default_rng(seed), joints, how)
    for frame in (0, 45):
        about = seen[frame] - seen[frame, 0], joints[frame] - joints[frame, 0]
        np.testing.assert_allclose(about[0] @ about[0].T, about[1] @ about[1].T, atol=1e-4)
        # no mirror: camera axes with y down are the world's turned, not reflected
        turn, *_ = np.linalg.lstsq(about[1].astype(np.float64), about[0].astype(np.float64), rcond=None)
        assert np.linalg.det(turn) == pytest.approx(1, abs=1e-3)
    middle = seen[45, 0]
    assert abs(np.arctan2(middle[0], middle[2])) < 0.2
    if follow:
        assert np.linalg.norm(middle) == pytest.approx(metres, rel=0.05)
    # the world's up, in the camera: tilted back by the pitch
    up = np.linalg.lstsq(joints[0] - joints[0, 0], seen[0] - seen[0, 0], rcond=None)[0][1]
    assert np.degrees(np.arcsin(np.clip(-up[2] / np.linalg.norm(up), -1, 1))) == pytest.approx(pitch, abs=0.5)


def test_constructed_poses_keep_bones_and_floor_and_are_what_they_are_called() -> None:
    joints, rng = standing(120), np.random.default_rng(0)
    made = {pose: construct(rng, joints, pose) for pose in POSES}
    for new in made.values():
        np.testing.assert_allclose(bones(new)[1], bones(joints)[1], atol=1e-4)
        np.testing.assert_allclose(new[..., 1].min(1), joints[..., 1].min(1), atol=1e-4)
        assert np.linalg.norm(new[0] - new[0, 0] - joints[0] + joints[0, 0], axis=-1).max() < 0.05  # starts captured
        assert np.linalg.norm(np.diff(new, axis=0), axis=-1).max() < 0.15  # nobody leaps: 4.5 m/s
    last = {pose: new[-1] - new[-1, 0] for pose, new in made.items()}
    assert last["sitting"][2, 1] > -0.15  # knees level with the hip
    assert last["sitting"][3, 1] < -0.3
    assert last["sitting"][2, 2] > 0.25  # and in front of it
    assert last["crouching"][2, 1] > -0.1
    assert made["sitting on the floor"][-1, 0, 1] < 0.45
    assert abs(last["lying"][10, 1]) < 0.35
    for wrist in (13, 16):
        assert last["hands behind the back"][wrist, 2] < last["hands behind the back"][8, 2] - 0.05
    hands = last["hands behind the back"]
    assert abs(hands[13, 0] - hands[16, 0]) < 0.3


def test_detector_noise_has_the_stated_size_and_is_correlated_in_time() -> None:
    xy = np.zeros((3000, 17, 2), np.float32)
    xy[:, 10, 1], xy[:, 3, 1] = -180, 220  # a person of 400 px
    xy += 500
    seen, score = detect(np.random.default_rng(0), xy, (1280, 1000))
    off = (seen - xy)[:, [0, 1, 8, 16]]
    off = off[np.isfinite(off).all((1, 2))]
    off = off - np.median(off, 0)
    assert 1 < np.median(np.abs(off)) < 4  # px
    step = np.median(np.abs(np.diff(off, axis=0)))
    assert step < 0.7 * np.median(np.abs(off))
    assert 0.005 < np.isnan(seen).any(-1).mean() < 0.1
    assert (score[np.isnan(seen).any(-1)] == 0).all()


def test_swaps_exchange_whole_limbs() -> None:
    rng = np.random.default_rng(4)
    xy = rng.uniform(200, 800, (1, 17, 2)).repeat(3000, 0).astype(np.float32)
    seen, _ = detect(rng, xy, (1000, 1000))
    nearer = np.linalg.norm(seen - xy[:, FLIP], axis=-1) < np.linalg.norm(seen - xy, axis=-1)
    swapped = nearer[:, 2] & nearer[:, 5]
    assert 0 < swapped.mean() < 0.1
    assert (nearer[swapped][:, [1, 3, 4, 6]].mean(0) > 0.8).all()


def test_beyond_the_border_joints_are_missing_or_guessed() -> None:
    xy = np.full((200, 17, 2), 300, np.float32)
    xy[:, 10, 1] = 20
    xy[:, [3, 6], 1] = 640
    seen, score = detect(np.random.default_rng(2), xy, (600, 480))
    for ankle in (3, 6):
        guessed = seen[np.isfinite(seen[:, ankle, 1]), ankle, 1]
        assert (guessed == 479).all()
        assert (score[:, ankle] <= 0.25).all()


def test_clips_are_cut_at_flips_and_at_the_longest_window() -> None:
    clip = np.repeat(standing(400), 4, axis=0)  # as if at 120 Hz
    clip[800:] += 3
    clips = prepared({"03_01": clip}, 120.0)
    assert [len(part) for part in clips.values()] == [200, 200]
    assert list(clips) == ["03_01/0", "03_01/1"]
    assert [piece.stop - piece.start for piece in pieces(600, 243)] == [200, 200, 200]


def test_resampling_interpolates() -> None:
    ramp = np.arange(11, dtype=np.float32)[:, None]
    np.testing.assert_allclose(at_rate(ramp, 50.0)[:, 0], np.arange(7) * 5 / 3, atol=1e-5)
    np.testing.assert_array_equal(at_rate(ramp, 30.0), ramp)


def test_groups_expand_and_unknown_names_are_refused() -> None:
    assert expand(("held-out", "own")) == GROUPS["held-out"]
    assert set(expand(("all",))) == set(PROTOCOLS)
    with pytest.raises(UserError, match="no protocol 'other'"):
        expand(("other",))


def test_held_out_clips_are_the_test_subjects_alone(mocap_npz: Path) -> None:
    pytest.importorskip("scipy")
    clips = held_out_clips(mocap_npz)
    assert {subject_of(name) for name in clips} == set(TEST_SUBJECTS)
    assert max(map(len, clips.values())) <= 243
    assert sum(map(len, clips.values())) > 6000
