"""`realtime evaluate` end to end on a small untrained model: files written, figures per action, joint, look-ahead."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from engines.errors import UserError  # noqa: E402
from engines.evaluation.evaluate import evaluate_set, of_lifter  # noqa: E402
from engines.evaluation.predictors import of_stream  # noqa: E402
from engines.evaluation.protocols import build, prepared  # noqa: E402
from engines.models.card import ModelCard, save_model  # noqa: E402
from engines.models.skeleton import JOINT_NAMES  # noqa: E402
from engines.models.stream_gla_gcn import StreamConfig, StreamGLAGCN  # noqa: E402
from realtime.commands.models.evaluate import evaluate  # noqa: E402


@pytest.fixture
def mocap(tmp_path: Path) -> Path:
    """Two subjects, one of them held out: a stick figure that sways, (T, 17, 3) at 120 Hz."""
    height = np.array((0.9, 0.9, 0.5, 0.1, 0.9, 0.5, 0.1, 1.15, 1.4, 1.5, 1.6, 1.4, 1.1, 0.9, 1.4, 1.1, 0.9))
    side = np.array((0, -1, -1, -1, 1, 1, 1, 0, 0, 0, 0, 2, 2, 2, -2, -2, -2)) * 0.09
    still = np.stack((side, height, 0.01 * np.arange(17)), -1)
    sway = 0.03 * np.sin(np.arange(200)[:, None, None] / 40 + np.arange(51).reshape(17, 3))
    clip = (still + sway).astype(np.float32)
    np.savez(tmp_path / "mocap.npz", **{"03_01": clip, "08_02": clip[:160], "07_01": clip})
    return tmp_path / "mocap.npz"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    config = StreamConfig(levels=2, channels=16, lookaheads=(0, 2))
    arrays = {key: value.numpy() for key, value in StreamGLAGCN(config).eval().state_dict().items()}
    card = ModelCard(kind="stream-gla-gcn", name="tiny", frames=9, channels=16, lookaheads=(0, 2))
    save_model(arrays, card, tmp_path / "tiny.safetensors")
    return tmp_path / "tiny.safetensors"


def test_protocols_are_scored_and_written(
    model: Path, mocap: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names, files = ["own", "height140", "height200"], [tmp_path / name for name in ("s.json", "s.md", "s.png")]
    evaluate(str(model), mocap, names, engine="torch", views=1, json=files[0], markdown=files[1], plot=files[2])
    data = json.loads(files[0].read_text())
    assert [(one["protocol"], one["lookahead"]) for one in data["scores"]] == [
        (name, k) for name in names for k in (0, 2)
    ]
    first = data["scores"][0]
    assert set(first["by_action"]) == {"rough ground", "walking"}
    assert list(first["by_joint_mm"]) == list(JOINT_NAMES)
    assert first["by_joint_mm"]["hip"] == 0
    assert math.isclose(sum(first["by_joint_mm"].values()) / 17, first["metrics"]["mpjpe_mm"], rel_tol=1e-6)
    n_mpjpe_mm = [one["metrics"]["n_mpjpe_mm"] for one in data["scores"] if one["lookahead"] == 0]
    raw, per_metre = data["n_mpjpe_spread_percent"].values()
    assert math.isclose(raw, 100 * (max(n_mpjpe_mm[1:]) / min(n_mpjpe_mm[1:]) - 1), rel_tol=1e-6)
    assert per_metre < raw
    page = files[1].read_text()
    assert "## own, look-ahead 2" in page
    assert "| left_wrist |" in page
    assert files[2].read_bytes().startswith(b"\x89PNG")
    assert "own" in capsys.readouterr().out


def test_the_live_code_and_the_sequence_form_score_the_same(model: Path, mocap: Path) -> None:
    from engines.lifting.load_lifter import load_lifter
    from engines.models.checkpoint import load_model

    with np.load(mocap) as clips:
        data = build("own-noisy", prepared({name: clips[name] for name in ("03_01", "08_02")}, 120.0))
    module = load_model(model)[1]
    assert isinstance(module, StreamGLAGCN)
    at_once = evaluate_set(of_stream(module), data, (0, 2))
    for lookahead in (0, 2):
        with load_lifter(model, "torch", lookahead) as lifter:
            live = evaluate_set(of_lifter(lifter), data)[0]
        np.testing.assert_allclose(live.metrics.mpjpe_mm, at_once[lookahead].metrics.mpjpe_mm, atol=0.05)
        np.testing.assert_allclose(live.metrics.mpjve_mm, at_once[lookahead].metrics.mpjve_mm, atol=0.05)


def test_a_dataset_is_scored_as_it_is(model: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    points = rng.normal((0, 0, 4), 0.3, (60, 17, 3))
    matrix = np.array(((800.0, 0, 320), (0, 800, 240), (0, 0, 1)))
    pixels = (points @ matrix.T)[..., :2] / points[..., 2:]
    np.savez(tmp_path / "own.npz", keypoints_px=pixels, joints_m=points, camera_matrix=matrix, action="sway")
    evaluate(str(model), tmp_path / "own.npz", lookahead=[0], engine="torch", json=tmp_path / "s.json")
    (only,) = json.loads((tmp_path / "s.json").read_text())["scores"]
    assert list(only["by_action"]) == ["sway"]
    assert only["metrics"]["frames"] == 52
    with pytest.raises(UserError, match="leave --protocol out"):
        evaluate(str(model), tmp_path / "own.npz", ["own"])


def test_mistakes_are_named(model: Path, mocap: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="add --data"):
        evaluate(str(model))
    with pytest.raises(UserError, match="no look-ahead 5"):
        evaluate(str(model), mocap, lookahead=[5])
    with pytest.raises(UserError, match="choose with --subjects"):
        evaluate(str(model), mocap, subjects="99")
    with pytest.raises(UserError, match="no motion capture"):
        evaluate(str(model), tmp_path / "nothing")
    with pytest.raises(UserError, match="no protocol"):
        evaluate(str(model), mocap, ["mine"])


def test_mistakes_of_films_are_named_before_any_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compare(*_: object, **__: object) -> None:
        raise AssertionError("a film was looked at")

    monkeypatch.setattr("realtime.model.evaluate.compare", compare)
    monkeypatch.setattr("realtime.model.evaluate.fetch", lambda name: None)
    (tmp_path / "film.mp4").write_bytes(b"film")
    film = [tmp_path / "film.mp4"]
    with pytest.raises(UserError, match=r"none\.mp4"):
        evaluate(clip=[*film, tmp_path / "none.mp4"])
    with pytest.raises(UserError, match="is a camera or an address"):
        evaluate(clip=[*film, Path("0")])
    with pytest.raises(UserError, match="engine 'abacus'"):
        evaluate(clip=film, engine="abacus")
    with pytest.raises(UserError, match="leave out --align"):
        evaluate(clip=film, align="end")
    with pytest.raises(UserError, match="cannot be written"):
        evaluate(clip=film, json=film[0] / "scores.json")
    with pytest.raises(UserError, match=r"film\.mp4 exists: .*--overwrite"):
        evaluate(clip=film, markdown=film[0])
    with pytest.raises(UserError, match="add --data"):
        evaluate(clip=film, plot=tmp_path / "delay.png")
    with pytest.raises(AssertionError, match="looked at"):
        evaluate(clip=film)
