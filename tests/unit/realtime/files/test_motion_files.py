"""Motion for certificates out of real recordings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engines.errors import UserError
from realtime.bench.known_poses import known_keypoints
from realtime.files.motion_files import read_motion
from realtime.takes.take import Recorded, TakeWriter
from realtime.wire.encode import encode_keypoints
from realtime.wire.framing import decode_map, split

pytest.importorskip("mcap", reason="recordings need: pip install 'realtime-pose[record]'")
START_NS = 1_767_225_600_000_000_000


def _take(path: Path, frames: int) -> Path:
    with TakeWriter(path) as writer:
        for i in range(frames):
            at_ns = START_NS + i * 33_333_333
            raw = encode_keypoints(known_keypoints(i), stream="main", session="s", seq=i, t_capture_ns=at_ns,
                                   t_detect_ns=at_ns + 1, t_publish_ns=at_ns + 2)  # fmt: skip
            writer.add(Recorded("keypoints2d", "main", at_ns + 3, decode_map(split(raw)[2])))
    return path


def test_a_take_gives_stretches_of_its_people(tmp_path: Path) -> None:
    motion = read_motion(_take(tmp_path / "a.mcap", 60), 4, 20)
    assert motion.rays.shape == (4, 20, 17, 2)
    assert np.isfinite(motion.rays).mean() > 0.5
    assert np.nanmax(np.abs(motion.rays)) < 1.5  # rays, not pixels
    assert motion.about == "a.mcap, 4 stretches of 20 frames"


def test_a_take_that_is_too_short_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no recording has the 200 frames"):
        read_motion(_take(tmp_path / "a.mcap", 30), 4, 200)


def test_a_file_that_is_no_recording_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.mcap").write_bytes(b"nothing")
    with pytest.raises(UserError):
        read_motion(tmp_path / "a.mcap", 4, 20)
