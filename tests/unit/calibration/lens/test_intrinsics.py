from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from numpy.typing import NDArray

from calibration.lens.board import Board, BoardFinder, View
from calibration.lens.camera_file import evidence_of, load_camera, save_camera
from calibration.lens.coverage import ViewSelector, distinct_views, draw_guide, draw_report
from calibration.lens.intrinsics import calibrate
from calibration.lens.rays import Camera
from calibration.lens.rendered import BoardRenderer, board_poses
from calibration.profiles import device_name
from engines.errors import UserError

BOARD = Board()
IMAGE_WH = (640, 360)
PINHOLE = Camera(IMAGE_WH, np.array([[560.0, 0, 330], [0, 562, 172], [0, 0, 1]]), np.array([-0.25, 0.1, 0.001, 0, 0]))
FISHEYE = Camera(IMAGE_WH, np.array([[230.0, 0, 325], [0, 231, 176], [0, 0, 1]]), np.array([0.02, -0.01, 0, 0]),
                 "fisheye")


def perfect_views(camera: Camera, count: int = 16, noise: float = 0.1, tilt_deg: float = 35.0) -> list[View]:
    """Corners projected rather than found: for what has nothing to do with pictures."""
    rng = np.random.default_rng(1)
    ids = np.arange(40)
    views = []
    for i, (turn, shift) in enumerate(board_poses(camera, BOARD, count, 3, tilt_deg)):
        at = camera.project(BOARD.corner_points(ids) @ turn.T + shift) + rng.normal(0, noise, (40, 2))
        seen = ((at > 0) & (at < camera.image_wh)).all(1)
        views.append(View(f"view {i}", camera.image_wh, ids[seen], at[seen].astype(np.float32), 0.3))
    return [view for view in views if len(view.ids) >= 12]


@pytest.fixture(scope="module")
def pictures() -> list[NDArray[np.uint8]]:
    renderer = BoardRenderer(PINHOLE, BOARD)
    poses = board_poses(PINHOLE, BOARD, 14)
    return [renderer.render(*pose, noise=3, blur_px=0.6, seed=i) for i, pose in enumerate(poses)]


def found(pictures: list[NDArray[np.uint8]], board: Board = BOARD) -> list[View]:
    finder = BoardFinder(board)
    return [view for i, image in enumerate(pictures) if (view := finder.find(image, f"view {i}")) is not None]


def test_rendered_boards_give_the_lens_they_were_rendered_with(pictures: list[NDArray[np.uint8]]) -> None:
    views = found(pictures)
    assert len(views) >= 12
    result = calibrate(views, BOARD)
    off = result.camera.camera_matrix - PINHOLE.camera_matrix
    assert np.abs(np.diag(off)[:2]).max() < 0.005 * 560
    assert np.hypot(off[0, 2], off[1, 2]) < 3
    assert result.rms_px < 0.3
    assert len(result.views) + len(result.rejected) == len(views)
    report = draw_report(result)
    assert report.shape == (IMAGE_WH[1] + 60, IMAGE_WH[0], 3)
    assert (report != 255).any()


def test_a_fisheye_is_calibrated_as_one() -> None:
    result = calibrate(perfect_views(FISHEYE, 20), BOARD, "fisheye")
    assert result.camera.model == "fisheye"
    np.testing.assert_allclose(result.camera.camera_matrix, FISHEYE.camera_matrix, atol=1.5)
    pixels = np.array([[40.0, 40], [600, 330]])
    angles, truth = (np.arctan(np.hypot(*camera.rays(pixels).T)) for camera in (result.camera, FISHEYE))
    np.testing.assert_allclose(angles, truth, atol=0.015)


def test_a_view_that_does_not_fit_is_left_out_and_named() -> None:
    views = perfect_views(PINHOLE)
    bent = views[4].corners_px + np.random.default_rng(0).normal(0, 3, views[4].corners_px.shape).astype(np.float32)
    views[4] = replace(views[4], name="bent.png", corners_px=bent)
    result = calibrate(views, BOARD)
    assert result.rejected == ("bent.png",)
    assert result.rms_px < 0.2


def test_too_few_alike_mixed_and_senseless_views_are_refused() -> None:
    views = perfect_views(PINHOLE)
    with pytest.raises(UserError, match="at least 8 are needed"):
        calibrate(views[:5], BOARD)
    with pytest.raises(UserError, match="at least 8"):
        calibrate([], BOARD)
    with pytest.raises(UserError, match="use one of pinhole, fisheye"):
        calibrate(views, BOARD, "foo")
    with pytest.raises(UserError, match=r"same tilt|only known to|no lens fits|impossible"):
        calibrate(perfect_views(PINHOLE, tilt_deg=1.0), BOARD)
    with pytest.raises(UserError, match=r"different sizes.*view 3"):
        calibrate([*views[:3], replace(views[3], image_wh=(800, 600)), *views[4:]], BOARD)
    rng = np.random.default_rng(0)
    senseless = [replace(view, corners_px=rng.uniform(0, 360, (len(view.ids), 2)).astype(np.float32)) for view in views]
    with pytest.raises(UserError):
        calibrate(senseless, BOARD)


def test_a_board_with_more_rows_than_the_printed_one_is_refused(pictures: list[NDArray[np.uint8]]) -> None:
    taller = replace(BOARD, rows=7)
    with pytest.raises(UserError, match="--rows 6"):
        calibrate(found(pictures, taller), taller)


def test_another_board_is_not_found(pictures: list[NDArray[np.uint8]]) -> None:
    finder = BoardFinder(replace(BOARD, columns=8))
    assert not [image for image in pictures[:5] if finder.find(image, "") is not None]
    assert finder.markers > 0


def test_a_mirrored_board_is_recognised_as_such(pictures: list[NDArray[np.uint8]]) -> None:
    finder = BoardFinder(BOARD)
    mirrored = np.ascontiguousarray(pictures[0][:, ::-1])
    assert finder.find(mirrored, "") is None
    assert finder.looks_mirrored(mirrored)
    assert not BoardFinder(BOARD).looks_mirrored(pictures[0])


def test_a_chessboard_is_found() -> None:
    chess = Board("chessboard")
    renderer = BoardRenderer(PINHOLE, chess)
    view = BoardFinder(chess).find(renderer.render(*board_poses(PINHOLE, chess, 1, 2)[0]), "")
    assert view is not None
    assert len(view.ids) == 40


def test_the_selector_keeps_distinct_sharp_views_and_says_what_is_missing() -> None:
    selector = ViewSelector(BOARD, IMAGE_WH, needed=10)
    assert selector.progress.share == 0
    views = perfect_views(PINHOLE, 60)
    assert selector.offer(views[0])
    assert not selector.offer(views[0])
    assert not selector.offer(replace(views[1], sharpness=0.05))
    for view in views[1:]:
        selector.offer(view)
    assert selector.progress.good, selector.progress.missing
    flat = ViewSelector(BOARD, IMAGE_WH, needed=1)
    flat.offer(perfect_views(PINHOLE, 1, tilt_deg=0.5)[0])
    assert any("tilt the board" in what for what in flat.progress.missing)
    guide = draw_guide(np.zeros((360, 640, 3), np.uint8), flat, views[0])
    assert guide.any()


def test_views_that_show_the_same_again_count_once() -> None:
    views = perfect_views(PINHOLE, 30)
    again = [replace(view, name="again", corners_px=view.corners_px + np.float32(0.3)) for view in views]
    assert [view.name for view in distinct_views([*views, *again], 100)] == [view.name for view in views]
    other_size = replace(views[0], image_wh=(1280, 720))
    assert distinct_views([views[0], other_size], 100) == [views[0], other_size], "calibrate tells them apart"
    few = distinct_views(views, 10)
    assert 5 <= len(few) <= 10
    sizes = [replace(views[0], image_wh=(640 + i, 360)) for i in range(5)]
    assert len(distinct_views(sizes, 3)) == 5


@pytest.mark.parametrize("camera", [PINHOLE, FISHEYE, Camera.assumed(IMAGE_WH)])
def test_the_file_is_read_by_us_by_yaml_and_by_opencv(camera: Camera, tmp_path: Path) -> None:
    path = tmp_path / "camera.yaml"
    saved = save_camera(path, camera, "cam")
    back = load_camera(path)
    assert back.identity == saved.identity != ""
    np.testing.assert_array_equal(back.camera_matrix, camera.camera_matrix)
    pixels = np.array([[10.0, 20], [600, 300]])
    np.testing.assert_array_equal(back.rays(pixels), camera.rays(pixels))
    ros = yaml.safe_load(path.read_text())
    assert ros["distortion_model"] == ("equidistant" if camera.model == "fisheye" else "plumb_bob")
    assert (ros["image_width"], ros["image_height"]) == IMAGE_WH
    store = cv2.FileStorage(str(path), cv2.FILE_STORAGE_READ)
    np.testing.assert_array_equal(store.getNode("camera_matrix").mat(), camera.camera_matrix)
    store.release()


@pytest.mark.parametrize("names", [
    ["1.png", "0_0.png", "2026-01-01 10.00.jpg", "-1.png", ".5.png"],
    ["Müller é 写真 📷.png", "it's \"quoted\" \\.png", "# not: a comment.png", "null", "x" * 200 + " " + "y" * 50],
    [device_name("http://192.168.0.5:8080/video"), "640x360"],
    [f"{i}.png" for i in range(500)],
])  # fmt: skip
def test_whatever_the_pictures_and_the_camera_are_called_yaml_and_opencv_read_it(
    names: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "camera.yaml"
    evidence = evidence_of(calibrate(perfect_views(PINHOLE), BOARD))
    save_camera(path, PINHOLE, names[0], {**evidence, "view_names": names})
    assert load_camera(path).camera_matrix.tolist() == PINHOLE.camera_matrix.tolist()
    plain = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert (plain["camera_name"], plain["calibration"]["view_names"]) == (names[0], names)
    assert plain["calibration"]["view_rms_px"] == evidence["view_rms_px"]
    store = cv2.FileStorage(str(path), cv2.FILE_STORAGE_READ)
    known = store.getNode("calibration")
    assert store.getNode("camera_name").string() == names[0]
    assert [known.getNode("view_names").at(i).string() for i in range(len(names))] == names
    assert known.getNode("board").string() == evidence["board"]
    assert known.getNode("rms_px").real() == evidence["rms_px"]
    np.testing.assert_array_equal(store.getNode("camera_matrix").mat(), PINHOLE.camera_matrix)
    store.release()


def test_a_file_that_opencv_wrote_is_read(tmp_path: Path) -> None:
    path = tmp_path / "cv.yaml"
    store = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    store.write("image_width", 640)
    store.write("image_height", 360)
    store.write("camera_matrix", PINHOLE.camera_matrix)
    store.write("distortion_coefficients", PINHOLE.dist_coeffs)
    store.release()
    np.testing.assert_array_equal(load_camera(path).dist_coeffs, PINHOLE.dist_coeffs)


def test_the_file_tells_how_good_the_calibration_is() -> None:
    evidence = evidence_of(calibrate(perfect_views(PINHOLE), BOARD))
    assert evidence["rms_px"] < 0.3
    assert len(evidence["view_rms_px"]) == evidence["views"] == len(evidence["view_names"])
    assert "charuco 9x6" in evidence["board"]
    yaml.safe_dump(evidence)
