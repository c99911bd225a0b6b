"""MediaPipe's own 3D: what only our lifting can do is refused beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from engines.errors import UserError
from realtime.files.lift_file import LiftOptions
from realtime.files.mediapipe_world import require_nothing_of_ours
from realtime.files.read_source import Told


@pytest.mark.parametrize(
    ("options", "told", "named"),
    [
        (LiftOptions(offline=True), Told(), "--offline"),
        (LiftOptions(lookahead=4), Told(), "--lookahead"),
        (LiftOptions(), Told(feet=True), "--feet"),
        (LiftOptions(), Told(image_wh=(640, 480)), "--size"),
    ],
)
def test_what_is_of_our_lifting_is_refused(options: LiftOptions, told: Told, named: str) -> None:
    with pytest.raises(UserError, match=named):
        require_nothing_of_ours(options, told)


def test_what_is_of_the_video_is_not() -> None:
    require_nothing_of_ours(LiftOptions(ground=Path("floor.yaml")), Told(fps=25, people=2, detector="heavy"))
