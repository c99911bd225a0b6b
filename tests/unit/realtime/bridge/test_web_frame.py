"""What the page gets: joints in millimetres, and feet and hands as lines where the message has them."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
from pose_messages import message, person

from realtime.bridge.web import frame_json


def test_feet_and_hands_are_lines_and_nothing_without() -> None:
    one = person(root_m=(0.0, 0.0, 3.0))
    feet_m = np.array([(0, 1, 0), (0, 1, -0.2), (0.3, 1, 0), (0.3, 1, -0.2)], np.float32)
    hands_m = np.full((6, 3), np.nan, np.float32)
    hands_m[4] = (0.5, 0, 0)  # the left index finger
    nowhere = replace(one, id=5, root_m=np.full(3, np.nan, np.float32))
    plain, with_both = (json.loads(frame_json(message(*people)))["people"]
                        for people in ((one, nowhere), (replace(one, feet_m=feet_m, hands_m=hands_m),)))  # fmt: skip
    (bare,), (whole,) = plain, with_both
    assert "lines" not in bare
    assert whole["joints"] == bare["joints"]
    assert [[0, 0, -3000], [0, -1000, -2800], 3] in whole["lines"]  # ankle to toe: x right, y up, z to the camera
    assert [[0, 0, -3000], [500, 0, -3000], 13] in whole["lines"]
    assert len(whole["lines"]) == 7, "three a foot, and the only one of the hands that both ends are known of"
