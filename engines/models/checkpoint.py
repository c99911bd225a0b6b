"""Models as torch modules, of either kind, from the project's files or published checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engines.errors import UserError
from engines.extras import pip_install
from engines.models.card import PAPER, STREAM, ModelCard, find_model, load_arrays

if TYPE_CHECKING:
    from torch import Tensor, nn

    from engines.models.gla_gcn import GLAGCN
    from engines.models.stream_gla_gcn import StreamGLAGCN


def require_torch(what: str) -> None:
    """Raise UserError with the command that brings torch, where it is not installed."""
    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise UserError(f"{what} needs torch: {pip_install('train')}") from error


def load_published(path: str | Path) -> GLAGCN:
    """A published checkpoint (pickle, read with `weights_only`) or an imported one, as a torch module in eval mode.

    `module(x)` maps (N, T, V, 2) to (N, 1, V, 3). Raises UserError with the first key that does not fit.
    """
    require_torch("reading a published checkpoint")
    from engines.models.published import read_published

    path = Path(path)
    if path.suffix == ".safetensors":
        return _paper_module(*find_model(path))
    return read_published(path)


def load_model(model: str | Path) -> tuple[ModelCard, nn.Module]:
    """Card and torch module (eval mode) of a model of either kind, by name or path."""
    require_torch(f"model {model} as a torch module")
    card, weights = find_model(model)
    return card, (_paper_module if card.kind == PAPER else _stream_module)(card, weights)


def begin_from(model: str | Path, module: StreamGLAGCN) -> None:
    """Give `module` the weights of a streaming model of its shape, by name or path, which may read fewer features: it
    answers as that model until it has learned. Raises UserError where shapes differ."""
    import torch

    card, weights = find_model(model)
    state = _state(card, weights)
    if card.kind == STREAM:
        more = max(module.config.features - card.features, 0)
        state["embed.weight"] = torch.nn.functional.pad(state["embed.weight"], (0, more))
    try:
        module.load_state_dict(state)
    except RuntimeError:
        raise UserError(
            f"training cannot begin from {model}: it is not a streaming model with {module.config.levels} levels and "
            f"{module.config.channels} channels that reads at most {module.config.features} features a joint"
        ) from None


def _paper_module(card: ModelCard, weights: Path) -> GLAGCN:
    from engines.models.published import from_state

    if card.kind != PAPER:
        raise UserError(f"{weights} holds a {card.kind} model, not {PAPER}")
    return from_state(load_arrays(card, weights), str(weights), card.widths)


def _stream_module(card: ModelCard, weights: Path) -> nn.Module:
    from engines.models.stream_gla_gcn import StreamConfig, StreamGLAGCN

    config = StreamConfig(card.levels, card.channels, card.lookaheads, card.graph, card.head, card.features)
    module = StreamGLAGCN(config)
    module.load_state_dict(_state(card, weights))
    return module.eval()


def _state(card: ModelCard, weights: Path) -> dict[str, Tensor]:
    import torch

    return {key: torch.from_numpy(value) for key, value in load_arrays(card, weights).items()}
