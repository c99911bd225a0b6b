"""Files that claim, or unpack to, more than there can be."""

from __future__ import annotations

import io
import json
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from calibration.yaml_file import read
from engines.errors import UserError
from engines.models.card import read_card
from engines.read_bounded import check_npz, read_bounded
from engines.toml_config import read_toml
from realtime.files.keypoints_file import read_keypoints

ZERO = Path("/dev/zero")


@pytest.mark.skipif(not ZERO.exists(), reason="no /dev/zero on this system")
@pytest.mark.parametrize("reader", [lambda path: read(path, "camera"), read_toml, read_card, read_bounded])
def test_a_file_without_an_end_is_refused(reader: object) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(UserError, match="more than 4 MiB"):
            reader(ZERO)  # type: ignore[operator]
        assert tracemalloc.get_traced_memory()[1] < 32 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("reader", [lambda path: read(path, "camera"), read_toml, read_card])
def test_a_file_that_is_nested_without_an_end_is_refused(reader: object, tmp_path: Path) -> None:
    path = tmp_path / "deep"
    path.write_text("a = " * (reader is read_toml) + "[" * 100_000)
    with pytest.raises(UserError):
        reader(path)  # type: ignore[operator]


def bomb(path: Path, header: dict[str, object], data: bytes) -> None:
    array = io.BytesIO()
    np.lib.format.write_array_header_1_0(array, header)  # type: ignore[arg-type]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("keypoints_px.npy", array.getvalue() + data)


@pytest.mark.parametrize("whole", [True, False])
def test_arrays_larger_than_any_recording_are_refused_before_they_are_made(tmp_path: Path, whole: bool) -> None:
    path = tmp_path / "bomb.npz"
    rows = 200_000 if whole else 2**40  # half of it is there, or next to nothing
    bomb(path, {"descr": "<f8", "fortran_order": False, "shape": (rows, 17, 2)}, bytes(2 << 20))
    most = (1 << 20) if whole else (1 << 30)
    with pytest.raises(UserError, match="unpacks to more than"):
        check_npz(path, most)
    if not whole:
        with pytest.raises(UserError, match="unpacks to more than"):
            read_keypoints(path)


def test_what_is_of_a_usual_size_is_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "few.npz", a=np.zeros((10, 17, 2)))
    check_npz(tmp_path / "few.npz")
    (tmp_path / "card.json").write_text(json.dumps({"x": 1}))
    assert read_bounded(tmp_path / "card.json") == b'{"x": 1}'
