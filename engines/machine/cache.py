"""Where what is compiled or fetched is kept."""

from __future__ import annotations

from pathlib import Path

from engines.folders import cache_dir


def plans_dir() -> Path:
    """Plans built without `-o` lie here; `--engine auto` looks here."""
    return cache_dir() / "plans"


def jit_cache_path(plan_sha256: str, gpu: str) -> Path:
    """Where TensorRT for RTX keeps what it compiled for this plan on this kind of GPU."""
    return cache_dir() / "jit" / f"{plan_sha256[:16]}-{gpu}.bin"
