"""Cameras of a Qualisys file: the lens in pixels, the room's points where they are seen."""

from __future__ import annotations

import numpy as np
import pytest

from calibration.lens.qualisys import read_qualisys
from engines.errors import UserError

# A camera at (0, 0, 2) m that looks along the room's y axis, its own x to the room's x: columns of the file's matrix
# are its axes in the room, x, y up, z backwards.
CAMERA = """
<camera serial="{name}">
 <fov_video left="0" top="0" right="639" bottom="479"/>
 <transform x="0" y="0" z="2000" r11="1" r12="0" r13="0" r21="0" r22="0" r23="1" r31="0" r32="-1" r33="0"/>
 <intrinsic focalLengthU="32000" focalLengthV="32000" centerPointU="20480" centerPointV="15360"
  radialDistortion1="0" radialDistortion2="0" tangentalDistortion1="0" tangentalDistortion2="0"/>
</camera>
"""


def file(*names: str) -> bytes:
    cameras = "".join(CAMERA.format(name=name) for name in names)
    return f"<calibration><cameras>{cameras}</cameras></calibration>".encode()


def test_a_point_in_the_room_is_seen_where_it_is() -> None:
    (placed,) = read_qualisys(file("cam01"))
    assert placed.camera.image_wh == (640, 480)
    ahead, right, above = placed.to_camera(np.array([[0, 4, 2], [1, 4, 2], [0, 4, 3]], np.float64))
    np.testing.assert_allclose(ahead, (0, 0, 4), atol=1e-12)
    np.testing.assert_allclose(right, (1, 0, 4), atol=1e-12)
    np.testing.assert_allclose(above, (0, -1, 4), atol=1e-12)
    np.testing.assert_allclose(placed.camera.project(right), (320 + 125, 240), atol=1e-9)
    assert np.linalg.det(placed.rotation) == pytest.approx(1)


def test_cameras_come_by_name_and_at_the_pictures_size() -> None:
    placed = read_qualisys(file("cam02", "cam01"), (1280, 720))
    assert [one.name for one in placed] == ["cam01", "cam02"]
    assert placed[0].camera.image_wh == (1280, 720)


@pytest.mark.parametrize("content", [b"", b"<a/", b"{}", file("x").replace(b"transform", b"place"),
                                     file("x").replace(b"32000", b"many")])  # fmt: skip
def test_what_is_no_such_file_is_refused_in_one_sentence(content: bytes) -> None:
    with pytest.raises(UserError):
        read_qualisys(content)
