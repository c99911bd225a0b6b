"""The streaming model's forms and backends agree: sequence, window and step, from the first frame on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from engines.backends.onnxruntime import session  # noqa: E402
from engines.export.stream_onnx import stream_onnx  # noqa: E402
from engines.lifting.load_lifter import load_lifter  # noqa: E402
from engines.lifting.poses import LiftedPoses  # noqa: E402
from engines.lifting.stream_lifter import StreamLifter  # noqa: E402
from engines.models.card import STREAM, ModelCard, find_model, load_arrays, save_model  # noqa: E402
from engines.models.normalise import to_camera  # noqa: E402
from engines.models.receptive_field import CHUNK_FRAMES  # noqa: E402
from engines.models.stream_gla_gcn import StreamConfig, StreamGLAGCN  # noqa: E402
from engines.models.view import View, sequence_features  # noqa: E402
from engines.training.ship import ship  # noqa: E402

torch.set_num_threads(1)  # models this small gain nothing from more, and wait for each other where the machine is busy
TOLERANCE_M = 1e-4
MASKS = st.lists(st.sampled_from(["seen", "nowhere", "faint"]), min_size=17, max_size=17)


def random_model(levels: int = 5, channels: int = 48, **config: str) -> StreamGLAGCN:
    """Random weights, taps that matter and random batch-norm statistics."""
    torch.manual_seed(levels)
    model = StreamGLAGCN(StreamConfig(levels=levels, channels=channels, **config))
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(2, 4)
            torch.nn.init.uniform_(module.weight, 0.3, 0.6)
            torch.nn.init.normal_(module.bias, 0, 0.1)
    for mix in model.temporal:
        torch.nn.init.normal_(mix.past, 0, channels**-0.5)
    torch.nn.init.normal_(model.embed.weight, 0, 0.3)
    torch.nn.init.normal_(model.sigma_wobble, 0, 0.2)
    for graph in model.spatial:
        torch.nn.init.normal_(graph.learned_UVI, 0, 0.1)
    return model.eval()


def save(model: StreamGLAGCN, folder: Path) -> Path:
    config = model.config
    arrays = {key: value.numpy() for key, value in model.state_dict().items()}
    path = folder / f"stream-{config.frames}-{config.channels}-{config.graph}-{config.head}.safetensors"
    card = ModelCard(STREAM, path.stem, config.frames, config.channels, head=config.head, lookaheads=config.lookaheads,
                     graph=config.graph)  # fmt: skip
    save_model(arrays, card, path)
    return path


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(random_model(), tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module", params=["fixed", "adaptive"])
def shipped(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With its graphs beside it, as training leaves a model."""
    return ship(random_model(graph=request.param), "shipped", tmp_path_factory.mktemp("shipped"))


def masked(rays: np.ndarray, score: np.ndarray, mask: list[str]) -> None:
    """Takes joints away from one person, rays (17, 2) and scores (17,), as detectors do."""
    rays[[joint == "nowhere" for joint in mask]] = np.nan
    score[[joint == "faint" for joint in mask]] = 0.01


def walk(rng: np.random.Generator, frames: int, persons: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Smooth random keypoints (T, B, 17, 2) in rays and scores (T, B, 17), some of them missing."""
    rays = rng.normal(0, 0.1, (1, persons, 17, 2)) + np.cumsum(rng.normal(0, 0.004, (frames, persons, 17, 2)), 0)
    rays[rng.random((frames, persons, 17)) < 0.05] = np.nan
    return rays.astype(np.float32), rng.uniform(0.3, 1, (frames, persons, 17)).astype(np.float32)


def push_all(lifter: StreamLifter, rays: np.ndarray, score: np.ndarray) -> np.ndarray:
    """One stream a column: poses and sigmas (T, B, 17, 4)."""
    streams = [lifter.open() for _ in range(rays.shape[1])]
    return np.stack([whole(lifter.push(streams, r, s)) for r, s in zip(rays, score, strict=True)])


def whole(poses: LiftedPoses) -> np.ndarray:
    """Poses and sigmas, (B, 17, 4)."""
    return np.concatenate((poses.joints_m, poses.sigma_m[..., None]), -1)


def features_of(rays: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One person's features (T, 17, F) and rotations (T, 3, 3)."""
    features, rotations = sequence_features(rays[None], score[None])
    return features[0], rotations[0]


def sequence_poses(
    model: StreamGLAGCN, rays: np.ndarray, score: np.ndarray, lookahead: int = 0, peek: bool = False
) -> np.ndarray:
    """One person's poses and sigmas (T, 17, 4) from the torch sequence form; row t is of frame t - lookahead.

    `peek`: the last frame is looked at, not remembered.
    """
    features, rotations = features_of(rays, score)
    if peek:
        view = View()
        for frame in range(len(rays)):
            looked = view.push(rays[frame].tolist(), score[frame].tolist(), keep=frame < len(rays) - 1)
        features[-1], rotations[-1] = looked
    with torch.inference_mode():
        pose, sigma = (part[0, :, model.config.lookaheads.index(lookahead)].numpy()
                       for part in model(torch.from_numpy(features)[None]))  # fmt: skip
    view = rotations[np.maximum(np.arange(len(rays)) - lookahead, 0)]
    return np.concatenate((to_camera(pose, view), sigma[..., None]), -1)


@pytest.mark.parametrize("engine", ["onnxruntime", "torch"])
@pytest.mark.parametrize("lookahead", [0, 4])
def test_steps_agree_with_the_sequence_over_1000_frames(weights: Path, engine: str, lookahead: int) -> None:
    rays, score = walk(np.random.default_rng(1), 1000)
    with load_lifter(weights, engine, lookahead) as lifter:
        steps = push_all(lifter, rays, score)[:, 0]
        assert lifter.lag_frames == lookahead
        assert lifter.state_bytes_per_stream < 4e6
    expected = sequence_poses(random_model(), rays[:, 0], score[:, 0], lookahead)
    np.testing.assert_allclose(steps, expected, atol=TOLERANCE_M)
    assert np.ptp(expected, axis=0).max() > 0.05  # the poses move: agreement is not between constants


@pytest.mark.parametrize("engine", ["onnxruntime", "torch"])
def test_windows_agree_with_the_sequence_over_1000_frames(weights: Path, engine: str) -> None:
    """Frame by frame at first, while the window fills; then some of each stretch up to the last frame."""
    model, (card, path) = random_model(), find_model(weights)
    rays, score = walk(np.random.default_rng(6), 1000)
    features, _ = features_of(rays[:, 0], score[:, 0])
    frames = np.array([*range(4), *range(5, card.window_frames, 25), *range(card.window_frames, 1000, 31), 999])
    windows = features[np.maximum(frames[:, None] + np.arange(1 - card.window_frames, 1), 0)]  # (N, window, 17, F)
    with torch.inference_mode():
        expected = [part[0, frames].numpy() for part in model(torch.from_numpy(features)[None])]
        if engine == "torch":
            parts = [model.window(torch.from_numpy(window[None])) for window in windows]
        else:
            graph = session(stream_onnx(card, load_arrays(card, path), "window"))
            parts = [graph.run(["pose", "sigma"], {"features": window[None]}) for window in windows]
    for index in range(2):
        found = np.concatenate([np.asarray(part[index]) for part in parts])
        np.testing.assert_allclose(found, expected[index], atol=TOLERANCE_M)
    assert np.ptp(expected[0], axis=0).max() > 0.05


@pytest.mark.parametrize(("levels", "channels"), [(3, 48), (4, 64), (5, 96), (3, 128)])
@pytest.mark.parametrize("kind", [{}, {"graph": "adaptive"}, {"head": "shared"}])
def test_exported_forms_agree_with_torch(levels: int, channels: int, kind: dict[str, str], tmp_path: Path) -> None:
    model = random_model(levels, channels, **kind)
    card = ModelCard(STREAM, "m", 3**levels, channels, lookaheads=(0, 2, 4, 8))
    arrays = {key: value.numpy() for key, value in model.state_dict().items()}
    rays, score = walk(np.random.default_rng(2), card.window_frames)
    features, _ = features_of(rays[:, 0], score[:, 0])
    with torch.inference_mode():
        pose, sigma = model(torch.from_numpy(features)[None])
        last_pose, _ = model.window(torch.from_numpy(features)[None])
    window = session(stream_onnx(card, arrays, "window")).run(None, {"features": features[None]})
    sequence = session(stream_onnx(card, arrays, "sequence")).run(None, {"features": features})
    np.testing.assert_allclose(window[0][0], last_pose[0].numpy(), atol=TOLERANCE_M)
    np.testing.assert_allclose(last_pose, pose[:, -1], atol=TOLERANCE_M)
    np.testing.assert_allclose(sequence[0], pose[0].numpy(), atol=TOLERANCE_M)
    np.testing.assert_allclose(sequence[1], sigma[0].numpy(), atol=TOLERANCE_M)


Chunk = st.tuples(st.integers(1, CHUNK_FRAMES), st.booleans())


@settings(max_examples=30, deadline=None)
@given(chunks=st.lists(Chunk, min_size=1, max_size=12), lookahead=st.sampled_from([0, 8]), finish=st.booleans())
def test_chunks_agree_with_steps(shipped: Path, chunks: list[tuple[int, bool]], lookahead: int, finish: bool) -> None:
    """Whatever the chunks, all poses or the newest first, the rest done at once or later, another stream between."""
    sizes = [size for size, _ in chunks]
    rays, score = walk(np.random.default_rng(len(sizes)), sum(sizes), persons=2)
    with load_lifter(shipped, lookahead=lookahead) as lifter, load_lifter(shipped, lookahead=lookahead) as stepping:
        assert isinstance(lifter, StreamLifter)
        assert lifter.chunk_frames == CHUNK_FRAMES
        assert lifter.answers_newest == (lookahead == 0)
        expected = push_all(stepping, rays, score)
        streams = [lifter.open(), lifter.open()]
        at = 0
        for size, newest in chunks:
            part = slice(at, at + size)
            wanted = part if not newest else slice(at + size - 1, at + size)
            for column, stream in enumerate(streams):
                lifted = lifter.push_chunk(stream, rays[part, column], score[part, column], newest=newest)
                np.testing.assert_allclose(whole(lifted), expected[wanted, column], atol=TOLERANCE_M)
                assert lifted.window_fill[-1] == pytest.approx(min((at + size) / lifter.frames, 1))
                if finish:
                    lifter.finish()
            at += size
        after, expected_after = (whole(each.push(streams, rays[-1], score[-1])) for each in (lifter, stepping))
        np.testing.assert_allclose(after, expected_after, atol=TOLERANCE_M)


def test_a_single_frame_is_a_primed_stream(weights: Path) -> None:
    model = random_model()
    rays, score = walk(np.random.default_rng(3), 1)
    features, rotations = features_of(rays[:, 0], score[:, 0])
    with torch.inference_mode():
        pose, _ = model.still(torch.from_numpy(features))
    with load_lifter(weights) as lifter:
        first = push_all(lifter, rays, score)[0, ..., :3]
    np.testing.assert_allclose(first, to_camera(pose[:, 0].numpy(), rotations), atol=TOLERANCE_M)


@pytest.mark.parametrize("engine", ["onnxruntime", "torch"])
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_mixture_of_streams_gives_each_its_own_sequence(weights: Path, engine: str, data: st.DataObject) -> None:
    """Streams join, leave, reset, pause and peek in any order, whatever joints are seen of whom; each equals its own
    frames lifted alone."""
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    model = random_model()
    with load_lifter(weights, engine) as lifter:
        history: dict[int, list[tuple[np.ndarray, np.ndarray]]] = {}
        for _ in range(data.draw(st.integers(1, 14))):
            action = data.draw(st.sampled_from(["open", "push", "push", "push", "peek", "reset", "close"]))
            if action == "open" or not history:
                history[lifter.open()] = []
            elif action in ("push", "peek"):
                chosen = data.draw(st.lists(st.sampled_from(sorted(history)), min_size=1, unique=True))
                rays, score = (part[0] for part in walk(rng, 1, len(chosen)))
                for row in range(len(chosen)):
                    masked(rays[row], score[row], data.draw(MASKS))
                poses = lifter.push(chosen, rays, score, [action == "push"] * len(chosen))
                for row, stream in enumerate(chosen):
                    frames = [*history[stream], (rays[row], score[row])]
                    keypoints = (np.stack(part) for part in zip(*frames, strict=True))
                    expected = sequence_poses(model, *keypoints, peek=action == "peek")[-1]
                    np.testing.assert_allclose(whole(poses)[row], expected, atol=TOLERANCE_M)
                    if action == "push" or len(frames) == 1:
                        history[stream] = frames if action == "push" else history[stream]
                    if action == "peek" and not history[stream]:
                        lifter.reset(stream)  # a peek primes; this test's model of it starts afresh
            elif action == "reset":
                stream = data.draw(st.sampled_from(sorted(history)))
                lifter.reset(stream)
                history[stream] = []
            else:
                stream = data.draw(st.sampled_from(sorted(history)))
                lifter.close(stream)
                del history[stream]


def test_state_does_not_grow_with_time(weights: Path) -> None:
    rays, score = walk(np.random.default_rng(4), 1, 2)
    with load_lifter(weights) as lifter:
        streams = [lifter.open(), lifter.open()]
        first = lifter.push(streams, rays[0], score[0])
        for _ in range(300):
            again = lifter.push(streams, rays[0], score[0])
        assert again is first  # the same arrays every time
        np.testing.assert_allclose(again.window_fill, 1.0)


def test_a_stream_not_open_is_refused(weights: Path) -> None:
    rays, score = walk(np.random.default_rng(5), 1, 2)
    with load_lifter(weights) as lifter:
        stream = lifter.open()
        with pytest.raises(ValueError, match="open"):
            lifter.push([stream, 7], rays[0], score[0])
        with pytest.raises(ValueError, match="once"):
            lifter.push([stream, stream], rays[0], score[0])
