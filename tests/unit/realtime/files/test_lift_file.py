"""`realtime lift`: rows are frames, all modes and engines agree, held frames are flagged, wrong files are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keypoint_files import SIZE, person, run

from calibration.lens.rays import Camera
from engines.errors import UserError


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A streaming model of random weights that sees 27 frames, and nothing but them: its windows are cheap."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnx")
    from engines.models.card import STREAM, ModelCard, save_model
    from engines.models.normalise import FRAME_FEATURES
    from engines.models.stream_gla_gcn import StreamConfig, StreamGLAGCN

    torch.manual_seed(0)
    module = StreamGLAGCN(StreamConfig(levels=3, channels=16, features=FRAME_FEATURES))
    for mix in module.temporal:
        torch.nn.init.normal_(mix.past, std=0.15)
    path = tmp_path_factory.mktemp("small") / "small.safetensors"
    card = ModelCard(STREAM, "small", 27, 16, lookaheads=(0, 2, 4, 8), features=FRAME_FEATURES)
    save_model({key: value.numpy() for key, value in module.state_dict().items()}, card, path)
    return str(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lift")


@settings(max_examples=25, deadline=None)
@given(
    frames=st.integers(1, 40), fps=st.sampled_from([10.0, 20.0, 25.0, 30.0, 40.0]), lookahead=st.sampled_from([0, 4]),
    holes=st.lists(st.tuples(st.integers(0, 39), st.integers(0, 16)), max_size=20),
    empty=st.sets(st.integers(0, 39), max_size=5), seed=st.integers(0, 99),
)  # fmt: skip
def test_stream_window_and_sequence_modes_agree(
    frames: int, fps: float, lookahead: int, holes: list[tuple[int, int]], empty: set[int], seed: int, folder: Path,
    small: str,
) -> None:
    fields = person(frames, fps, seed)
    for t, joint in holes:
        fields["keypoints_px"][min(t, frames - 1), joint] = np.nan
    fields["keypoints_px"][[t for t in empty if t < frames]] = np.nan
    if not np.isfinite(fields["keypoints_px"]).any():
        return
    check_modes_agree(fields, folder, small, lookahead)


@settings(max_examples=15, deadline=None)
@given(steps_ms=st.lists(st.integers(4, 70), min_size=1, max_size=50), lookahead=st.sampled_from([0, 4]))
def test_modes_agree_on_a_jittery_camera(steps_ms: list[int], lookahead: int, folder: Path, small: str) -> None:
    """Frames that come early are lifted and not remembered."""
    fields = person(len(steps_ms) + 1)
    del fields["fps"]
    fields["t_s"] = np.cumsum([0, *steps_ms]) / 1000
    check_modes_agree(fields, folder, small, lookahead)


@pytest.mark.parametrize("lookahead", [0, 4])
def test_modes_agree_on_interleaved_phases(lookahead: int, folder: Path, small: str) -> None:
    fields = person(50, 60)
    fields["keypoints_px"][[20, 21, 30]] = np.nan
    check_modes_agree(fields, folder, small, lookahead)


def check_modes_agree(fields: dict[str, Any], folder: Path, small: str, lookahead: int) -> None:
    stream = run(fields, folder, model=small, lookahead=lookahead)
    for mode in ("window", "sequence"):
        other = run(fields, folder, model=small, lookahead=lookahead, mode=mode)
        for name in ("joints_m", "sigma_m", "window_fill"):
            np.testing.assert_allclose(getattr(other, name), getattr(stream, name), atol=1e-4)
        np.testing.assert_allclose(other.root_m, stream.root_m, atol=2e-3)
        assert np.array_equal(other.held, stream.held)


@pytest.mark.parametrize("mode", ["stream", "window", "sequence"])
def test_torch_agrees_with_onnxruntime(mode: str, folder: Path, small: str) -> None:
    fields = person(50)
    engines = ("onnxruntime", "torch")
    poses = [run(fields, folder, model=small, mode=mode, engine=engine).joints_m for engine in engines]
    assert np.abs(poses[0] - poses[1]).max() < 1e-4


def test_rows_with_lookahead_are_the_poses_of_their_own_frames(folder: Path) -> None:
    """A look-ahead model sees a jump early, never late: rows before the jump stay those of the still figure."""
    fields = person(1)
    still = np.repeat(fields["keypoints_px"], 60, 0)
    moved = still.copy()
    moved[30:, :, 1] = 480 - moved[30:, :, 1]  # upside down from frame 30 on
    before = run({**fields, "keypoints_px": still}, folder, lookahead=8).joints_m
    after = run({**fields, "keypoints_px": moved}, folder, lookahead=8).joints_m
    change = np.abs(after - before).max((1, 2))
    assert change[:22].max() < 1e-4
    assert change[38:].min() > 1e-2  # a figure upside down all at once is not believed for a moment


def test_output_file_holds_what_the_contract_names(folder: Path) -> None:
    result = run({**person(30), "scores": np.ones((30, 17))}, folder, lookahead=2)
    with np.load(folder / "out.npz", allow_pickle=False) as out:
        shapes = {name: out[name].shape for name in out.files}
        assert str(out["model"]) == result.model
        assert int(out["lag_frames"]) == 2
        assert np.array_equal(out["joints_m"], result.joints_m)
        assert (out["joints_m"][:, 0] == 0).all()
    assert shapes == {
        "joints_m": (30, 17, 3), "root_m": (30, 3), "sigma_m": (30, 17), "root_sigma_m": (30,), "window_fill": (30,),
        "held": (30,), "unseen": (30, 17), "ids": (1,), "t_s": (30,), "scale": (30,), "space": (), "calibration": (),
        "lag_frames": (), "model": (), "engine": (), "mode": (), "offline": (),
    }  # fmt: skip
    assert [entry.name for entry in sorted(folder.iterdir())] == ["in.npz", "out.npz"]


def test_frames_with_nobody_hold_the_last_pose_and_say_so(folder: Path) -> None:
    fields = person(60)
    gone = [0, 1, 20, 21, *range(40, 60)]  # the last over half a second: the model starts afresh
    fields["keypoints_px"][gone] = np.nan
    result = run(fields, folder)
    assert np.flatnonzero(result.held).tolist() == gone
    assert np.isnan(result.joints_m[:2]).all()
    assert np.isfinite(result.joints_m[2:]).all()
    for t in (20, 21):
        assert np.array_equal(result.joints_m[t], result.joints_m[19])
    assert (result.joints_m[40:] == result.joints_m[39]).all()
    low = person(60)
    low["scores"] = np.ones((60, 17))
    low["scores"][gone] = 0
    assert np.array_equal(run(low, folder).joints_m[2:], result.joints_m[2:])


def test_placed_pose_is_seen_where_its_keypoints_are(folder: Path) -> None:
    fields = person(60)
    result = run(fields, folder)
    assert np.isfinite(result.root_m).all()
    assert 2 < np.median(result.root_m[:, 2]) < 7
    seen = Camera.assumed(SIZE).project(result.joints_m + result.root_m[:, None])
    assert np.median(np.abs(seen - fields["keypoints_px"])) < 10


def test_camera_and_times_are_used(folder: Path) -> None:
    fields = person(30)
    camera = Camera.assumed(SIZE)
    given_camera = {**fields, "camera_matrix": camera.camera_matrix, "dist_coeffs": np.zeros(5)}
    plain = run(fields, folder).joints_m
    np.testing.assert_allclose(run(given_camera, folder).joints_m, plain, atol=1e-4)
    timed = {key: value for key, value in fields.items() if key != "fps"} | {"t_s": 100 + np.arange(30) / 30}
    np.testing.assert_allclose(run(timed, folder).joints_m, plain, atol=1e-4)
    wider = {**given_camera, "camera_matrix": camera.camera_matrix * [[0.5], [0.5], [1]]}
    assert np.abs(run(wider, folder).joints_m - plain).max() > 1e-3


def test_paper_model_lifts_rows_of_their_own_frames(folder: Path) -> None:
    torch = pytest.importorskip("torch")
    from engines.models.gla_gcn import GLAGCN
    from engines.models.published import import_checkpoint

    torch.manual_seed(0)
    torch.save({"model_pos": GLAGCN((3, 3), 8).state_dict()}, folder / "published.bin")
    import_checkpoint(folder / "published.bin", folder / "paper.safetensors", "paper")
    fields = person(30)
    model = str(folder / "paper.safetensors")
    result = run(fields, folder, model=model)
    assert result.lag_frames == 4
    swapped = {**fields, "keypoints_px": fields["keypoints_px"].copy()}
    swapped["keypoints_px"][20] += 30
    change = np.abs(run(swapped, folder, model=model).joints_m - result.joints_m).max((1, 2))
    # four frames either side see frame 20; those after them remember the body and its depths
    assert np.flatnonzero(change > 1e-6)[:9].tolist() == list(range(16, 25))
    with pytest.raises(UserError, match="--mode stream"):
        run(fields, folder, model=model, mode="sequence")
    for path in folder.iterdir():
        if path.stem in ("published", "paper"):
            path.unlink()
