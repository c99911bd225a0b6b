"""An asset of the catalogue: fetched once through package managers, checked, kept in the user cache."""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from engines.errors import NO_SPACE, UserError
from engines.folders import cache_dir
from realtime.assets.catalogue import ASSETS, Asset
from realtime.assets.download import DownloadFailed, download
from realtime.clock import NS_PER_S, unix_ns
from realtime.process.signals import ending_in_order

log = logging.getLogger("realtime.assets")

_STALE_NS = 3600 * NS_PER_S


def cached(asset: Asset) -> Path | None:
    """The asset's file in the cache if it is there and whole."""
    return next((path for path in _files(asset) if _whole(path)), None)


def fetch(name: str) -> Path:
    """The path of an asset, downloaded first where the cache does not hold it. A warm cache needs no network.

    Raises UserError where the name is unknown, nothing can be downloaded, or the cache cannot be written.
    """
    if name not in ASSETS:
        raise UserError(f"there is no asset '{name}': choose one of {', '.join(ASSETS)}")
    return fetch_asset(ASSETS[name])


def fetch_asset(asset: Asset, retry_waits_s: tuple[float, ...] = (1.0, 3.0)) -> Path:
    """Like `fetch`, for any table entry. Safe in several processes at once: files appear whole or not at all."""
    found = cached(asset)
    if found is not None:
        return found
    folder = cache_dir() / "assets"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _clear_away(asset, folder)
        with (
            ending_in_order(),
            tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder, ignore_cleanup_errors=True) as scratch,
        ):
            content = _obtain(asset, Path(scratch), retry_waits_s)
            whole = Path(scratch) / "whole"
            whole.write_bytes(content)
            path = folder / f"{asset.name}-{_pins(asset)}-{_digest(content)}{asset.suffix}"
            os.replace(whole, path)
    except OSError as error:
        full = error.errno in NO_SPACE
        raise UserError(
            f"the cache {folder} {'is full' if full else 'cannot be written'} ({error.strerror or error}): "
            f"{'free some space' if full else 'make it writable'} or set REALTIME_CACHE to another folder"
        ) from error
    return path


def listing() -> str:
    """All assets, two lines each: name, whether cached, size, what; licence and where from."""
    lines = []
    for asset in ASSETS.values():
        origins = ", or ".join(f"{source.manager} {source.spec}" for source in asset.downloads)
        state = "cached" if cached(asset) else "not cached"
        lines.append(f"{asset.name:<13} {state:<11} {asset.size_bytes / 1e6:5.1f} MB  {asset.about}")
        lines.append(f"{'':<13} {asset.licence}; {origins}")
    return "\n".join([*lines, f"cache: {cache_dir() / 'assets'}"])


def _obtain(asset: Asset, scratch: Path, retry_waits_s: tuple[float, ...]) -> bytes:
    reasons: list[str] = []
    for source in asset.downloads:
        try:
            parts = download(source, asset.name, scratch, retry_waits_s)
        except DownloadFailed as error:
            reasons.append(str(error))
            continue
        return _ASSEMBLE[asset.suffix](parts, [Path(member).name for member in source.members])
    raise UserError(
        f"cannot fetch {asset.name}: {'; '.join(reasons)}: "
        f"connect to the network (or set up pip's proxy or mirror) and run 'realtime assets fetch {asset.name}'"
    )


def _assemble_task(parts: list[bytes], _: list[str]) -> bytes:
    from realtime.assets.task_bundle import build

    return parts[0] if len(parts) == 1 else build(parts[0], parts[1])


def _assemble_zip(parts: list[bytes], names: list[str]) -> bytes:
    """The same bytes every time."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        for name, part in zip(names, parts, strict=True):
            archive.writestr(zipfile.ZipInfo(name), part)
    return whole.getvalue()


def _as_it_is(parts: list[bytes], _: list[str]) -> bytes:
    return parts[0]


_ASSEMBLE: dict[str, Callable[[list[bytes], list[str]], bytes]] = {
    ".task": _assemble_task, ".mp4": _as_it_is, ".zip": _assemble_zip,
}  # fmt: skip


def _files(asset: Asset) -> list[Path]:
    """What lies in the cache under this asset's name, whole or not. The name ends in the SHA-256 of the bytes."""
    return sorted((cache_dir() / "assets").glob(f"{asset.name}-{_pins(asset)}-*{asset.suffix}"))


def _whole(path: Path) -> bool:
    try:
        return path.stem.rsplit("-", 1)[1] == _digest(path.read_bytes())
    except OSError as error:
        log.warning("cannot read %s: %s", path, error.strerror)
        return False


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _pins(asset: Asset) -> str:
    """Changes with the downloads: what an older version left in the cache is not taken for this one's."""
    return hashlib.sha256("".join(source.archive_sha256 for source in asset.downloads).encode()).hexdigest()[:8]


def _clear_away(asset: Asset, folder: Path) -> None:
    """Damaged files, and what fetches that were killed left behind."""
    for path in _files(asset):
        if not _whole(path):
            log.warning("%s is damaged: fetching it again", path)
            path.unlink(missing_ok=True)
    for scratch in folder.glob(".fetch-*"):
        with contextlib.suppress(FileNotFoundError):
            if unix_ns() - scratch.stat().st_mtime_ns > _STALE_NS:
                shutil.rmtree(scratch, ignore_errors=True)
