"""Recorded keypoints in, the poses of an earlier day out: whatever changes on the way from the one to the other shows.

A tiny model of random weights lifts made-up people who come, go, and are filmed at 30, 15 and 60 Hz; all of it lies in
golden/. After a change that is meant to change poses: `python tests/replay/test_golden.py` writes them anew, and the
commit says why. With `--inputs` it makes the model (needs the extra `train`) and the keypoints anew too.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from engines.plans.synthetic_motion import BONES_M, synthetic_motion
from realtime.contracts import Keypoints2D, Person2D, PoseFrame, Stamp
from realtime.takes.replay import LiftOptions, frames
from realtime.takes.take import Recorded, TakeWriter
from realtime.wire.encode import encode_keypoints
from realtime.wire.framing import decode_map, split

GOLDEN = Path(__file__).parent / "golden"
MODEL, TAKE = GOLDEN / "tiny-9.safetensors", GOLDEN / "keypoints.mcap"
LOOKAHEADS = (0, 2)
START_NS = 1_767_225_600_000_000_000
TOLERANCE = {"joints_m": 1e-4, "root_m": 1e-3, "sigma_m": 1e-4, "window_fill": 1e-6}
Arrays = dict[str, NDArray[np.generic]]


def golden(lookahead: int) -> Path:
    return GOLDEN / f"poses-lookahead-{lookahead}.npz"


def lifted(lookahead: int) -> Arrays:
    """A row for each person of each frame, of the recording as `realtime replay --lift` lifts it."""
    options = LiftOptions(str(MODEL), "onnxruntime", lookahead, people=2)
    poses = [replayed.frame for replayed in frames(TAKE, lift=options) if isinstance(replayed.frame, PoseFrame)]
    rows = [(frame.stamp.frame_id, person) for frame in poses for person in frame.persons]
    return {
        "frame_id": np.array([frame_id for frame_id, _ in rows], np.int16),
        "id": np.array([person.track_id for _, person in rows], np.int16),
        "held": np.array([person.held for _, person in rows]),
        "lag_frames": np.array([person.lag_frames for _, person in rows], np.int16),
        **{name: np.array([getattr(person, name) for _, person in rows], np.float32) for name in TOLERANCE},
    }


@pytest.mark.parametrize("lookahead", LOOKAHEADS)
def test_the_poses_are_those_of_before(lookahead: int) -> None:
    expected, got = np.load(golden(lookahead)), lifted(lookahead)
    assert set(expected) == set(got)
    for name, values in got.items():
        np.testing.assert_allclose(
            values, expected[name], rtol=0, atol=TOLERANCE.get(name, 0),
            err_msg=f"{name} changed: is that meant? Then run 'python tests/replay/test_golden.py'",
        )  # fmt: skip


def test_the_recording_shows_what_a_session_has() -> None:
    poses = np.load(golden(0))
    assert set(poses["id"]) == {1, 2}
    assert 0 < poses["held"].sum() < len(poses["held"]) // 4
    assert np.isfinite(poses["joints_m"]).all()
    assert np.isfinite(poses["root_m"]).all()
    assert poses["window_fill"].min() < 0.2
    assert poses["window_fill"].max() == 1


def write_keypoints() -> None:
    """Five seconds of unsteady 30 Hz with a hole, of 15 Hz and of 60 Hz; one person is lost for a moment, another comes
    and goes."""
    motion, rng = synthetic_motion(2, 120, seed=7), np.random.default_rng(7)
    steps_ms = np.concatenate((33.3 + rng.uniform(-4, 4, 60), np.full(20, 66.7), np.full(40, 16.7)))
    steps_ms[40] = 900
    source_ns = np.round(np.cumsum(steps_ms) * 1e6).astype(np.int64).tolist()
    xy_px = np.round((motion.rays * 500 + (320, 240)) * 8) / 8  # short numbers make a small file
    score = np.round(motion.score * 64) / 64
    with TakeWriter(TAKE, overwrite=True, live=False) as take:
        for i, at_ns in enumerate(source_ns):
            shown = [row for row, there in enumerate((not 50 <= i < 57, 20 <= i < 75)) if there]
            people = tuple(
                Person2D(1 + row, xy_px[row, i].astype(np.float32), score[row, i].astype(np.float32)) for row in shown
            )
            raw = encode_keypoints(
                Keypoints2D(Stamp(i, 0, at_ns), (640, 480), people, 0, 0), stream="main", session="golden", seq=i,
                t_capture_ns=START_NS + at_ns, t_detect_ns=START_NS + at_ns + 30_000_000,
                t_publish_ns=START_NS + at_ns + 40_000_000,
            )  # fmt: skip
            take.add(Recorded("keypoints2d", "main", START_NS + at_ns + 41_000_000, decode_map(split(raw)[2])))


def write_model() -> None:
    """Random weights around a standing person, every tap and graph of which counts."""
    import torch

    from engines.models.skeleton import PARENTS
    from engines.models.stream_gla_gcn import StreamConfig, StreamGLAGCN
    from engines.training.ship import ship

    torch.manual_seed(7)
    model = StreamGLAGCN(StreamConfig(levels=2, channels=8, lookaheads=LOOKAHEADS))
    standing = np.zeros_like(BONES_M)
    for joint in range(1, len(BONES_M)):
        standing[joint] = standing[PARENTS[joint]] + BONES_M[joint]
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm1d):
                module.running_mean.normal_(0, 0.2)
                module.running_var.uniform_(2, 4)
        for mix in model.temporal:
            mix.past.normal_(0, 8**-0.5)
        for graph in model.spatial:
            graph.learned_UVI.normal_(0, 0.1)
        model.sigma_wobble.normal_(0, 0.1)
        model.head_weight *= 0.2
        model.head_bias.view(len(standing), -1, 4)[..., :3] = torch.from_numpy(standing)[:, None]
    ship(model.eval(), MODEL.stem, GOLDEN)


if __name__ == "__main__":
    if "--inputs" in sys.argv:
        write_model()
        write_keypoints()
    for ahead in LOOKAHEADS:
        np.savez_compressed(golden(ahead), **lifted(ahead))
