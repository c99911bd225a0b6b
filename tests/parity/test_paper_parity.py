"""The paper's model against a plain-loop reference written from its specification, on checkpoints built by key."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from engines.backends.onnxruntime import session  # noqa: E402
from engines.export.paper_onnx import paper_onnx  # noqa: E402
from engines.models.card import PAPER, ModelCard  # noqa: E402
from engines.models.checkpoint import load_published  # noqa: E402
from engines.models.gla_gcn import GLAGCN, multiply_adds, parameter_count  # noqa: E402

H36M = [(1, 0), (2, 1), (3, 2), (4, 0), (5, 4), (6, 5), (7, 0), (8, 7), (9, 8), (10, 9), (11, 8), (12, 11), (13, 12),
        (14, 8), (15, 14), (16, 15)]  # fmt: skip
HUMANEVA = [(14, 1), (1, 2), (2, 3), (3, 4), (1, 5), (5, 6), (6, 7), (1, 0), (0, 11), (11, 12), (12, 13), (0, 8),
            (8, 9), (9, 10)]  # fmt: skip


def published_state(levels: int, channels: int, joints: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Every key of a published checkpoint with random weights and random batch-norm statistics."""
    state: dict[str, np.ndarray] = {}

    def conv(name: str, *shape: int) -> None:
        state[f"{name}.weight"] = rng.normal(0, 1 / np.sqrt(np.prod(shape[1:])), shape)
        state[f"{name}.bias"] = rng.normal(0, 0.1, shape[0])

    def norm(name: str, width: int) -> None:
        state[f"{name}.weight"], state[f"{name}.bias"] = rng.uniform(0.5, 1.5, width), rng.normal(0, 0.1, width)
        state[f"{name}.running_mean"] = rng.normal(0, 0.2, width)
        state[f"{name}.running_var"] = rng.uniform(0.5, 2, width)
        state[f"{name}.num_batches_tracked"] = np.array(100)

    def unit(name: str, inputs: int) -> None:
        embedding = channels // 4 or 3
        state[f"{name}.gcn1.PA"] = rng.normal(0, 0.2, (3, joints, joints))
        for i in range(3):
            conv(f"{name}.gcn1.conv_a.{i}", embedding, inputs, 1, 1)
            conv(f"{name}.gcn1.conv_b.{i}", embedding, inputs, 1, 1)
            conv(f"{name}.gcn1.conv_d.{i}", channels, inputs, 1, 1)
        norm(f"{name}.gcn1.bn", channels)
        conv(f"{name}.tcn1.conv", channels, channels, 9, 1)
        norm(f"{name}.tcn1.bn", channels)
        if inputs != channels:
            conv(f"{name}.gcn1.down.0", channels, inputs, 1, 1)
            norm(f"{name}.gcn1.down.1", channels)
            conv(f"{name}.residual.conv", channels, inputs, 1, 1)
            norm(f"{name}.residual.bn", channels)

    norm("data_bn", 2 * joints)
    unit("expand_gcn", 2)
    for index in range(2 * levels):
        unit(f"layers_tcngcn.{index}", channels)
    conv("fc", 3, channels, 1)
    state["fc.weight"] *= 0.02  # metres
    return state


class Reference:
    """The model frame by frame and joint by joint, in float64; activations are (T, V, C)."""

    def __init__(self, state: dict[str, np.ndarray], edges: list[tuple[int, int]]) -> None:
        self.state = state
        self.joints = len(state["data_bn.weight"]) // 2
        self.fixed = np.zeros((3, self.joints, self.joints))
        for joint in range(self.joints):
            self.fixed[0, joint, joint] = 1
        for child, parent in edges:
            self.fixed[1, parent, child] = 1
            self.fixed[2, child, parent] = 1
        for i in (1, 2):
            for column in range(self.joints):
                self.fixed[i, :, column] /= max(self.fixed[i, :, column].sum(), 1)

    def pose(self, x: np.ndarray, levels: int) -> np.ndarray:
        """(T, V, 2) -> (V, 3)"""
        h = np.array([self.norm("data_bn", frame.reshape(-1)).reshape(self.joints, 2) for frame in x])
        h = self.unit("expand_gcn", h, 1, residual=True)
        for level in range(levels):
            centre = h[1::3]
            h = self.unit(f"layers_tcngcn.{2 * level}", h, 1, residual=True)
            h = centre + self.unit(f"layers_tcngcn.{2 * level + 1}", h, 3, residual=False)
        return np.array([self.linear("fc", h[:, v].mean(0)) for v in range(self.joints)])

    def linear(self, name: str, vector: np.ndarray) -> np.ndarray:
        weight = self.state[f"{name}.weight"]
        return weight.reshape(weight.shape[0], -1) @ vector + self.state[f"{name}.bias"]

    def norm(self, name: str, vector: np.ndarray) -> np.ndarray:
        mean, variance = self.state[f"{name}.running_mean"], self.state[f"{name}.running_var"]
        return (vector - mean) / np.sqrt(variance + 1e-5) * self.state[f"{name}.weight"] + self.state[f"{name}.bias"]

    def each(self, h: np.ndarray, *layers: tuple) -> np.ndarray:
        """Layers (function, name) applied to every frame's every joint."""
        rows = []
        for frame in h:
            for vector in frame:
                for function, name in layers:
                    vector = function(name, vector)
                rows.append(vector)
        return np.array(rows).reshape(*h.shape[:2], -1)

    def graph(self, name: str, i: int, h: np.ndarray) -> np.ndarray:
        theta = self.each(h, (self.linear, f"{name}.conv_a.{i}"))
        phi = self.each(h, (self.linear, f"{name}.conv_b.{i}"))
        graph = np.zeros((self.joints, self.joints))
        for u in range(self.joints):
            for v in range(self.joints):
                graph[v, u] = (theta[:, v] * phi[:, u]).sum() / theta[:, v].size
            column = np.exp(graph[:, u] - graph[:, u].max())  # softmax down each column
            graph[:, u] = column / column.sum()
        return graph + self.fixed[i] + self.state[f"{name}.PA"][i]

    def graph_conv(self, name: str, h: np.ndarray) -> np.ndarray:
        total = 0
        for i in range(3):
            graph, mixed = self.graph(name, i, h), np.zeros_like(h)
            for u in range(self.joints):
                for v in range(self.joints):
                    mixed[:, u] += h[:, v] * graph[v, u]
            total = total + self.each(mixed, (self.linear, f"{name}.conv_d.{i}"))
        down = h
        if f"{name}.down.0.weight" in self.state:
            down = self.each(h, (self.linear, f"{name}.down.0"), (self.norm, f"{name}.down.1"))
        return np.maximum(self.each(total, (self.norm, f"{name}.bn")) + down, 0)

    def temporal(self, name: str, h: np.ndarray, stride: int) -> np.ndarray:
        weight, out = self.state[f"{name}.conv.weight"][..., 0], []
        for centre in range(0, len(h), stride):
            row = np.tile(self.state[f"{name}.conv.bias"], (self.joints, 1))
            for tap in range(9):
                t = centre + tap - 4
                if 0 <= t < len(h):
                    for v in range(self.joints):
                        row[v] += weight[:, :, tap] @ h[t, v]
            out.append(row)
        return self.each(np.array(out), (self.norm, f"{name}.bn"))

    def unit(self, name: str, h: np.ndarray, stride: int, residual: bool) -> np.ndarray:
        y = self.temporal(f"{name}.tcn1", self.graph_conv(f"{name}.gcn1", h), stride)
        if f"{name}.residual.conv.weight" in self.state:
            y = y + self.each(h, (self.linear, f"{name}.residual.conv"), (self.norm, f"{name}.residual.bn"))
        elif residual:
            y = y + h
        return np.maximum(y, 0)


def save(state: dict[str, np.ndarray], path: Path) -> None:
    tensors = {f"module.{key}": torch.tensor(value, dtype=torch.float32 if value.ndim else None)
               for key, value in state.items()}  # fmt: skip
    torch.save({"epoch": 60, "lr": 1e-5, "model_pos": tensors}, path)


@pytest.mark.parametrize(
    ("levels", "channels", "joints"), [(3, 96, 17), (4, 8, 17), (5, 8, 17), (3, 8, 15), (1, 2, 17), (2, 3, 15)]
)
def test_published_checkpoint_gives_the_references_pose_in_torch_and_onnx(
    levels: int, channels: int, joints: int, tmp_path: Path
) -> None:
    rng = np.random.default_rng(levels * 100 + channels)
    state = published_state(levels, channels, joints, rng)
    save(state, tmp_path / "published.bin")
    x = rng.uniform(-1, 1, (2, 3**levels, joints, 2)).astype(np.float32)
    model = Reference(state, H36M if joints == 17 else HUMANEVA)
    expected = np.stack([model.pose(window, levels) for window in x])
    assert expected.std() > 0.02  # else 1e-4 would say little

    module = load_published(tmp_path / "published.bin")
    assert not module.training
    with torch.no_grad():
        pose = module(torch.from_numpy(x)).numpy()
    assert pose.shape == (2, 1, joints, 3)
    assert np.abs(pose[:, 0] - expected).max() < 1e-4

    card = ModelCard(PAPER, "t", module.frames, channels, joints, module.head, widths=module.widths)
    graph = session(paper_onnx(card, {key: value.numpy() for key, value in module.state_dict().items()}))
    assert np.abs(graph.run(None, {"features": x})[0][:, 0] - expected).max() < 1e-4


def test_individual_heads_give_each_joint_its_own_weights_in_torch_and_onnx() -> None:
    torch.manual_seed(0)
    module = GLAGCN((3, 5), channels=8, head="individual").eval()
    x = torch.rand(2, 15, 17, 2)
    with torch.no_grad():
        before = module(x)
        module.fc.weight[4] += 1
        after = module(x)
    moved = (before - after).abs().amax((0, 1, 3)) > 1e-6
    assert moved.nonzero().flatten().tolist() == [4]
    card = ModelCard(PAPER, "t", 15, 8, head="individual", widths=(3, 5))
    graph = session(paper_onnx(card, {key: value.numpy() for key, value in module.state_dict().items()}))
    assert np.abs(graph.run(None, {"features": x.numpy()})[0] - after.numpy()).max() < 1e-5


@pytest.mark.parametrize(
    ("levels", "parameters", "giga"), [(3, 844_076, 0.176), (4, 1_096_466, 0.540), (5, 1_348_856, 1.63)]
)
def test_sizes_are_the_published_ones(levels: int, parameters: int, giga: float) -> None:
    assert parameter_count(GLAGCN((3,) * levels)) == parameters
    assert multiply_adds((3,) * levels) / 1e9 == pytest.approx(giga, rel=0.01)


def test_published_key_layout_is_the_modules() -> None:
    state = published_state(5, 96, 17, np.random.default_rng(0))
    module = {key: tuple(value.shape) for key, value in GLAGCN((3,) * 5).state_dict().items()}
    assert {key: value.shape for key, value in state.items()} == module
