"""Training continues bit for bit, goes on from weights, and learns."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from swaying_person import STANDING, swaying_bank

torch = pytest.importorskip("torch")

from engines.errors import UserError  # noqa: E402
from engines.lifting.load_lifter import load_lifter  # noqa: E402
from engines.models.normalise import FEATURES  # noqa: E402
from engines.models.stream_gla_gcn import SIGMA_SHIFT, StreamConfig, StreamGLAGCN  # noqa: E402
from engines.motion.augment import BodyAugmentation  # noqa: E402
from engines.motion.mocap import Bank  # noqa: E402
from engines.motion.noise import KeypointNoise  # noqa: E402
from engines.training.batches import Place, draw_batch, drawn_ahead  # noqa: E402
from engines.training.calibrate_sigma import calibrate_sigma, fit  # noqa: E402
from engines.training.config import Stage, TrainConfig, load_config  # noqa: E402
from engines.training.losses import LossWeights, losses  # noqa: E402
from engines.training.sampler import Sampling, sample  # noqa: E402
from engines.training.ship import ship  # noqa: E402
from engines.training.train import Trainer  # noqa: E402

NOTHING = BodyAugmentation(*[0.0] * len(fields(BodyAugmentation)))
CLEAN = KeypointNoise(clean=1.0, cut=0, wrong_lens=0, slow=0)


@pytest.fixture
def bank() -> Bank:
    return swaying_bank()


def small(steps: int) -> TrainConfig:
    first = Stage(steps=steps, frames=32, warmup=2, ema=0.9)
    second = Stage(steps=steps, frames=32, lengths=(4, 8), warmup=2, freeze_norm=True, ema=0.9, settled_rate=0.1)
    model = StreamConfig(levels=2, channels=16)
    return TrainConfig(stages=(first, second), model=model, save_every=1, log_every=1)


def test_resume_continues_bit_for_bit(bank: Bank, tmp_path: Path) -> None:
    whole = Trainer(small(5), bank, tmp_path / "whole")
    whole.train()

    class StoppedError(Exception):
        pass

    def stop_in_the_second_stage(figures: dict[str, float]) -> None:
        if (figures["stage"], figures["step"]) == (1, 3):
            raise StoppedError

    cut = Trainer(small(5), bank, tmp_path / "cut")
    with pytest.raises(StoppedError):
        cut.train(stop_in_the_second_stage)
    again = Trainer(small(5), bank, tmp_path / "cut")
    again.resume()
    again.train()
    for ends in ((whole.weights, again.weights), (whole.finished(), again.finished())):
        for key, value in ends[0].state_dict().items():
            assert torch.equal(value, ends[1].state_dict()[key]), key


@pytest.mark.parametrize("blend", [0.0, 0.25, 1.0])
def test_what_is_shipped_lies_between_the_stages(blend: float, bank: Bank, tmp_path: Path) -> None:
    trainer = Trainer(replace(small(3), blend=blend), bank, tmp_path)
    trainer.train()
    last = trainer.weights.state_dict()
    for key, value in trainer.finished().state_dict().items():
        if value.is_floating_point():
            between = trainer.single[key] + blend * (last[key] - trainer.single[key])
            torch.testing.assert_close(value, between)
    assert not torch.equal(trainer.single["head_weight"], last["head_weight"])


def test_training_learns_and_ships(bank: Bank, tmp_path: Path) -> None:
    errors: list[float] = []
    model = StreamConfig(levels=2, channels=24)
    config = TrainConfig(stages=(Stage(steps=60, frames=128, warmup=5, ema=0.9),), model=model)
    trainer = Trainer(config, bank, tmp_path)
    trainer.train(lambda figures: errors.append(figures["mpjpe"]))
    assert np.mean(errors[-5:]) < 0.6 * np.mean(errors[:5])
    path = ship(trainer.finished(), "tiny", tmp_path)
    with load_lifter(path) as lifter:
        stream = lifter.open()
        rays = np.random.default_rng(0).normal(0, 0.1, (1, 17, 2)).astype(np.float32)
        poses = lifter.push([stream], rays, np.ones((1, 17), np.float32))
        assert np.isfinite(poses.joints_m).all()


def test_several_draws_are_one_step_along_their_mean_gradient(bank: Bank, tmp_path: Path) -> None:
    def step(frames: int, draws: int) -> dict[str, float]:
        config = TrainConfig((Stage(steps=1, frames=frames, draws=draws),), model=StreamConfig(levels=2, channels=16))
        figures: list[dict[str, float]] = []
        Trainer(config, bank, tmp_path / str(draws)).train(figures.append)
        return figures[0]

    one, three = step(64, 1), step(64, 3)
    assert three["mpjpe"] != one["mpjpe"]
    assert three["mpjpe"] == pytest.approx(one["mpjpe"], rel=0.2)


def test_sigma_fits_ordinary_motion_after_calibration(bank: Bank) -> None:
    """Whatever it was before: here all joints said a centimetre."""
    torch.manual_seed(0)
    model = StreamGLAGCN(StreamConfig(levels=2, channels=16))
    with torch.no_grad():
        model.head_bias.unflatten(-1, (-1, 4))[..., 3] = SIGMA_SHIFT + np.log(0.01)
    how = Sampling()
    calibrate_sigma(model, bank, how, sequences=64, length=9)
    poses, sigmas, targets = [], [], []
    for seed in range(4):
        features, target = sample(np.random.default_rng(100 + seed), bank, 32, 1, how)
        with torch.inference_mode():
            pose, sigma = model(torch.from_numpy(features))
        poses.append(pose[:, :, 0])
        sigmas.append(sigma[:, :, 0])
        targets.append(torch.from_numpy(target))
    error = (torch.cat(poses) - torch.cat(targets)).norm(dim=-1)[..., 1:]
    within = (error < torch.cat(sigmas)[..., 1:]).float().mean()
    assert 0.5 < within < 0.8


def test_sigma_learns_what_the_wobble_says() -> None:
    generator = torch.Generator().manual_seed(0)
    log_sigma, log_error = torch.randn(2, 40_000, 2, 17, generator=generator) * 0.3
    wobble = torch.randn(40_000, generator=generator) - 0.5
    log_error = log_error - 3 + 0.6 * log_sigma + 0.25 * wobble[:, None, None]
    gain, slope, offset = fit(log_error.exp(), log_sigma.exp(), wobble)
    torch.testing.assert_close(gain, torch.full((2, 17), 0.6), atol=0.03, rtol=0)
    torch.testing.assert_close(slope, torch.full((2, 17), 0.25), atol=0.03, rtol=0)
    within = log_error < gain * log_sigma + slope * wobble[:, None, None] + offset
    torch.testing.assert_close(within.float().mean(0), torch.full((2, 17), 0.6827), atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("stages = [{steps = 'many'}]", "steps must be int"),
        ("stages = []\nsead = 1", "no setting 'sead'"),
        ("[model]\nlevels = 5", "stages"),
        ("stages = [", "not valid TOML"),
    ],
)
def test_a_wrong_config_is_named(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(text)
    with pytest.raises(UserError, match=says):
        load_config(path)


def test_a_training_of_sequences_alone_ships_what_it_learned(bank: Bank, tmp_path: Path) -> None:
    config = small(3)
    trainer = Trainer(replace(config, stages=config.stages[-1:]), bank, tmp_path)
    trainer.train()
    assert max(config.stages[-1].lengths) > 1
    for key, value in trainer.finished().state_dict().items():
        assert torch.equal(value, trainer.weights.state_dict()[key]), key


def test_a_training_that_diverges_says_so_and_keeps_its_weights(bank: Bank, tmp_path: Path) -> None:
    trainer = Trainer(small(3), bank, tmp_path)
    trainer.model.embed.weight.data[0, 0] = torch.inf
    before = trainer.model.head_bias.clone()
    with pytest.raises(UserError, match="diverged at step 0 of stage 0: lower its learning_rate"):
        trainer.train()
    assert torch.equal(trainer.model.head_bias, before)


def test_what_single_frames_taught_learns_on_slower(bank: Bank, tmp_path: Path) -> None:
    config = small(1)

    def moved(settled_rate: float) -> dict[str, float]:
        stage = replace(config.stages[1], warmup=0, settled_rate=settled_rate)
        trainer = Trainer(replace(config, stages=(stage,), weight_decay=0), bank, tmp_path / str(settled_rate))
        before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
        trainer.train()
        after = trainer.model.state_dict()
        return {name: float((after[name] - before[name]).abs().max()) for name in (*settled, past)}

    settled, past = ("embed.weight", "temporal.0.weight", "head_weight"), "temporal.0.past"
    fast, slow = moved(1.0), moved(0.1)
    for name in settled:
        assert slow[name] == pytest.approx(0.1 * fast[name], rel=0.01)
    assert slow[past] == pytest.approx(fast[past], rel=0.01)
    assert fast[past] > 1e-5


def test_heads_turn_to_their_own_frames_and_keep_single_frames_as_they_are() -> None:
    """Whatever weights they had for other frames."""
    torch.manual_seed(0)
    model = StreamGLAGCN(StreamConfig(levels=2, channels=16)).eval()
    features = torch.randn(12, 17, FEATURES)
    with torch.inference_mode():
        before = model.still(features)[0]
        model.heads_at_their_frames()
        after, moving = model.still(features)[0], model(features[None])[0][0]
    torch.testing.assert_close(after, before, atol=1e-5, rtol=0)
    for head, back in enumerate(model.config.lookaheads):  # the pose of then, by the frame of then alone
        torch.testing.assert_close(moving[back:, head], before[: 12 - back, head], atol=1e-5, rtol=0)


def test_no_sigma_however_large_makes_a_gradient_infinite() -> None:
    model = StreamGLAGCN(StreamConfig(levels=1, channels=8))
    model.head_bias.data[:] = 200
    _, sigma = model(torch.zeros(1, 3, 17, FEATURES))
    sigma.log().sum().backward()
    assert all(torch.isfinite(weight.grad).all() for weight in model.parameters() if weight.grad is not None)


def test_batches_drawn_by_a_process_beside_are_those_of_their_places(bank: Bank) -> None:
    config = small(2)
    with drawn_ahead(config, bank, stage=0, step=1) as take:
        for place in (Place(0, 1, 0), Place(1, 0, 0)):
            for beside, here in zip(take(place), draw_batch(config, bank, place), strict=True):
                np.testing.assert_array_equal(beside, here)
        with pytest.raises(ValueError, match="in order"):
            take(Place(0, 0, 0))


def test_a_training_goes_on_from_weights_that_read_less(bank: Bank, tmp_path: Path) -> None:
    torch.manual_seed(0)
    shape = StreamConfig(levels=2, channels=16, features=FEATURES - 5)
    before = StreamGLAGCN(shape).eval()
    path = ship(before, "before", tmp_path)
    more = replace(small(1), model=replace(shape, features=FEATURES), begin=str(path))
    features = torch.randn(4, 17, FEATURES)
    with torch.inference_mode():
        after = Trainer(more, bank, tmp_path).weights.still(features)
        for new, old in zip(after, before.still(features[..., : FEATURES - 5]), strict=True):
            torch.testing.assert_close(new, old)
    kept = Trainer(replace(more, keep=1.0), bank, tmp_path)
    kept.train()
    for key, value in kept.finished().state_dict().items():
        if value.is_floating_point():
            torch.testing.assert_close(value, kept.began[key])
    for other in (replace(shape, channels=8), replace(shape, levels=3), replace(shape, features=FEATURES - 6)):
        with pytest.raises(UserError, match="cannot begin from"):
            Trainer(replace(more, model=other), bank, tmp_path)


def test_what_a_limb_bends_and_which_end_is_nearer_can_be_asked_for() -> None:
    weights = LossWeights(angles=1.0, depth_order=1.0, breathing=1.0)
    true = torch.from_numpy(STANDING)[None, None, None].repeat(1, 2, 1, 1, 1)
    sigma = torch.full(true.shape[:-1], 0.1)
    same = losses(true, sigma, true, weights)
    assert [float(same[name]) for name in ("angles", "depth_order", "breathing")] == pytest.approx([0, 0, 0], abs=1e-6)
    wrong = true.clone()
    wrong[..., 13, 2] -= 0.1  # the left hand: 20 mm behind the elbow in truth, now before it
    assert float(losses(wrong, sigma, true, weights)["angles"]) > 0.005
    reached = true.clone()
    reached[..., 13, 2] += 0.1
    assert float(losses(wrong, sigma, reached, weights)["depth_order"]) == pytest.approx(0.08 / 16, rel=1e-4)
    wrong[:, 1, :, 10, 1] += 0.16  # a head that grows
    assert float(losses(wrong, sigma, true, weights)["breathing"]) == pytest.approx(0.16 / 16, rel=0.1)
