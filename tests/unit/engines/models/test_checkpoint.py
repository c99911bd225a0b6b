"""Import of published checkpoints: what is refused, in whose words, and that nothing in a pickle runs."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from engines.backends.onnxruntime import session  # noqa: E402
from engines.errors import UserError  # noqa: E402
from engines.export.model_graph import model_graph  # noqa: E402
from engines.export.paper_onnx import export_paper  # noqa: E402
from engines.models.card import STREAM, find_model, load_arrays, read_card  # noqa: E402
from engines.models.checkpoint import load_model, load_published  # noqa: E402
from engines.models.gla_gcn import GLAGCN  # noqa: E402
from engines.models.published import import_checkpoint  # noqa: E402
from engines.write_aside import write_aside  # noqa: E402

State = dict[str, Any]


def state(levels: int = 3, channels: int = 8, joints: int = 17) -> State:
    torch.manual_seed(0)
    return dict(GLAGCN((3,) * levels, channels, joints).state_dict())


def saved(content: Any, folder: Path) -> Path:
    torch.save(content, folder / "published.bin")
    return folder / "published.bin"


def test_imported_model_is_the_published_one(tmp_path: Path) -> None:
    path = saved({"model_pos": state(4, 12, 15)}, tmp_path)
    card = import_checkpoint(path, tmp_path / "models" / "mine.safetensors", "mine")
    assert (card.frames, card.channels, card.joints, card.head) == (81, 12, 15, "shared")
    assert card.parameters == sum(p.numel() for p in load_published(path).parameters())
    x = torch.rand(1, 81, 15, 2)
    with torch.no_grad():
        expected = load_published(path)(x).numpy()
        again, module = load_model(tmp_path / "models" / "mine.safetensors")
        assert again == card == read_card(tmp_path / "models" / "mine.json")
        assert np.array_equal(module(x).numpy(), expected)
        assert np.array_equal(load_published(tmp_path / "models" / "mine.safetensors")(x).numpy(), expected)
    export_paper(tmp_path / "models" / "mine.safetensors", tmp_path / "graph.onnx")
    pose = session(tmp_path / "graph.onnx").run(None, {"features": x.numpy()})[0]
    assert np.abs(pose - expected).max() < 1e-5


def test_prefixes_counters_and_numpy_values_beside_the_weights_do_not_matter(tmp_path: Path) -> None:
    weights = {f"module.{key}": value for key, value in state().items() if not key.endswith("num_batches_tracked")}
    extras = {"epoch": np.int64(3), "random_state": np.random.RandomState(1), "loss": np.float64(0.1)}
    path = saved({"model_pos": weights, "optimizer": {"lr": 0.1}, **extras}, tmp_path)
    x = torch.rand(1, 27, 17, 2)
    with torch.no_grad():
        assert torch.equal(load_published(path)(x), load_published(saved({"model_pos": state()}, tmp_path))(x))


def replaced(key: str, value: Any) -> Callable[[State], State]:
    return lambda weights: {**weights, key: value}


def without(key: str) -> Callable[[State], State]:
    return lambda weights: {name: value for name, value in weights.items() if name != key}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (replaced("layers_tcngcn.1.tcn1.conv.weight", torch.zeros(8, 8, 3, 1)),
         ["layers_tcngcn.1.tcn1.conv.weight", "(8, 8, 3, 1)", "(8, 8, 9, 1)"]),
        (replaced("fc.weight", torch.zeros(3, 9, 1)), ["fc.weight", "(3, 9, 1)", "(3, 8, 1)"]),
        (without("layers_tcngcn.4.gcn1.PA"), ["layers_tcngcn.4.gcn1.PA is missing", "(3, 17, 17)"]),
        (without("expand_gcn.gcn1.PA"), ["expand_gcn.gcn1.PA is missing"]),
        (replaced("something.else", torch.zeros(2)), ["something.else", "(2,)", "not part of"]),
        (replaced("layers_tcngcn.6.gcn1.PA", torch.zeros(3, 17, 17)), ["layers_tcngcn.6.gcn1.conv_a.0.weight"]),
        (replaced("expand_gcn.gcn1.PA", torch.zeros(3, 16, 16)), ["joints", "16"]),
        (lambda weights: {"conv.weight": torch.zeros(1)}, ["expand_gcn.tcn1.conv.weight is missing"]),
        (replaced("layers_tcngcn.3000.gcn1.PA", torch.zeros(3, 17, 17)), ["layers_tcngcn.6.gcn1.PA is missing"]),
        (lambda weights: weights | {f"layers_tcngcn.{n}.x": torch.zeros(1) for n in range(3000)}, ["1500 levels"]),
        (replaced("expand_gcn.tcn1.conv.weight", torch.zeros(1, 1, 1, 1).expand(10**6, 10**6, 9, 1)),
         ["1000000 channels", "1024"]),
        (replaced("expand_gcn.tcn1.conv.weight", torch.zeros(1, 1, 1, 1).expand(1000, 1000, 9, 1)),
         ["expand_gcn.gcn1.conv_a.0.weight", "(2, 2, 1, 1)", "(250, 2, 1, 1)"]),
        (replaced("data_bn.weight", torch.full((34,), torch.nan)), ["data_bn.weight", "not finite"]),
        (replaced("data_bn.weight", torch.full((34,), 1e300, dtype=torch.float64)), ["data_bn.weight", "not finite"]),
        (replaced("data_bn.weight", torch.ones(34, dtype=torch.cfloat)), ["data_bn.weight", "not real"]),
        (replaced("data_bn.weight", torch.empty(34, device="meta")), ["data_bn.weight", "is not read"]),
        (replaced("data_bn.running_var", torch.full((34,), -1.0)), ["data_bn.running_var", "below 0"]),
        (lambda weights: {}, ["model_pos"]),
        (lambda weights: [1, 2], ["model_pos"]),
    ],
)  # fmt: skip
def test_wrong_file_is_refused_with_the_first_key_that_does_not_fit(
    change: Callable[[State], Any], says: list[str], tmp_path: Path
) -> None:
    path = saved({"model_pos": change(state())}, tmp_path)
    with pytest.raises(UserError) as error:
        load_published(path)
    for words in (str(path), *says):
        assert words in str(error.value)
    with pytest.raises(UserError):
        import_checkpoint(path, tmp_path / "out.safetensors", "out")
    assert [entry.name for entry in tmp_path.iterdir()] == ["published.bin"]


@pytest.mark.parametrize(
    "stored",
    [torch.Tensor.bfloat16, torch.Tensor.double, torch.Tensor.to_sparse, torch.nn.Parameter],
    ids=["bfloat16", "double", "sparse", "parameter"],
)
def test_weights_are_read_however_they_are_stored(stored: Callable[[Any], Any], tmp_path: Path) -> None:
    weights = {key: value.bfloat16() if value.is_floating_point() else value for key, value in state().items()}
    kept = {key: stored(value.float()) if value.is_floating_point() else value for key, value in weights.items()}
    module = load_published(saved({"model_pos": kept}, tmp_path))
    assert all(torch.equal(value, weights[key].float()) for key, value in module.state_dict().items()
               if not key.endswith("num_batches_tracked"))  # fmt: skip


@pytest.mark.filterwarnings("ignore:.*quantize")
def test_quantised_weights_are_refused_by_their_key(tmp_path: Path) -> None:
    quantised = torch.quantize_per_tensor(torch.rand(34), 0.1, 0, torch.quint8)
    path = saved({"model_pos": {**state(), "data_bn.weight": quantised}}, tmp_path)
    with pytest.raises(UserError, match=r"data_bn\.weight holds .*quint8, which is not read|cannot be read as weights"):
        load_published(path)


class Bomb:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("writer", ["torch", "pickle"])
def test_pickle_is_never_executed(writer: str, tmp_path: Path) -> None:
    content = {"model_pos": state(), "extra": Bomb(tmp_path / "boom")}
    path = saved(content, tmp_path)
    if writer == "pickle":
        path.write_bytes(pickle.dumps(content))
    with pytest.raises(UserError, match="nothing else in it is run") as error:
        load_published(path)
    assert "weights_only" not in str(error.value)
    assert not (tmp_path / "boom").exists()


@pytest.mark.parametrize("content", [b"", b"hello", b"\x80\x04.", b"PK\x03\x04 broken"])
def test_file_that_is_no_checkpoint_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "wrong.bin").write_bytes(content)
    with pytest.raises(UserError, match=r"wrong\.bin"):
        load_published(tmp_path / "wrong.bin")


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        load_published(tmp_path / "nothing.bin")


def test_damaged_weights_and_cards_are_refused(tmp_path: Path) -> None:
    target = tmp_path / "mine.safetensors"
    import_checkpoint(saved({"model_pos": state()}, tmp_path), target, "mine")
    data = bytearray(target.read_bytes())
    data[-1] ^= 1
    target.write_bytes(data)
    with pytest.raises(UserError, match="damaged"):
        load_arrays(*find_model(target))
    raw = json.loads(target.with_suffix(".json").read_text())
    wrongs = [
        ({**raw, "kind": "other"}, "kind"), ({**raw, "format": 9}, "format 9.*import it again"), ({}, "card"),
        ({**raw, "kind": STREAM, "format": 1}, "format 1.*train it again"), ([], "card"),
        ({**raw, "channels": "many"}, "not a model card .channels is 'many'"), ({**raw, "frames": 0}, "frames is 0"),
        ({**raw, "name": "n" * 300}, "name is 'nnn"), ({**raw, "widths": [3, -1]}, "widths is"),
        ({**raw, "joints": 1.5}, "joints is 1.5"), ({**raw, "head": None}, "head is None"),
        ({**raw, "frames": True}, "frames is True"), ({**raw, "lookaheads": "24"}, "lookaheads is"),
    ]  # fmt: skip
    for wrong, says in wrongs:
        target.with_suffix(".json").write_text(json.dumps(wrong))
        with pytest.raises(UserError, match=says):
            find_model(target)
    target.with_suffix(".json").unlink()
    with pytest.raises(UserError, match="import-checkpoint"):
        find_model(target)


def test_unknown_model_names_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"no model 'gla-gcn-9'.*safetensors"):
        find_model("gla-gcn-9")


def test_import_command_reports_what_it_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from realtime.commands.models.import_checkpoint import import_checkpoint as command

    command(saved({"model_pos": state(5, 8)}, tmp_path), tmp_path / "models" / "mine", None)
    out = capsys.readouterr().out
    assert "T = 243, C = 8, 17 joints, shared head" in out
    names = sorted(entry.name for entry in (tmp_path / "models").iterdir())
    assert names == ["mine.json", "mine.onnx", "mine.safetensors"]
    card, weights = find_model(tmp_path / "models" / "mine.safetensors")
    graph = weights.with_suffix(".onnx")
    assert model_graph(card, weights) == graph.read_bytes()
    graph.write_bytes(b"another")
    with pytest.raises(UserError, match=r"mine\.onnx is damaged.*import"):
        model_graph(card, weights)
    unvouched = model_graph(replace(card, onnx_sha256=""), weights)
    assert unvouched != b"another"


def test_import_command_replaces_nothing_unasked(tmp_path: Path) -> None:
    from realtime.commands.models.import_checkpoint import import_checkpoint as command

    path = saved({"model_pos": state()}, tmp_path)
    for suffix in (".safetensors", ".json", ".onnx"):
        mine = path.with_suffix(suffix)
        mine.write_bytes(b"mine")
        with pytest.raises(UserError, match=rf"published\{suffix} exists: .* --overwrite"):
            command(path)
        assert mine.read_bytes() == b"mine"
        mine.unlink()
    command(path)
    command(path, overwrite=True)
    named = path.rename(path.with_suffix(".json"))
    path.with_suffix(".safetensors").unlink()
    with pytest.raises(UserError, match="is the checkpoint itself"):
        command(named, overwrite=True)


def test_shipped_graph_is_what_its_card_vouches_for(tmp_path: Path) -> None:
    card, weights = find_model("default")
    assert model_graph(card, weights) == weights.with_suffix(".onnx").read_bytes()
    (tmp_path / "m.onnx").write_bytes(b"another")
    with pytest.raises(UserError, match=r"m\.onnx is damaged"):
        model_graph(card, tmp_path / "m.safetensors")


def test_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"^cannot write .*file/model\.json \(.+\): check your rights"):
        write_aside(tmp_path / "file" / "model.json", lambda aside: aside.write_text("{}"))


def test_import_command_names_a_missing_file(tmp_path: Path) -> None:
    from realtime.commands.models.import_checkpoint import import_checkpoint as command

    with pytest.raises(UserError, match=r"nothing\.bin does not exist"):
        command(tmp_path / "nothing.bin", None, None)
