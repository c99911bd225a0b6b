"""Heights, speeds and lengths of people whose numbers are known."""

from __future__ import annotations

import numpy as np
import pytest
from plot_tracks import walker

from engines.models.skeleton import JOINT_NAMES
from realtime.plot.panels import PANELS
from realtime.plot.quantities import bone_lengths_m, heights_m, speeds_m_s
from realtime.plot.recording import GAP_S, track

HIP, ANKLE, HEAD = (JOINT_NAMES.index(name) for name in ("hip", "left_ankle", "head"))


def test_in_the_world_heights_are_above_its_floor() -> None:
    values, above = heights_m(walker(world=True), "world", (HIP, ANKLE, HEAD))
    assert above == "the floor"
    np.testing.assert_allclose(values, np.tile((0.98, 0.10, 1.68), (60, 1)), atol=1e-6)


def test_in_camera_axes_the_lowest_ankle_stands_for_the_floor() -> None:
    values, above = heights_m(walker(), "camera", (HIP, ANKLE, HEAD))
    assert above == "the lowest ankle"
    np.testing.assert_allclose(values, np.tile((0.88, 0.0, 1.58), (60, 1)), atol=1e-6)


def test_of_somebody_who_is_nowhere_heights_are_above_the_hip() -> None:
    values, above = heights_m(walker(placed=False), "camera", (HIP, ANKLE))
    assert above == "the hip"
    np.testing.assert_allclose(values, np.tile((0, -0.88), (60, 1)), atol=1e-6)


def test_a_glide_has_its_speed_everywhere_but_at_its_ends() -> None:
    speeds, against = speeds_m_s(walker(speed_m_s=1.5), (HIP, ANKLE))
    assert against == "in space"
    np.testing.assert_allclose(speeds[1:-1], 1.5, atol=1e-6)
    assert np.isnan(speeds[[0, -1]]).all()
    still, against = speeds_m_s(walker(placed=False), (HIP, ANKLE))
    assert against == "relative to the hip"
    np.testing.assert_allclose(still[1:-1], 0, atol=1e-9)


def test_held_rows_are_no_poses_and_nobody_moves_across_them() -> None:
    person = walker(held=slice(20, 30))
    assert person.seen == 50
    speeds, _ = speeds_m_s(person, (HIP,))
    assert np.isnan(speeds[19:31]).all()
    np.testing.assert_allclose(speeds[31:-1], 1.5, atol=1e-6)


def test_a_line_is_broken_where_a_person_was_away() -> None:
    whole = walker()
    kept = np.r_[0:20, 40:60]
    person = track(1, "person 1", whole.t_s[kept], whole.joints_m[kept], whole.root_m[kept], whole.sigma_m[kept],
                   whole.root_sigma_m[kept], np.zeros(40, bool))  # fmt: skip
    assert len(person.t_s) == 41
    assert np.isnan(person.joints_m[20]).all()
    assert (np.diff(person.t_s) > 0).all()
    speeds, _ = speeds_m_s(person, (HIP,))
    assert np.isnan(speeds[19:22]).all()
    assert np.nanmax(speeds) == pytest.approx(1.5)


def test_a_slow_camera_is_not_torn_into_points() -> None:
    frames = 20
    t_s = np.arange(frames) * 2 * GAP_S
    whole = walker(frames)
    person = track(1, "person 1", t_s, whole.joints_m, whole.root_m, whole.sigma_m, whole.root_sigma_m,
                   np.zeros(frames, bool))  # fmt: skip
    assert len(person.t_s) == frames


def test_times_that_stand_still_have_no_speed() -> None:
    frames = 10
    whole = walker(frames)
    person = track(1, "person 1", np.zeros(frames), whole.joints_m, whole.root_m, whole.sigma_m, whole.root_sigma_m,
                   np.zeros(frames, bool))  # fmt: skip
    assert np.isnan(speeds_m_s(person, (HIP,))[0]).all()


def test_bones_and_angles_are_of_the_side_that_their_lines_say() -> None:
    """The left arm alone is bent and its forearm short."""
    person = walker()
    elbow, wrist = JOINT_NAMES.index("left_elbow"), JOINT_NAMES.index("left_wrist")
    person.joints_m[:, wrist] = person.joints_m[:, elbow] + (0.1, 0, 0)
    np.testing.assert_allclose(bone_lengths_m(person, (wrist,)), 0.1, atol=1e-6)
    panels = [panel for name in ("angles", "bones") for panel in PANELS[name](person, "camera")]
    lines = {(panel.title, line.name, line.side): line.values for panel in panels for line in panel.lines}
    np.testing.assert_allclose(lines["Bone length", "forearm", 0], 10, atol=1e-4)
    np.testing.assert_allclose(lines["Bone length", "forearm", 1], np.hypot(3, 24), atol=1e-4)
    assert (lines["Arm angles", "elbow", 0] < 120).all()
    assert (lines["Arm angles", "elbow", 1] > 150).all()
    assert (lines["Leg angles", "knee", 0] > 178).all()
