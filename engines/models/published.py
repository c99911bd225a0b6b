"""Published GLA-GCN checkpoints: read without executing anything, checked key by key. Needs torch."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from engines.errors import UserError
from engines.models.card import PAPER, ModelCard, save_model
from engines.models.gla_gcn import GLAGCN, Head, parameter_count

COUNTER = "num_batches_tracked"  # of batch norms: no influence on the output, absent from old files
MAX_LEVELS, MAX_CHANNELS = 9, 1024  # far beyond any that was published; what a damaged file claims is not built


class _Ignored:
    """Stands in for NumPy values that published files carry beside the weights (random state, epoch): inert."""

    def __init__(self, *_: object) -> None: ...

    def __setstate__(self, state: object) -> None: ...


_NUMPY_NAMES = tuple(
    f"numpy.{name}" for name in (
        "random._pickle.__randomstate_ctor", "random._pickle.__bit_generator_ctor", "random._mt19937.MT19937",
        "core.multiarray._reconstruct", "_core.multiarray._reconstruct", "core.multiarray.scalar",
        "_core.multiarray.scalar", "ndarray", "dtype",
    )
)  # fmt: skip


def read_published(path: Path) -> GLAGCN:
    """The checkpoint as a module in eval mode. Raises UserError where it cannot be read or does not fit."""
    return from_state(_read_state(path), str(path))


def import_checkpoint(source: Path, target: Path, name: str) -> ModelCard:
    """Turn a published checkpoint into the project's format at `target` (.safetensors); returns its card."""
    module = read_published(source)
    card = ModelCard(kind=PAPER, name=name, frames=module.frames, channels=module.channels, joints=module.joints,
                     head=module.head, parameters=parameter_count(module), widths=module.widths)  # fmt: skip
    arrays = {key: value.numpy() for key, value in module.state_dict().items() if not key.endswith(COUNTER)}
    return save_model(arrays, card, target)


def _read_state(path: Path) -> dict[str, Tensor]:
    try:
        with torch.serialization.safe_globals([(_Ignored, name) for name in _NUMPY_NAMES]), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of newer pickle protocols: what is not read is refused below
            content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: give the path of a published GLA-GCN checkpoint") from None
    except Exception as error:  # torch and pickle raise what they happen to stumble over
        # torch's own words advise to run what is in the file: they are not repeated
        raise UserError(f"{path} cannot be read as weights alone, and nothing else in it is run: give a published"
                        " GLA-GCN checkpoint as its authors wrote it") from error  # fmt: skip
    state = content.get("model_pos", content) if isinstance(content, dict) else None
    if not isinstance(state, dict) or not state or not all(map(_is_array, state.values())):
        raise UserError(f"{path} holds no state dict under 'model_pos': give a published GLA-GCN checkpoint")
    return {str(key).removeprefix("module."): value for key, value in state.items()}


def _is_array(value: object) -> bool:
    return isinstance(value, Tensor) and not value.is_nested  # which has no shape


def from_state(state: Mapping[str, Tensor | NDArray[Any]], source: str, widths: Sequence[int] = ()) -> GLAGCN:
    """A module of the sizes that the shapes tell; strides are 3 unless `widths` says otherwise."""
    shapes = {key: tuple(value.shape) for key, value in state.items()}
    channels = _size(shapes, "expand_gcn.tcn1.conv.weight", 0, 4, source)
    joints = _size(shapes, "expand_gcn.gcn1.PA", 2, 3, source)
    head: Head = "individual" if len(shapes.get("fc.bias", ())) == 2 else "shared"
    units = {match[1] for key in shapes if (match := re.match(r"layers_tcngcn\.(\d+)\.", key))}
    levels = len(widths) or (len(units) + 1) // 2
    if levels > MAX_LEVELS or not 0 < channels <= MAX_CHANNELS:
        raise UserError(f"{source} would be a GLA-GCN of {levels} levels and {channels} channels: "
                        f"this project reads up to {MAX_LEVELS} and {MAX_CHANNELS}")  # fmt: skip
    make = partial(GLAGCN, widths or (3,) * levels, channels, joints, head)
    try:
        with torch.device("meta"):  # shapes alone: they are compared before memory is taken for them
            expected = {key: tuple(value.shape) for key, value in make().state_dict().items()}
    except ValueError as error:
        raise UserError(f"{source} is not a GLA-GCN of this project: {error}") from error
    _check(shapes, expected, source)
    module = make()
    weights = {key: _plain(key, value, source) for key, value in state.items() if not key.endswith(COUNTER)}
    module.load_state_dict(weights, strict=False)
    return module.eval()


def _plain(key: str, value: Tensor | NDArray[Any], source: str) -> Tensor:
    """Dense float32, whatever it is stored as. Raises UserError for what is no such array of finite real numbers."""
    try:
        dense = torch.as_tensor(value).detach().to_dense()
        plain = dense.float() if not dense.is_complex() else dense
        finite = bool(plain.isfinite().all())
    except (RuntimeError, TypeError) as error:
        raise UserError(f"{source}: key {key} holds {value.dtype}, which is not read: save it as float32") from error
    if plain.is_complex() or not finite:
        raise UserError(f"{source}: key {key} holds numbers that are not finite or not real: it is damaged")
    if key.endswith("running_var") and bool((plain < 0).any()):
        raise UserError(f"{source}: key {key} holds variances below 0: it is damaged")
    return plain


def _size(shapes: Mapping[str, tuple[int, ...]], key: str, axis: int, dimensions: int, source: str) -> int:
    shape = shapes.get(key)
    if shape is None:
        raise UserError(f"{source} is not a published GLA-GCN checkpoint: key {key} is missing")
    if len(shape) != dimensions:
        raise UserError(f"{source}: key {key} has shape {shape}, expected {dimensions} dimensions")
    return shape[axis]


def _check(found: Mapping[str, tuple[int, ...]], expected: Mapping[str, tuple[int, ...]], source: str) -> None:
    """Refuse with the first key that does not fit, in the model's order, then the first one too many."""
    for key, shape in expected.items():
        if key.endswith(COUNTER):
            continue
        if key not in found:
            raise UserError(f"{source}: key {key} is missing, expected shape {shape}")
        if found[key] != shape:
            raise UserError(f"{source}: key {key} has shape {found[key]}, expected {shape}")
    for key in found:
        if key not in expected:
            raise UserError(f"{source}: key {key} with shape {found[key]} is not part of a GLA-GCN")
