"""The skeleton's mesh and its shadow."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from engines.models.skeleton import JOINTS, PARENTS
from realtime.view.scene.figure import BACKGROUND_RGB, BONES, COARSE, FINE, HEAD, TINTS_RGB, Body, Detail
from realtime.view.scene.floor import CELL_M, Grid, Shadow, _along_bones, _shade_of, disc, floor_rgb, reach_m

ONES = np.ones(JOINTS)
poses = arrays(np.float64, (JOINTS, 3), elements=st.floats(-2, 2))


def spread_pose() -> np.ndarray:
    return np.random.default_rng(3).uniform(-1, 1, (JOINTS, 3))


@given(poses, st.floats(0, 10), st.integers(0, 9))
@settings(max_examples=40, deadline=None)
def test_any_pose_gives_vertices_near_it_and_valid_colours(joints_m: np.ndarray, sigma: float, tint: int) -> None:
    body = Body()
    body.update(joints_m, ONES * sigma, ONES, tint, held=False)
    assert np.isfinite(body.vertices).all()
    assert (body.vertices >= joints_m.min(0) - 0.2).all()
    assert (body.vertices <= joints_m.max(0) + 0.2).all()
    assert 0 <= body.colours.min() <= body.colours.max() <= 1


def test_every_joint_has_a_ball_and_every_bone_a_tube() -> None:
    body, joints_m = Body(), spread_pose()
    body.update(joints_m, ONES * 0.02, ONES, 0, held=False)
    balls = len(body.vertices[body._ball_part]) // JOINTS
    centres = body.vertices[: JOINTS * balls].reshape(JOINTS, balls, 3)
    middle = (centres.max(1) + centres.min(1)) / 2
    seen = [joint for joint in range(JOINTS) if joint != HEAD]
    assert np.allclose(middle[seen], joints_m[seen], atol=1e-9)
    rings = body.vertices[JOINTS * balls :].reshape(BONES, 2, -1, 3).mean(2)
    child = [joint for joint in range(JOINTS) if PARENTS[joint] >= 0]
    assert np.allclose(rings[:, 1], joints_m[child], atol=1e-9)
    assert np.allclose(rings[:, 0], joints_m[[PARENTS[joint] for joint in child]], atol=1e-9)


def facing(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """(F, 3): twice each triangle's area, towards the side that is drawn: where it runs counter-clockwise."""
    a, b, c = (vertices[triangles[:, corner]] for corner in range(3))
    return np.cross(b - a, c - a)


@pytest.mark.parametrize("detail", [FINE, COARSE])
def test_every_triangle_of_a_body_is_seen_from_outside(detail: Detail) -> None:
    body, joints_m = Body(detail), spread_pose()
    body.update(joints_m, ONES * 0, ONES, 0, held=False)
    normals, middles = facing(body.vertices, body.triangles), body.vertices[body.triangles].mean(1)
    assert np.linalg.norm(normals, axis=1).min() > 0  # none is nothing
    balls = (body.triangles < JOINTS * len(body._ball)).all(1)
    centre_m = joints_m.copy()
    centre_m[HEAD] = (joints_m[9] + joints_m[HEAD]) / 2
    of_joint = body.triangles[balls, 0] // len(body._ball)
    assert (np.einsum("ij,ij->i", normals[balls], middles[balls] - centre_m[of_joint]) > 0).all()
    bone = (body.triangles[~balls, 0] - JOINTS * len(body._ball)) // (2 * detail.ring)
    child = np.array([joint for joint in range(JOINTS) if PARENTS[joint] >= 0])[bone]
    axis_m = joints_m[child] - joints_m[np.array(PARENTS)[child]]
    from_end = middles[~balls] - joints_m[child]
    along = np.einsum("ij,ij->i", from_end, axis_m) / np.einsum("ij,ij->i", axis_m, axis_m)
    assert (np.einsum("ij,ij->i", normals[~balls], from_end - along[:, None] * axis_m) > 0).all()


def test_the_floor_is_seen_from_above() -> None:
    vertices, _, triangles = disc()
    shadow = Shadow()
    shadow.update(spread_pose()[None], 0, -1.0)
    for points, corners in ((vertices, triangles), (shadow.vertices, shadow.triangles)):
        assert (facing(points, corners)[:, 1] >= 0).all()


def test_a_shadow_is_the_sum_of_what_each_piece_of_bone_takes() -> None:
    joints_m, floor_y = spread_pose() * 0.3, -0.4
    x, z = np.linspace(-0.5, 0.4, 7), np.linspace(-0.3, 0.6, 5)
    taken = np.zeros((7, 5))
    for point in _along_bones(joints_m):
        height = max(point[1] - floor_y, 0)
        spread = 0.05 + 0.07 * height
        away = (x[:, None] - point[0]) ** 2 + (z - point[2]) ** 2
        taken += 0.022 / (1 + 1.2 * height) / spread * np.exp(-away / (2 * spread**2))
    rim = 1 - np.maximum(np.abs(x - joints_m[0, 0])[:, None], np.abs(z - joints_m[0, 2])) / 1.1
    assert np.allclose(_shade_of(joints_m, x, z, floor_y), (1 - np.exp(-taken)) * np.clip(rim / 0.25, 0, 1))


def test_a_joint_swells_with_its_error_scale() -> None:
    sizes = []
    for sigma in (0.0, 0.1):
        body = Body()
        body.update(np.zeros((JOINTS, 3)), ONES * sigma, ONES, 0, held=False)
        sizes.append(np.ptp(body.vertices[: len(body._ball)], axis=0).max())
    assert sizes[1] > 1.2 * sizes[0]


def test_a_held_pose_is_greyer_than_a_seen_one() -> None:
    def colourfulness(held: bool) -> float:
        body = Body()
        body.update(spread_pose(), ONES * 0.02, ONES, 0, held)
        return float(np.ptp(body.colours, axis=1).mean())

    assert colourfulness(True) < 0.4 * colourfulness(False)


def test_left_is_warm_and_right_is_cool_for_everybody() -> None:
    assert (TINTS_RGB[:, 0, 0] > TINTS_RGB[:, 0, 2]).all()
    assert (TINTS_RGB[:, 1, 2] > TINTS_RGB[:, 1, 0]).all()


def test_the_grid_stays_with_the_world_while_the_target_moves() -> None:
    grid = Grid()
    for x in (0.0, 0.1, 0.24, 0.26, 0.49, 3.3, -1.7):
        grid.update(np.array((x, 0.0, -x)), -1.0)
        cells = (grid.vertices[:, [0, 2]] + (x, -x)) / CELL_M
        assert np.allclose(cells, cells.round(), atol=1e-9)
        assert np.abs(grid.vertices[:, [0, 2]].mean(0)).max() <= CELL_M / 2 + 1e-9


@given(st.floats(1, 40), st.floats(-9, 9))
def test_the_floor_reaches_beyond_everybody_and_its_grid_stays_with_the_world(people_m: float, x: float) -> None:
    radius_m, grid = reach_m(people_m), Grid()
    assert radius_m >= max(people_m * 1.2, 4)
    grid.update(np.array((x, 0.0, 0.0)), -1.0, radius_m)
    across = grid.vertices[:, 0]
    cell_m = np.ptp(across) / 16
    assert np.allclose((across + x) / cell_m, ((across + x) / cell_m).round(), atol=1e-6)
    assert cell_m in (0.5, 1, 2, 4, 8)
    assert across.max() >= radius_m - cell_m
    assert floor_rgb(np.array(people_m), np.array(0.0), radius_m).max() < BACKGROUND_RGB.max()


def test_shadows_of_neighbours_agree_where_their_patches_overlap() -> None:
    standing = np.zeros((JOINTS, 3))
    standing[:, 1] = np.linspace(-1, 0.7, JOINTS)
    everyone = np.stack((standing, standing + np.array((0.9, 0, 0))))
    shadows = Shadow(), Shadow()
    for index, shadow in enumerate(shadows):
        shadow.update(everyone, index, -1.05)
    under = np.argmin(np.hypot(*(shadows[0].vertices[:, [0, 2]] - (0.9, 0)).T))
    point = shadows[0].vertices[under]
    same = np.argmin(np.hypot(*(shadows[1].vertices[:, [0, 2]] - point[[0, 2]]).T))
    bare = floor_rgb(point[0], point[2])
    darker = bare - shadows[0].colours[under]
    assert darker.min() > 0.05
    assert np.abs(shadows[0].colours[under] - shadows[1].colours[same]).max() < 0.6 * darker.max()


def test_the_floor_fades_into_the_background() -> None:
    assert np.allclose(floor_rgb(np.array(4.0), np.array(0.0)), BACKGROUND_RGB)
    assert floor_rgb(np.array(0.0), np.array(0.0)).max() < BACKGROUND_RGB.min()
