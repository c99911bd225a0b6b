"""`realtime calibrate camera` over real pictures: what a user types, what comes out, what is said when it cannot."""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from calibrating import IMAGE_WH, LENS, calibrate
from numpy.typing import NDArray

from calibration.lens.board import Board
from calibration.lens.camera_file import load_camera
from calibration.lens.rays import Camera
from calibration.lens.rendered import BoardRenderer, board_poses
from engines.errors import UserError

Image = NDArray[np.uint8]


@pytest.fixture(scope="module")
def pictures() -> list[Image]:
    renderer = BoardRenderer(LENS, Board())
    poses = board_poses(LENS, Board(), 14)
    return [renderer.render(*pose, noise=3, blur_px=0.5, seed=i) for i, pose in enumerate(poses)]


def write(folder: Path, pictures: list[Image]) -> Path:
    folder.mkdir()
    for i, picture in enumerate(pictures):
        cv2.imwrite(str(folder / f"{i:02}.png"), picture)
    return folder


def test_a_folder_of_pictures_becomes_a_lens_on_file(tmp_path: Path, pictures: list[Image]) -> None:
    said = calibrate("camera", write(tmp_path / "views", pictures), "-o", tmp_path / "camera.yaml")
    assert "RMS" in said
    lens = load_camera(tmp_path / "camera.yaml")
    assert lens.focal_px == pytest.approx(LENS.focal_px, rel=0.005)
    assert lens.identity
    report = cv2.imread(str(tmp_path / "camera.png"))
    assert report is not None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["camera.png", "camera.yaml", "views"]


def test_a_video_becomes_a_lens_and_its_chosen_pictures_are_kept(tmp_path: Path, pictures: list[Image]) -> None:
    writer = cv2.VideoWriter(str(tmp_path / "board.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 30, IMAGE_WH)
    assert writer.isOpened()
    for picture in pictures:
        for _ in range(2):  # held still: the second of each pair tells nothing new
            writer.write(cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR))
    writer.release()
    calibrate("camera", tmp_path / "board.avi", "-o", tmp_path / "camera.yaml", "--keep", tmp_path / "kept",
              "--no-window")
    assert load_camera(tmp_path / "camera.yaml").focal_px == pytest.approx(LENS.focal_px, rel=0.01)
    assert 8 <= len(list((tmp_path / "kept").iterdir())) <= len(pictures)


def test_what_cannot_be_calibrated_is_refused_with_what_to_do(tmp_path: Path, pictures: list[Image]) -> None:
    out = tmp_path / "camera.yaml"
    mirrored = write(tmp_path / "mirrored", [np.ascontiguousarray(picture[:, ::-1]) for picture in pictures[:9]])
    with pytest.raises(UserError, match="mirrored"):
        calibrate("camera", mirrored, "-o", out)
    with pytest.raises(UserError, match="--columns"):
        calibrate("camera", write(tmp_path / "other", pictures[:9]), "--columns", 8, "-o", out)
    with pytest.raises(UserError, match="--rows 6"):
        calibrate("camera", write(tmp_path / "taller", pictures), "--rows", 7, "-o", out)
    with pytest.raises(UserError, match="at least 8"):
        calibrate("camera", write(tmp_path / "few", pictures[:4]), "-o", out)
    with pytest.raises(UserError, match=r"in 4 different pictures .* at least 8"):
        calibrate("camera", write(tmp_path / "twice", pictures[:4] * 2), "-o", out)
    tilts = np.random.default_rng(0).uniform(-0.03, 0.03, (9, 2))
    flat = [cv2.Rodrigues(np.array([*tilt, 0]))[0] for tilt in tilts]
    places = [np.array([0.04 * (i % 3) - 0.16, 0.03 * (i // 3) - 0.11, 0.5]) for i in range(9)]
    renderer = BoardRenderer(LENS, Board())
    alike = write(tmp_path / "alike", [renderer.render(*pose, noise=3) for pose in zip(flat, places, strict=True)])
    with pytest.raises(UserError, match=r"same tilt|only known to|no lens fits|impossible"):
        calibrate("camera", alike, "-o", out)
    mixed = [*pictures[:9], cv2.resize(pictures[9], (800, 450)).astype(np.uint8)]
    with pytest.raises(UserError, match=r"different sizes.*09\.png"):
        calibrate("camera", write(tmp_path / "mixed", mixed), "-o", out)
    with pytest.raises(UserError, match="no pictures"):
        calibrate("camera", write(tmp_path / "empty", []), "-o", out)
    with pytest.raises(UserError, match="was found in"):
        calibrate("camera", write(tmp_path / "blank", [np.full((360, 640), 90, np.uint8)] * 3), "-o", out)
    assert not out.exists()


def test_options_that_cannot_be_are_refused_before_any_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match=r"cam\.png must end in \.yaml"):
        calibrate("camera", tmp_path, "-o", tmp_path / "cam.png")
    with pytest.raises(UserError, match=r"'foo': use one of pinhole, fisheye"):
        calibrate("camera", tmp_path, "--lens", "foo")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(UserError, match="--no-window"):
        calibrate("camera", "board.avi", "--window")


def seen(folder: Path, board: Board, count: int = 12) -> Path:
    """Pictures of that board."""
    renderer = BoardRenderer(LENS, board)
    poses = board_poses(LENS, board, count)
    return write(folder, [renderer.render(*pose, noise=3, blur_px=0.5, seed=i) for i, pose in enumerate(poses)])


@pytest.mark.parametrize("rows", [6, 8, 7])
def test_a_board_of_the_older_layout_is_known_by_itself(rows: int, tmp_path: Path) -> None:
    board = Board(rows=rows, square_m=0.02, marker_m=0.015, legacy=True)
    calibrate("camera", seen(tmp_path / "views", board), "--rows", rows, "--square", 20, "-o", tmp_path / "camera.yaml")
    assert load_camera(tmp_path / "camera.yaml").focal_px == pytest.approx(LENS.focal_px, rel=0.005)


@pytest.mark.parametrize(
    ("board", "said", "advice"),
    [
        (Board(), ("--columns", 8, "--rows", 5), r"--columns 9 --rows 6 \(squares are counted, not inner corners\)"),
        (Board("chessboard"), ("--board", "chessboard", "--columns", 8, "--rows", 5),
         r"--columns 9 --rows 6 \(squares are counted, not inner corners\)"),
        (Board("chessboard", 10, 7), ("--board", "chessboard", "--columns", 6, "--rows", 9), "--columns 7 --rows 10 "),
        (Board(legacy=True), ("--columns", 8, "--rows", 5), "--columns 9 --rows 6"),
        (Board(), ("--columns", 10), "--columns 9 --rows 6$"),
        (Board(dictionary="DICT_5X5_100"), (), "--columns 9 --rows 6 --dictionary DICT_5X5_1000"),
    ],
)
def test_the_board_that_is_in_the_pictures_is_named(
    board: Board, said: tuple[object, ...], advice: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=advice):
        calibrate("camera", seen(tmp_path / "views", board, 4), *said, "-o", tmp_path / "camera.yaml")


def test_a_chessboard_has_no_up_and_down(tmp_path: Path) -> None:
    folder = seen(tmp_path / "views", Board("chessboard"), 16)
    for number, (columns, rows) in enumerate(((9, 6), (6, 9))):
        out = tmp_path / f"camera{number}.yaml"
        calibrate("camera", folder, "--board", "chessboard", "--columns", columns, "--rows", rows, "-o", out)
        assert load_camera(out).focal_px == pytest.approx(LENS.focal_px, rel=0.005)


@pytest.mark.parametrize("dictionary", ["DICT_4X4_50", "DICT_5X5_50", "DICT_6X6_100", "DICT_APRILTAG_16h5"])
@pytest.mark.parametrize("size", [(17, 12), (20, 16), (30, 30)])
def test_a_dictionary_that_is_large_enough_is_named_of_the_same_kind(dictionary: str, size: tuple[int, int]) -> None:
    with pytest.raises(UserError, match="use --dictionary DICT_") as caught:
        Board(columns=size[0], rows=size[1], dictionary=dictionary)
    named = str(caught.value).split()[-1]
    assert named.split("_")[1] == dictionary.split("_")[1]
    assert Board(columns=size[0], rows=size[1], dictionary=named).charuco() is not None


def photograph(path: Path, sensor: Image, orientation: int) -> None:
    """What the sensor saw, with EXIF's word on how to show it (Exif 2.32, 4.6.4)."""
    jpeg = cv2.imencode(".jpg", sensor, [cv2.IMWRITE_JPEG_QUALITY, 97])[1].tobytes()
    tiff = b"MM\0*\0\0\0\x08" + struct.pack(">HHHIHHI", 1, 0x0112, 3, 1, orientation, 0, 0)
    exif = b"Exif\0\0" + tiff
    path.write_bytes(jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:])


OFF_CENTRE = Camera(IMAGE_WH, np.array([[560.0, 0, 345], [0, 560, 160], [0, 0, 1]]), np.array([-0.12, 0.03, 0, 0]))


@pytest.mark.parametrize(
    ("orientations", "turned"),
    [([1, 3], False), ([1, 6], False), ([1, 1, 8], False), ([6, 6], True), ([6, 8, 6], True)],
)
def test_photographs_with_the_camera_held_any_way_give_the_one_lens(
    orientations: list[int], turned: bool, tmp_path: Path
) -> None:
    renderer, folder = BoardRenderer(OFF_CENTRE, Board()), tmp_path / "photos"
    folder.mkdir()
    for number, pose in enumerate(board_poses(OFF_CENTRE, Board(), 15)):
        sensor = renderer.render(*pose, noise=2, blur_px=0.5, seed=number)
        photograph(folder / f"{number:02}.jpg", sensor, orientations[number % len(orientations)])
    calibrate("camera", folder, "-o", tmp_path / "camera.yaml")
    lens, matrix = load_camera(tmp_path / "camera.yaml"), OFF_CENTRE.camera_matrix
    assert lens.focal_px == pytest.approx(OFF_CENTRE.focal_px, rel=0.005)
    if turned:  # by a quarter clockwise, as most of them were shown
        assert lens.image_wh == IMAGE_WH[::-1]
        assert lens.camera_matrix[:2, 2] == pytest.approx([IMAGE_WH[1] - 1 - matrix[1, 2], matrix[0, 2]], abs=3)
    else:
        assert lens.image_wh == IMAGE_WH
        assert lens.camera_matrix[:2, 2] == pytest.approx(matrix[:2, 2], abs=3)


def test_every_picture_of_a_folder_is_looked_at(tmp_path: Path, pictures: list[Image]) -> None:
    blank = [np.full((36, 64), 90, np.uint8)] * 201
    folder = write(tmp_path / "many", blank)
    for i, picture in enumerate(pictures):
        cv2.imwrite(str(folder / f"z{i:02}.png"), picture)
    calibrate("camera", folder, "-o", tmp_path / "camera.yaml")
    assert load_camera(tmp_path / "camera.yaml").focal_px == pytest.approx(LENS.focal_px, rel=0.005)
    late = write(tmp_path / "late", [*blank[:30], *(np.ascontiguousarray(picture[:, ::-1]) for picture in pictures)])
    with pytest.raises(UserError, match="mirrored"):
        calibrate("camera", late, "-o", tmp_path / "late.yaml")


def test_blurred_pictures_are_said_to_be_blurred(tmp_path: Path, pictures: list[Image]) -> None:
    blurred = [cv2.GaussianBlur(picture, (0, 0), 3.5).astype(np.uint8) for picture in pictures[:9]]
    with pytest.raises(UserError, match=r"markers clearly.*still"):
        calibrate("camera", write(tmp_path / "blurred", blurred))
    writer = cv2.VideoWriter(str(tmp_path / "blurred.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 30, (1280, 720))
    for picture in pictures[:9]:  # as much blur, of a board that is large enough to be found
        large = cv2.GaussianBlur(cv2.resize(picture, (1280, 720)), (0, 0), 4)
        writer.write(cv2.cvtColor(large, cv2.COLOR_GRAY2BGR))
    writer.release()
    with pytest.raises(UserError, match="all of them blurred"):
        calibrate("camera", tmp_path / "blurred.avi", "--no-window")
