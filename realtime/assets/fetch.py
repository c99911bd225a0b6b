"""The pose models and demo clips: fetched once through package managers, pinned by SHA-256, kept in the user cache."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engines.errors import NO_SPACE, UserError
from engines.machine.cache import cache_dir
from realtime.assets.download import Download, DownloadFailed, download
from realtime.clock import NS_PER_S, unix_ns
from realtime.process.signals import ending_in_order

__all__ = ["ASSETS", "DEFAULTS", "Asset", "cache_dir", "cached", "fetch", "fetch_asset", "listing"]

log = logging.getLogger("realtime.assets")

_STALE_NS = 3600 * NS_PER_S
_BLAZEPOSE = "Apache-2.0 (BlazePose, Google)"
_POSE2SIM = "BSD-3-Clause (Pose2Sim)"
_MODELS = "https://storage.googleapis.com/mediapipe-models/pose_landmarker"

_MEDIAPIPE_WHEEL = Download(
    "pip", "mediapipe==0.10.21", 35_622_638, "05dc4a9e593655a79558d05d6227d31018c2537a4bd3362b51e230cf22aecfe3",
    {
        "mediapipe/modules/pose_detection/pose_detection.tflite":
            "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
        "mediapipe/modules/pose_landmark/pose_landmark_full.tflite":
            "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
    },
)  # fmt: skip


def _pose_npm(size: str, sha256: str) -> Download:
    return Download(
        "npm", "@mediapipe/pose@0.5.1675469404", 40_985_403,
        "8bb349a7b3a3ba699df23be804ddd3b3eab810b50b15406894be257859388a84",
        {
            "package/pose_solution_packed_assets.data":
                "a63c614bef30d35947f13be361820b1e4e3bec9cfeebf4d11216a18373108e85",
            f"package/pose_landmark_{size}.tflite": sha256,
        },
    )  # fmt: skip


def _pose_url(size: str, archive_bytes: int, sha256: str) -> Download:
    url = f"{_MODELS}/pose_landmarker_{size}/float16/1/pose_landmarker_{size}.task"
    return Download("url", url, archive_bytes, sha256, {})


@dataclass(frozen=True)
class Asset:
    """One file in the cache, and where it can come from: the first download that works is taken."""

    name: str
    suffix: str  # .task: built of a detector and a landmark model; .mp4: taken as it is
    about: str
    licence: str
    size_bytes: int
    downloads: tuple[Download, ...]


ASSETS: dict[str, Asset] = {
    asset.name: asset
    for asset in (
        Asset("pose-full", ".task", "pose detector, the default", _BLAZEPOSE, 9_400_000, (_MEDIAPIPE_WHEEL,)),
        Asset("pose-lite", ".task", "pose detector, faster", _BLAZEPOSE, 5_800_000, (
            _pose_npm("lite", "f17bfbecadb61c3be1baa8b8d851cc6619c870a87167b32848ad20db306b9d61"),
            _pose_url("lite", 5_777_746, "59929e1d1ee95287735ddd833b19cf4ac46d29bc7afddbbf6753c459690d574a"),
        )),
        Asset("pose-heavy", ".task", "pose detector, more accurate", _BLAZEPOSE, 30_700_000, (
            _pose_npm("heavy", "59e42d71bcd44cbdbabc419f0ff76686595fd265419566bd4009ef703ea8e1fe"),
            _pose_url("heavy", 30_664_242, "64437af838a65d18e5ba7a0d39b465540069bc8aae8308de3e318aad31fcbc7b"),
        )),
        Asset("demo", ".mp4", "clip: two people outdoors, 7.7 s at 30 fps", "BSD-3-Clause (Sports2D)", 3_968_304, (
            Download("pip", "sports2d==0.8.34", 9_050_415,
                     "733b6db70742636ae9c35d870c22bd416582f579abd5881bee93a14bb0e2655d",
                     {"Sports2D/Demo/demo.mp4": "d9a66417185647b112304b57093f0c180f37a768e6a14daca75ca541f3b78039"}),
        )),
        Asset("demo-balance", ".mp4", "clip: one person on a beam, upright, 1.7 s at 60 fps", _POSE2SIM, 540_548, (
            Download("pip", "pose2sim==0.10.49", 51_189_031,
                     "403e0dc4065898ba6a595e72a8970950310979253d60e24c2e00b16b36bf21e1",
                     {"Pose2Sim/Demo_SinglePerson/videos/cam02.mp4":
                          "94ff87cf978b8406e8aa36ab3c5362e72848994e87652f0dc7a33c315e8e0442"}),
        )),
    )
}  # fmt: skip
DEFAULTS = ("pose-full", "demo")  # what the main job on the demo clip needs


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
        return _ASSEMBLE[asset.suffix](parts)
    raise UserError(
        f"cannot fetch {asset.name}: {'; '.join(reasons)}: "
        f"connect to the network (or set up pip's proxy or mirror) and run 'realtime assets fetch {asset.name}'"
    )


def _assemble_task(parts: list[bytes]) -> bytes:
    from realtime.assets.task_bundle import build

    return parts[0] if len(parts) == 1 else build(parts[0], parts[1])


_ASSEMBLE: dict[str, Callable[[list[bytes]], bytes]] = {".task": _assemble_task, ".mp4": lambda parts: parts[0]}


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
