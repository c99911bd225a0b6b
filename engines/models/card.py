"""Weights on disk: safetensors, a small JSON card of the same stem, and the ONNX graphs that the card vouches for.

Needs NumPy and safetensors alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.errors import UserError
from engines.models.normalise import FEATURES, FRAME_FEATURES
from engines.models.receptive_field import window_frames
from engines.read_bounded import read_bounded
from engines.write_aside import write_aside

PAPER, STREAM = "gla-gcn", "stream-gla-gcn"
FORMATS = {PAPER: 1, STREAM: 2}  # streaming 2: the features have a wobble
RENEWAL = {PAPER: "import it again", STREAM: "train it again"}
WEIGHTS_DIR = Path(__file__).parents[1] / "weights"
MAX_TEXT = 200  # letters of a name: it goes out with every message
MAX_NUMBER = 2**31 - 1
DEFAULT_MODEL = "stream-243"


@dataclass(frozen=True)
class ModelCard:
    """What a weights file holds. `widths` (paper) are the levels' strides; `lookaheads` and `graph` (streaming) its
    heads and graphs, `features` how many of a joint it reads; `frames` is the receptive field, `sha256` that of the
    safetensors file, `onnx_sha256` that of the ONNX graph beside it ("": no graph was written with these weights),
    `rows_sha256` that of the same with its taps row by row, `chunk_sha256` and `newest_sha256` those of the chunk's."""

    kind: str
    name: str
    frames: int
    channels: int
    joints: int = 17
    head: str = "individual"
    parameters: int = 0
    sha256: str = ""
    widths: tuple[int, ...] = ()
    lookaheads: tuple[int, ...] = ()
    graph: str = "fixed"
    features: int = FEATURES
    onnx_sha256: str = ""
    chunk_sha256: str = ""
    newest_sha256: str = ""
    rows_sha256: str = ""
    format: int = 0  # 0: this version's

    @property
    def levels(self) -> int:
        """Of a streaming model."""
        return next((level for level in range(1, 10) if 3**level == self.frames), 0)

    @property
    def window_frames(self) -> int:
        """Frames that the window form reads."""
        return window_frames(self.levels, self.lookaheads) if self.kind == STREAM else self.frames

    def __post_init__(self) -> None:
        if self.kind not in (PAPER, STREAM):
            raise UserError(f"the model's kind is {self.kind!r}: this version reads {PAPER} and {STREAM}")
        reads = FORMATS[self.kind]
        if self.format not in (0, reads):
            how = RENEWAL[self.kind]
            raise UserError(f"model {self.name} has format {self.format}, this version reads {reads}: {how}")
        object.__setattr__(self, "format", reads)


def find_model(model: str | Path) -> tuple[ModelCard, Path]:
    """The card and the safetensors path of a model given by name (`default`, `stream-243`) or by either file's path."""
    name = DEFAULT_MODEL if model == "default" else str(model)
    path = Path(name)
    if path.suffix not in (".safetensors", ".json"):
        path = WEIGHTS_DIR / f"{name}.json"
        if not path.exists():
            known = sorted(card.stem for card in WEIGHTS_DIR.glob("*.json"))
            raise UserError(f"no model {name!r}: give the path of a .safetensors file or one of {known}")
    weights = path.with_suffix(".safetensors")
    card = read_card(path.with_suffix(".json"))
    if not weights.exists():
        raise UserError(f"{weights} is missing beside its card: copy both files")
    return card, weights


def read_card(path: Path) -> ModelCard:
    try:
        raw = json.loads(read_bounded(path))
        known = {field.name for field in fields(ModelCard)}
        values: dict[str, Any] = {key: value for key, value in raw.items() if key in known}
        values.setdefault("features", FRAME_FEATURES)  # a card from before a model could be told more
        for key in ("widths", "lookaheads"):
            values[key] = tuple(values.get(key, ()))
        _check_types(values)
        return ModelCard(**values)
    except FileNotFoundError:
        raise UserError(
            f"{path} is missing: 'realtime import-checkpoint FILE' writes it beside the .safetensors"
        ) from None
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"{path} is not a model card ({error}): import the checkpoint again") from error


def _check_types(values: Mapping[str, Any]) -> None:
    """Here, and not where a lifter trips over it. Raises ValueError."""
    for field in fields(ModelCard):
        value = values.get(field.name, field.default)
        if field.type == "str":
            good = type(value) is str and len(value) <= MAX_TEXT
        else:
            numbers = value if field.type != "int" and isinstance(value, tuple) else (value,)
            good = all(type(number) is int and 0 <= number <= MAX_NUMBER for number in numbers)
        if not good and value is not MISSING:
            raise ValueError(f"{field.name} is {value!r:.40}")
    for name in ("frames", "channels", "joints"):
        if not values.get(name, 1):
            raise ValueError(f"{name} is 0")


def load_arrays(card: ModelCard, weights: Path) -> dict[str, NDArray[Any]]:
    """The weights as NumPy arrays. Raises UserError where the file is not the one the card was written for."""
    from safetensors.numpy import load

    data = weights.read_bytes()
    if hashlib.sha256(data).hexdigest() != card.sha256:
        raise UserError(f"{weights} is damaged or not the file of its card (SHA-256 differs): copy or import it again")
    return load(data)


def save_model(arrays: Mapping[str, NDArray[Any]], card: ModelCard, path: Path) -> ModelCard:
    """Write `path` (.safetensors) and the card beside it; returns the card with SHA-256 and parameter count filled."""
    from safetensors.numpy import save

    data = save({key: np.ascontiguousarray(value) for key, value in arrays.items()})
    card = ModelCard(**{**asdict(card), "sha256": hashlib.sha256(data).hexdigest()})
    write_aside(path, lambda aside: aside.write_bytes(data))
    write_card(card, path)
    return card


def write_card(card: ModelCard, weights: Path) -> None:
    text = json.dumps(asdict(card), indent=2) + "\n"
    write_aside(weights.with_suffix(".json"), lambda aside: aside.write_text(text))


def graph_beside(card: ModelCard, weights: Path, form: str = "step") -> bytes | None:
    """The ONNX graph (step, rows, chunk or newest) written with these weights; None where the card vouches for none.

    Raises UserError where the file is not the one the card was written for.
    """
    sha256 = {"step": card.onnx_sha256, "rows": card.rows_sha256, "chunk": card.chunk_sha256,
              "newest": card.newest_sha256}[form]  # fmt: skip
    path = graph_path(weights, form)
    if not sha256 or not path.exists():
        return None
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != sha256:
        raise UserError(f"{path} is damaged or not the graph of its weights (SHA-256 differs): export it again by"
                        " importing or training the model again")  # fmt: skip
    return data


def graph_path(weights: Path, form: str) -> Path:
    return weights.with_suffix(".onnx" if form == "step" else f".{form}.onnx")
