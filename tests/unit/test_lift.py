"""`realtime lift`: rows are frames, all modes and engines agree, held frames are flagged, wrong files are refused."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.rays import Camera
from engines.errors import UserError
from realtime.lift import LiftedFile, lift_file

SIZE = (640, 480)


# Somebody who faces the camera, centimetres right of and below the hip.
FIGURE = np.array([
    (0, 0), (-13, 0), (-14, 45), (-14, 88), (13, 0), (14, 45), (14, 88), (0, -25), (0, -50), (0, -60), (0, -71),
    (15, -48), (20, -20), (22, 5), (-15, -48), (-20, -20), (-22, 5),
])  # fmt: skip


def person(frames: int, fps: float = 30, seed: int = 0) -> dict[str, Any]:
    """A swaying figure in pixels, about 4 m away."""
    rng = np.random.default_rng(seed)
    t = np.arange(frames)[:, None, None] / fps
    sway = 8 * np.sin(t * rng.uniform(2, 5, (1, 17, 2)) + rng.uniform(0, 6, (1, 17, 2)))
    return {"keypoints_px": (FIGURE * 1.4 + (330, 230) + sway).astype(np.float32), "fps": fps, "image_wh": SIZE}


def run(fields: dict[str, Any], folder: Path, **options: Any) -> LiftedFile:
    np.savez(folder / "in.npz", **fields)
    return lift_file(folder / "in.npz", folder / "out.npz", overwrite=True, **options)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A streaming model of random weights that sees 27 frames: its windows are cheap."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnx")
    from engines.checkpoint import STREAM, ModelCard, save_model
    from engines.stream_gla_gcn import StreamConfig, StreamGLAGCN

    torch.manual_seed(0)
    module = StreamGLAGCN(StreamConfig(levels=3, channels=16))
    for mix in module.temporal:
        torch.nn.init.normal_(mix.weight, std=0.15)
    path = tmp_path_factory.mktemp("small") / "small.safetensors"
    card = ModelCard(STREAM, "small", 27, 16, lookaheads=(0, 2, 4, 8))
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
    assert change[30:].min() > 1e-2


def test_output_file_holds_what_the_contract_names(folder: Path) -> None:
    result = run({**person(30), "scores": np.ones((30, 17))}, folder, lookahead=2)
    with np.load(folder / "out.npz", allow_pickle=False) as out:
        shapes = {name: out[name].shape for name in out.files}
        assert str(out["model"]) == result.model
        assert int(out["lag_frames"]) == 2
        assert np.array_equal(out["joints_m"], result.joints_m)
        assert (out["joints_m"][:, 0] == 0).all()
    assert shapes == {
        "joints_m": (30, 17, 3), "root_m": (30, 3), "sigma_m": (30, 17), "window_fill": (30,), "held": (30,),
        "t_s": (30,), "lag_frames": (), "model": (), "engine": (), "mode": (),
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


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"keypoints_px": np.zeros((0, 17, 2))}, "keypoints_px is empty"),
        ({"keypoints_px": np.zeros((5, 16, 2))}, "keypoints_px"),
        ({"keypoints_px": np.zeros((5, 17))}, "keypoints_px"),
        ({"keypoints_px": np.full((5, 17, 2), np.inf)}, "keypoints_px"),
        ({"keypoints_px": np.full((5, 17, 2), "x")}, "keypoints_px"),
        ({"keypoints_px": None}, "keypoints_px is missing"),
        ({"keypoints_px": np.full((5, 17, 2), np.nan)}, "keypoints_px"),
        ({"keypoints_px": np.full((5, 17, 2), 1e30)}, "keypoints_px has places beyond"),
        ({"scores": np.ones((4, 17))}, "scores"),
        ({"scores": np.full((5, 17), 87.0)}, "scores has values outside 0 to 1"),
        ({"scores": np.full((5, 17), -np.inf)}, "scores has values outside 0 to 1"),
        ({"fps": 0}, "fps"),
        ({"fps": np.nan}, "fps"),
        ({"fps": [30, 30]}, "fps"),
        ({"fps": None}, "fps or t_s is missing"),
        ({"t_s": [0, 1, 2, 1.5, 3]}, "t_s runs backwards after frame 2"),
        ({"t_s": [0, 1, np.nan, 3, 4]}, "t_s"),
        ({"t_s": np.arange(5) * 1e18}, "t_s spans .* seconds"),
        ({"t_s": [-1.7e308, 0, 1, 2, 1.7e308]}, "t_s spans .* seconds"),
        ({"fps": 1e-10}, "fps of .* give frames a second"),
        ({"fps": 5e-324}, "fps of .* give frames a second"),
        ({"t_s": [0, 1, 2]}, "t_s"),
        ({"image_wh": None}, "image_wh is missing"),
        ({"image_wh": [640, 0]}, "image_wh"),
        ({"image_wh": [640, np.inf]}, "image_wh"),
        ({"image_wh": [640]}, "image_wh"),
        ({"image_wh": [640, 1e30]}, "image_wh"),
        ({"camera_matrix": np.eye(2)}, "camera_matrix"),
        ({"camera_matrix": np.full((3, 3), np.nan)}, "camera_matrix"),
        ({"dist_coeffs": np.zeros(5)}, "dist_coeffs"),
        ({"camera_matrix": np.eye(3), "dist_coeffs": np.zeros(3)}, "dist_coeffs"),
    ],
)
def test_wrong_input_is_refused_with_the_fields_name(change: dict[str, Any], field: str, tmp_path: Path) -> None:
    fields = {key: value for key, value in {**person(5), **change}.items() if value is not None}
    with pytest.raises(UserError, match=field):
        run(fields, tmp_path)
    assert not (tmp_path / "out.npz").exists()


def test_files_that_are_no_npz_are_refused(tmp_path: Path) -> None:
    source = tmp_path / "in.npz"
    with pytest.raises(UserError, match="does not exist"):
        lift_file(source, tmp_path / "out.npz")
    np.savez(source, keypoints_px=np.array([{"a": 1}], dtype=object))
    with pytest.raises(UserError, match="plain arrays: write") as error:
        lift_file(source, tmp_path / "out.npz")
    assert "pickle" not in str(error.value)
    for content in (b"", b"hello", b"PK\x03\x04"):
        source.write_bytes(content)
        with pytest.raises(UserError, match=r"in\.npz"):
            lift_file(source, tmp_path / "out.npz")
    with source.open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(UserError, match="bare array"):
        lift_file(source, tmp_path / "out.npz")


def npy(header: str, version: bytes = b"\x01\x00") -> bytes:
    """An array's member of an .npz with this header and no data."""
    text = header.encode() + b"\n"
    return b"\x93NUMPY" + version + len(text).to_bytes(2, "little") + text


@pytest.mark.parametrize(
    "member",
    [
        b"no array at all",
        b"",
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (10"),
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 17, 2), }"),
        npy(f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({10**30}, 17, 2), }}"),
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (5, 17, 2), }"),
        npy("{'descr': '|O', 'fortran_order': False, 'shape': (5, 17, 2), }"),
        npy("{}", version=b"\x09\x00"),
    ],
)
def test_members_that_are_no_arrays_are_refused(member: bytes, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "in.npz", "w") as archive:
        archive.writestr("keypoints_px.npy", member)
    with pytest.raises(UserError, match=r"in\.npz is not a readable \.npz of plain arrays"):
        lift_file(tmp_path / "in.npz", tmp_path / "out.npz")


@pytest.mark.parametrize(("field", "value"), [(6, b"\x01\x00"), (8, b"\x63\x00")])  # encrypted; an unknown method
def test_archives_that_cannot_be_unpacked_are_refused(field: int, value: bytes, tmp_path: Path) -> None:
    source = tmp_path / "in.npz"
    np.savez(source, keypoints_px=person(5)["keypoints_px"])
    content = bytearray(source.read_bytes())
    for start, at in ((content.index(b"PK\x03\x04"), field), (content.index(b"PK\x01\x02"), field + 2)):
        content[start + at : start + at + 2] = value
    source.write_bytes(content)
    with pytest.raises(UserError, match=r"in\.npz is not a readable \.npz of plain arrays"):
        lift_file(source, tmp_path / "out.npz")


def test_what_is_no_field_is_not_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "in.npz", **person(3))
    with zipfile.ZipFile(tmp_path / "in.npz", "a") as archive:
        archive.writestr("README.txt", b"how this was recorded")
    assert len(lift_file(tmp_path / "in.npz", tmp_path / "out.npz").t_s) == 3


def test_what_is_there_is_not_overwritten_unasked(tmp_path: Path) -> None:
    source, target = tmp_path / "in.npz", tmp_path / "out.npz"
    np.savez(source, **person(3))
    before = source.read_bytes()
    for same in (source, tmp_path / "." / "in.npz"):
        with pytest.raises(UserError, match="keypoints themselves"):
            lift_file(source, same, overwrite=True)
    target.write_bytes(b"mine")
    with pytest.raises(UserError, match="--overwrite"):
        lift_file(source, target)
    assert (source.read_bytes(), target.read_bytes()) == (before, b"mine")
    lift_file(source, target, overwrite=True)
    assert target.read_bytes() != b"mine"


def test_the_command_says_one_line(tmp_path: Path) -> None:
    np.savez(tmp_path / "in.npz", **person(10))
    command = [sys.executable, "-m", "realtime.cli", "lift", "in.npz", "-o", "out.npz"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.startswith("out.npz: 10 frames, 0 of them held")
    assert not any(line == "" for line in done.stderr.splitlines())


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"mode": "batch"}, "stream, window, sequence"),
        ({"lookahead": 3}, "look-ahead 3"),
        ({"engine": "warp"}, "engine"),
        ({"model": "nothing"}, "no model"),
        ({"mode": "sequence", "lookahead": 3}, "look-ahead 3"),
        ({"mode": "sequence", "engine": "tensorrt"}, "engine"),
        ({"align": "foo"}, "align 'foo' is unknown: choose centre or end"),
        ({"align": "end"}, "no window to align in: leave out --align"),
        ({"mode": "sequence", "align": "end"}, "no window to align in: leave out --align"),
        ({"mode": "window", "plan": Path("x.plan")}, "a plan runs in --mode stream: leave out --plan x.plan"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], says: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=says):
        run(person(3), tmp_path, **options)


def test_paper_model_lifts_rows_of_their_own_frames(folder: Path) -> None:
    torch = pytest.importorskip("torch")
    from engines.gla_gcn import GLAGCN
    from engines.published import import_checkpoint

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
    assert np.flatnonzero(change > 1e-6).tolist() == list(range(16, 25))  # four frames either side see frame 20
    with pytest.raises(UserError, match="--mode stream"):
        run(fields, folder, model=model, mode="sequence")
    for path in folder.iterdir():
        if path.stem in ("published", "paper"):
            path.unlink()
