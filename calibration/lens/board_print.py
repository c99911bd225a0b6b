"""A board on paper, true to scale: PNG and PDF pages with a ruler to check the print against."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.lens.board import Board
from engines.errors import UserError
from engines.write_aside import write_aside

PX_PER_MM = 12  # about: see `density`
PAGES_MM = {"a4": (297, 210), "a3": (420, 297), "letter": (279, 216), "tabloid": (432, 279), "a2": (594, 420)}
_RULER_ROOM_MM = 16


def draw_board(board: Board, px_per_square: int = 80) -> NDArray[np.uint8]:
    """The board alone, (rows * px, columns * px) grey, without a margin."""
    size = (board.columns * px_per_square, board.rows * px_per_square)
    if board.kind == "charuco":
        return np.asarray(board.charuco().generateImage(size, marginSize=0, borderBits=1), np.uint8)
    rows, columns = np.indices((board.rows, board.columns))
    squares = np.where((rows + columns) % 2, 255, 0).astype(np.uint8)
    return np.kron(squares, np.ones((px_per_square, px_per_square), np.uint8))


def density(board: Board) -> float:
    """px/mm of the board's page: such that a square is a whole number of pixels, and so exact whatever its size."""
    return max(1, round(board.square_m * 1000 * PX_PER_MM)) / (board.square_m * 1000)


def draw_page(board: Board, page: str = "a4") -> NDArray[np.uint8]:
    """A landscape page with the board, its description and a ruler. Raises UserError if it does not fit."""
    if page not in PAGES_MM:
        raise UserError(f"unknown page {page!r}: use one of {', '.join(PAGES_MM)}")
    wide, high = PAGES_MM[page]
    board_wide, board_high = (n * board.square_m * 1000 for n in (board.columns, board.rows))
    if board_wide > wide - 10 or board_high > high - 10 - _RULER_ROOM_MM:
        raise UserError(f"a board of {board_wide:g}x{board_high:g} mm does not fit on {page}: "
                        "use smaller squares or a larger page")
    px_per_mm = density(board)
    picture = draw_board(board, round(board.square_m * 1000 * px_per_mm))
    canvas = np.full((round(high * px_per_mm), round(wide * px_per_mm)), 255, np.uint8)
    left = (canvas.shape[1] - picture.shape[1]) // 2
    top = (canvas.shape[0] - round(_RULER_ROOM_MM * px_per_mm) - picture.shape[0]) // 2
    canvas[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    _draw_ruler(canvas, px_per_mm)
    foot = (150 * PX_PER_MM, canvas.shape[0] - 5 * PX_PER_MM)
    _write(canvas, f"{board}. Print at 100 %, mount it flat.", foot)
    return canvas


def write_board(path: Path, board: Board, page: str = "a4") -> None:
    """Writes a .pdf or .png page, by the name's ending."""
    writers = {".pdf": _pdf, ".png": _png}
    if path.suffix.lower() not in writers:
        raise UserError(f"{path} must end in .pdf or .png")
    write = writers[path.suffix.lower()]
    write_aside(path, lambda aside: aside.write_bytes(write(draw_page(board, page), density(board))))


def _draw_ruler(canvas: NDArray[np.uint8], px_per_mm: float) -> None:
    left, base = 20 * PX_PER_MM, canvas.shape[0] - 8 * PX_PER_MM
    for mm in range(101):
        x, tall = left + round(mm * px_per_mm), (5 if mm % 10 == 0 else 3 if mm % 5 == 0 else 2) * PX_PER_MM
        canvas[base - tall : base, x - 1 : x + 1] = 0
        if mm % 50 == 0:
            _write(canvas, f"{mm} mm", (x - 2 * PX_PER_MM, base + 5 * PX_PER_MM))


def _write(canvas: NDArray[np.uint8], text: str, at: tuple[int, int]) -> None:
    cv2.putText(canvas, text, at, cv2.FONT_HERSHEY_SIMPLEX, 1.1, 0, 2, cv2.LINE_AA)


def _png(page: NDArray[np.uint8], px_per_mm: float) -> bytes:
    """PNG with its pixel density, which printing programs go by."""
    data = cv2.imencode(".png", page)[1].tobytes()
    px_per_m = round(px_per_mm * 1000)
    physical = b"pHYs" + struct.pack(">IIB", px_per_m, px_per_m, 1)
    chunk = struct.pack(">I", 9) + physical + struct.pack(">I", zlib.crc32(physical))
    after_header = 8 + 25  # the signature, then IHDR, which is always 25 bytes
    return data[:after_header] + chunk + data[after_header:]


def _pdf(page: NDArray[np.uint8], px_per_mm: float) -> bytes:
    """One page that is one picture (ISO 32000-1, 7.5 and 8.9.5)."""
    high, wide = page.shape
    box = f"{wide / px_per_mm * 72 / 25.4:.4f} {high / px_per_mm * 72 / 25.4:.4f}"
    paint = f"q {box.replace(' ', ' 0 0 ')} 0 0 cm /Page Do Q".encode()
    pixels = zlib.compress(page.tobytes(), 9)
    picture = (f"<< /Type /XObject /Subtype /Image /Width {wide} /Height {high} /ColorSpace /DeviceGray "
               f"/BitsPerComponent 8 /Filter /FlateDecode /Length {len(pixels)} >>")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /ViewerPreferences << /PrintScaling /None >> >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {box}] /Contents 4 0 R "
        "/Resources << /XObject << /Page 5 0 R >> >> >>".encode(),
        f"<< /Length {len(paint)} >>\nstream\n".encode() + paint + b"\nendstream",
        f"{picture}\nstream\n".encode() + pixels + b"\nendstream",
    ]
    out, places = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    trailer = f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF\n"
    return out + f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}{trailer}".encode()
