from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from calibration.lens.board import Board, BoardFinder
from calibration.lens.board_print import PX_PER_MM, density, draw_page, write_board
from engines.errors import UserError


@pytest.mark.parametrize("square_mm", [28.0, 28.37, 25.4, 21.999])
def test_the_pdf_page_is_true_to_scale_and_shows_the_board(square_mm: float, tmp_path: Path) -> None:
    path = tmp_path / "board.pdf"
    board = Board(square_m=square_mm / 1000, marker_m=0.75 * square_mm / 1000)
    write_board(path, board)
    data = path.read_bytes()
    box = re.search(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", data)
    assert box is not None
    page_mm = [float(side) * 25.4 / 72 for side in box.groups()]
    assert page_mm == pytest.approx([297, 210], abs=0.05)
    start = int(re.search(rb"startxref\n(\d+)", data)[1])  # type: ignore[index]
    assert data[start:].startswith(b"xref")
    for number, offset in enumerate(re.findall(rb"(\d{10}) 00000 n", data), 1):
        assert data[int(offset) :].startswith(f"{number} 0 obj".encode())
    width, height = (int(re.search(rf"/{name} (\d+)".encode(), data)[1]) for name in ("Width", "Height"))  # type: ignore[index]
    picture = re.search(rb"/FlateDecode /Length (\d+) >>\nstream\n", data)
    assert picture is not None
    pixels = zlib.decompress(data[picture.end() : picture.end() + int(picture[1])])
    page = np.frombuffer(pixels, np.uint8).reshape(height, width)
    view = BoardFinder(board).find(cv2.resize(page, None, fx=0.3, fy=0.3, interpolation=cv2.INTER_AREA), "")  # type: ignore[arg-type]
    assert view is not None
    assert len(view.ids) == 40
    across_px = np.linalg.norm(view.corners_px[7] - view.corners_px[0]) / 0.3  # seven squares
    assert across_px / 7 * page_mm[0] / width == pytest.approx(square_mm, abs=0.01)


def test_the_png_knows_its_size_in_millimetres(tmp_path: Path) -> None:
    write_board(tmp_path / "board.png", Board())
    data = (tmp_path / "board.png").read_bytes()
    at = data.index(b"pHYs")
    assert struct.unpack(">IIB", data[at + 4 : at + 13]) == (12000, 12000, 1)
    image = cv2.imread(str(tmp_path / "board.png"), cv2.IMREAD_GRAYSCALE)
    assert image is not None
    assert image.shape == (210 * 12, 297 * 12)
    write_board(tmp_path / "odd.png", Board(square_m=0.02837))
    odd = (tmp_path / "odd.png").read_bytes()
    px_per_m = struct.unpack(">I", odd[(at := odd.index(b"pHYs") + 4) : at + 4])[0]
    assert px_per_m == pytest.approx(340 / 0.02837, abs=0.5)


@pytest.mark.parametrize("square_m", [0.028, 0.02837])
def test_the_ruler_is_a_hundred_millimetres(square_m: float) -> None:
    board = Board(square_m=square_m)
    page = draw_page(board)
    row = page[page.shape[0] - 9 * PX_PER_MM]  # through the ticks
    ticks = np.flatnonzero((row[:-1] > 128) & (row[1:] <= 128))
    assert len(ticks) == 101
    assert (ticks[-1] - ticks[0]) / density(board) == pytest.approx(100, abs=0.05)


def test_boards_that_cannot_be_printed_or_made_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not fit"):
        draw_page(Board(square_m=0.05, marker_m=0.04))
    with pytest.raises(UserError, match="unknown page"):
        draw_page(Board(), "b5")
    with pytest.raises(UserError, match=r"\.pdf or \.png"):
        write_board(tmp_path / "board.jpg", Board())
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write .*check your rights"):
        write_board(tmp_path / "file" / "board.pdf", Board())
    with pytest.raises(UserError, match="markers"):
        Board(marker_m=0.03)
    with pytest.raises(UserError, match="DICT_4X4_250"):
        Board(columns=20, rows=20)
    with pytest.raises(UserError, match="DICT_4X4_1000"):
        Board(columns=40, rows=40)
    with pytest.raises(UserError, match="dictionary"):
        Board(dictionary="DICT_9X9")
    with pytest.raises(UserError, match="unknown board"):
        Board(kind="dots")
