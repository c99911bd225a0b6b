"""The paper's model behind the lifter interface: alignment, streams, missing joints, engines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from engines.errors import UserError  # noqa: E402
from engines.lifting.load_lifter import load_lifter  # noqa: E402
from engines.lifting.poses import Lifter  # noqa: E402
from engines.models.checkpoint import load_published  # noqa: E402
from engines.models.gla_gcn import GLAGCN  # noqa: E402
from engines.models.published import import_checkpoint  # noqa: E402
from realtime.pipeline.lift_batch import People, Sighting  # noqa: E402

FRAMES, HALF = 27, 13


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("paper")
    torch.manual_seed(0)
    torch.save({"model_pos": GLAGCN((3, 3, 3), 8).state_dict()}, folder / "published.bin")
    import_checkpoint(folder / "published.bin", folder / "gla-gcn-27.safetensors", "gla-gcn-27")
    return folder / "gla-gcn-27.safetensors"


def walk(frames: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rays (T, 17, 2) of a wandering person and full scores."""
    rng = np.random.default_rng(seed)
    rays = rng.normal(0, 0.1, (1, 17, 2)) + np.cumsum(rng.normal(0, 0.01, (frames, 17, 2)), 0)
    return rays.astype(np.float32), np.ones((frames, 17), np.float32)


def paper_pose(weights: Path, window_of_rays: np.ndarray) -> np.ndarray:
    """(17, 3): the published module on the window's pixels under a 1000 x 500 camera of 60 degrees, hip at zero."""
    width, height, focal = 1000, 500, 500 / np.tan(np.radians(30))
    pixels = window_of_rays * focal + (width / 2, height / 2)
    x = pixels / width * 2 - (1, height / width)
    with torch.no_grad():
        pose = load_published(weights)(torch.from_numpy(x[None].astype(np.float32)))[0, 0].numpy()
    pose[0] = 0
    return pose


def lift(lifter: Lifter, rays: np.ndarray, score: np.ndarray) -> np.ndarray:
    stream = lifter.open()
    poses = [lifter.push([stream], rays[t : t + 1], score[t : t + 1]).joints_m[0].copy() for t in range(len(rays))]
    lifter.close(stream)
    return np.array(poses)


@pytest.mark.parametrize("engine", ["onnxruntime", "torch"])
def test_centre_is_the_papers_window_and_its_delay_is_published(engine: str, weights: Path) -> None:
    rays, score = walk(40)
    with load_lifter(weights, engine) as lifter:
        assert (lifter.engine, lifter.name, lifter.frames, lifter.lag_frames) == (engine, "gla-gcn-27", FRAMES, HALF)
        poses = lift(lifter, rays, score)
    for t in (26, 30, 39):
        assert np.abs(poses[t] - paper_pose(weights, rays[t - 26 : t + 1])).max() < 1e-5
    early = np.concatenate((np.repeat(rays[:1], 22, 0), rays[:5]))  # as if the first frame had always been there
    assert np.abs(poses[4] - paper_pose(weights, early)).max() < 1e-5


def test_end_pads_the_future_with_the_last_frame(weights: Path) -> None:
    rays, score = walk(40)
    with load_lifter(weights, align="end") as lifter:
        assert lifter.lag_frames == 0
        poses = lift(lifter, rays, score)
    padded = np.concatenate((rays[30 - HALF : 31], np.repeat(rays[30:31], HALF, 0)))
    assert np.abs(poses[30] - paper_pose(weights, padded)).max() < 1e-5


def test_streams_do_not_feel_each_other(weights: Path) -> None:
    one, two = walk(12, 1)[0], walk(12, 2)[0]
    score = np.ones((2, 17), np.float32)
    with load_lifter(weights) as lifter:
        alone = lift(lifter, one, score[:1].repeat(12, 0)), lift(lifter, two, score[:1].repeat(12, 0))
        first, second = lifter.open(), lifter.open()
        assert {first, second} == {0, 1}
        for t in range(12):
            out = lifter.push([second, first], np.stack((two[t], one[t])), score)
            assert np.abs(out.joints_m[1] - alone[0][t]).max() < 1e-5
            assert np.abs(out.joints_m[0] - alone[1][t]).max() < 1e-5
        lifter.reset(first)
        out = lifter.push([first], one[:1], score[:1])
        assert np.abs(out.joints_m[0] - alone[0][0]).max() < 1e-5
        assert out.window_fill[0] == pytest.approx(1 / FRAMES)
        lifter.close(second)
        with pytest.raises(ValueError, match="open"):
            lifter.push([second], two[:1], score[:1])
        assert lifter.open() == second


def test_frame_not_committed_is_lifted_but_not_remembered(weights: Path) -> None:
    rays, score = walk(6)
    other, _ = walk(1, 9)
    with load_lifter(weights, align="end") as lifter:
        expected = lift(lifter, rays, score)
        stream = lifter.open()
        for t in range(6):
            pose = lifter.push([stream], rays[t : t + 1], score[t : t + 1]).joints_m[0].copy()
            assert np.abs(pose - expected[t]).max() < 1e-6
            between = lifter.push([stream], other, score[:1], [False]).joints_m[0]
            assert np.abs(between - pose).max() > 1e-3


def test_missing_joints_keep_their_last_place(weights: Path) -> None:
    rays, score = walk(5)
    held, faint = rays.copy(), score.copy()
    held[3:, 4] = rays[2, 4]
    holes = rays.copy()
    holes[3, 4] = np.nan
    faint[4, 4] = 0.01
    with load_lifter(weights) as lifter:
        assert np.array_equal(lift(lifter, holes, faint), lift(lifter, held, score))
        nobody = lift(lifter, np.full((2, 17, 2), np.nan, np.float32), score[:2])
        assert np.isfinite(nobody).all()


def test_what_it_cannot_do_is_said(weights: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="centre or end"):
        load_lifter(weights, align="start")
    with pytest.raises(UserError, match="onnxruntime"):
        load_lifter(weights, "warp")
    with pytest.raises(UserError, match="no look-ahead"):
        load_lifter(weights, lookahead=4)
    torch.save({"model_pos": GLAGCN((3,), 8, 15).state_dict()}, tmp_path / "x.bin")
    import_checkpoint(tmp_path / "x.bin", tmp_path / "x.safetensors", "x")
    with pytest.raises(UserError, match="15 joints"):
        load_lifter(tmp_path / "x.safetensors")


def test_a_remembered_frame_is_as_good_as_a_lifted_one(weights: Path) -> None:
    """A lifter that is behind leaves poses out, not what they came from."""
    rays, score = walk(40)
    with load_lifter(weights, align="end") as lifter:
        wanted = lift(lifter, rays, score)[-1]
        people = People(lifter)
        for t in range(39):
            assert people.remember(t * 33_333_333, [Sighting(1, rays[t], score[t])]) == {}
        last = people.push(39 * 33_333_333, [Sighting(1, rays[39], score[39])])[1]
    np.testing.assert_allclose(last.joints_m, wanted, atol=1e-5)


def test_a_slow_cameras_frame_runs_one_window(weights: Path) -> None:
    """10 frames a second are three ticks a frame, of which only the frame's own pose is wanted."""
    rays, score = walk(20)
    with load_lifter(weights, align="end") as lifter:
        every, newest = People(lifter), People(lifter)
        for t in range(20):
            seen = [Sighting(1, rays[t], score[t])]
            all_of_them = every.push_every(t * 100_000_000, seen)[1]
            np.testing.assert_allclose(newest.push(t * 100_000_000, seen)[1].joints_m, all_of_them[-1].joints_m,
                                       atol=1e-5)  # fmt: skip
        assert len(all_of_them) == 3
