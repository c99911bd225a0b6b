"""Scoring: look-aheads line up with their frames, padding never counts, and every lifter runs through one call."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch")

from engines.errors import UserError  # noqa: E402
from engines.evaluation.evaluate import UNSCORED_TAIL, evaluate_protocol, evaluate_set  # noqa: E402
from engines.evaluation.predictors import of_stream  # noqa: E402
from engines.evaluation.protocols import held_out_clips  # noqa: E402
from engines.models.normalise import to_camera  # noqa: E402
from engines.models.stream_gla_gcn import StreamConfig, StreamGLAGCN  # noqa: E402
from engines.models.view import sequence_features  # noqa: E402
from engines.motion.evaluation_set import EvaluationSet, Sequence2D3D  # noqa: E402

Float = NDArray[np.float32]


def made_up(lengths: tuple[int, ...] = (40, 25, 33)) -> EvaluationSet:
    """Poses that are told by the rays: x and y of a joint are its ray's, z is zero."""
    rng = np.random.default_rng(0)
    items = []
    for number, length in enumerate(lengths):
        rays = (rng.normal(0, 0.2, (1, 17, 2)) + rng.normal(0, 0.02, (length, 17, 2)).cumsum(0)).astype(np.float32)
        rays -= rays[:, :1]
        pose = np.concatenate((rays, np.zeros_like(rays[..., :1])), -1)
        items.append(Sequence2D3D(rays, np.ones((length, 17), np.float32), pose, f"action {number % 2}"))
    return EvaluationSet.of("made up", items)


def truth(rays: Float, score: Float) -> tuple[Float, Float]:
    pose = np.concatenate((rays, np.zeros_like(rays[..., :1])), -1)[:, :, None]
    return pose, np.full(pose.shape[:-1], 0.01, np.float32)


def test_the_truth_scores_zero_over_all_actions_and_joints() -> None:
    done: list[int] = []
    scores = evaluate_set(truth, made_up(), batch=2, progress=done.append)[0]
    assert scores.metrics.mpjpe_mm == 0
    assert scores.metrics.frames == 40 + 25 + 33 - 3 * UNSCORED_TAIL
    assert set(scores.by_action) == {"action 0", "action 1"}
    assert scores.by_action["action 1"].frames == 25 - UNSCORED_TAIL
    assert set(scores.by_joint_mm.values()) == {0.0}
    assert sum(done) == 3


def test_a_head_is_scored_on_the_frame_it_speaks_of() -> None:
    def delayed(rays: Float, score: Float) -> tuple[Float, None]:
        now = truth(rays, score)[0][:, :, 0]
        at = np.arange(now.shape[1])
        return np.stack([now[:, np.maximum(at - back, 0)] for back in (0, 2, 8)], 2), None

    scores = evaluate_set(delayed, made_up(), (0, 2, 8))
    assert [scores[k].metrics.mpjpe_mm for k in (0, 2, 8)] == [0, 0, 0]
    wrong = evaluate_set(delayed, made_up(), (0, 1, 8))
    assert wrong[1].metrics.mpjpe_mm > 1
    assert {item.metrics.frames for item in scores.values()} == {98 - 3 * UNSCORED_TAIL}


def test_heads_and_lookaheads_must_agree() -> None:
    with pytest.raises(ValueError, match="1 heads"):
        evaluate_set(truth, made_up(), (0, 2))
    with pytest.raises(ValueError, match="look-ahead"):
        evaluate_set(truth, made_up(), (UNSCORED_TAIL + 1,))


def test_batches_hold_every_sequence_once_with_little_padding() -> None:
    data = made_up((40, 25, 33, 25, 41))
    batches = list(data.batches(2))
    assert sorted(row for rows, _ in batches for row in rows) == [0, 1, 2, 3, 4]
    assert [length for _, length in batches] == [25, 40, 41]


def test_an_empty_set_is_refused() -> None:
    with pytest.raises(ValueError, match="no sequence"):
        EvaluationSet.of("empty", [])


def test_the_streaming_model_answers_in_camera_axes_of_each_heads_frame() -> None:
    torch.manual_seed(0)
    model = StreamGLAGCN(StreamConfig(levels=2, channels=16, lookaheads=(0, 2))).train()
    for mix in model.temporal:  # untrained, it would not look back
        torch.nn.init.normal_(mix.past, std=0.2)  # type: ignore[arg-type]
    data = made_up((12,))
    pose, sigma = of_stream(model)(data.rays, data.score)
    assert pose.shape == (1, 12, 2, 17, 3)
    assert sigma is not None
    assert sigma.shape == (1, 12, 2, 17)
    assert model.training  # left as it was found
    model.eval()
    features, views = (part[0] for part in sequence_features(data.rays[:1], data.score[:1]))
    with torch.inference_mode():
        own, _ = model(torch.from_numpy(features)[None])
    for head, back in ((0, 0), (1, 2)):
        expected = to_camera(own[0, 7, head].numpy()[None], views[7 - back][None])[0]
        np.testing.assert_allclose(pose[0, 7, head], expected, atol=1e-6)
    still, _ = of_stream(model, still=True)(data.rays, data.score)
    np.testing.assert_allclose(still[0, 0], pose[0, 0], atol=1e-5)  # a primed stream's first frame stands still
    assert np.abs(still[0, 9] - pose[0, 9]).max() > 1e-4


def test_scores_of_the_real_protocols(mocap_npz: Path) -> None:
    """All joints at the hip: the error is the body's size, whatever the look-ahead."""
    clips = held_out_clips(mocap_npz)

    def folded(rays: Float, score: Float) -> tuple[Float, None]:
        return np.zeros((*rays.shape[:2], 1, 17, 3), np.float32), None

    scores = evaluate_protocol(folded, "own", clips, views=1)[0]
    assert 350 < scores.metrics.mpjpe_mm < 450
    assert set(scores.by_action) == {"rough ground", "basketball", "walking", "football"}
    assert scores.metrics.bone_jitter_mm == 0
    with pytest.raises(UserError, match="choose from"):
        evaluate_protocol(folded, "unheard of", clips)
