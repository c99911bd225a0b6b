"""Keys, profiles, caches and plans lie where the previous version laid them."""

from __future__ import annotations

import re
from pathlib import Path

from previous_version import FILES, Place, on_linux, require

KEYS = {"guest": "not allowed", "laptop": "allowed", "robot": "allowed, made elsewhere", "server": "publisher"}


@on_linux
def test_keys_are_listed_from_where_they_were(place: Place) -> None:
    listed = place.realtime("keys", "list").stdout
    assert listed == place.realtime("keys", "list", "--dir", "keys").stdout
    known = {name: (key, role) for name, key, role in (line.split(maxsplit=2) for line in listed.splitlines())}
    assert {name: role for name, (_, role) in known.items()} == KEYS
    allowed = (place.work / "keys" / "allowed").read_text().split("\n")
    assert {f"{known[name][0]} {name}" for name in ("laptop", "robot")} == set(filter(None, allowed))


@on_linux
def test_new_keys_lie_where_the_old_ones_did(place: Place, tmp_path: Path) -> None:
    new = Place(place.work, tmp_path)
    new.realtime("keys", "new", "server")
    new.realtime("keys", "new", "laptop")
    new.realtime("keys", "allow", "laptop")
    made = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    before = {line for line in (FILES / "places.txt").read_text().split() if "/keys/" in line and "guest" not in line}
    assert made == before


@on_linux
def test_the_cache_is_where_it_was_and_moves_with_its_variable(place: Place, tmp_path: Path) -> None:
    usual = place.realtime("assets").stdout
    assert f"{place.home}/cache/realtime-pose/assets" in usual
    moved = place.realtime("assets", REALTIME_CACHE=str(tmp_path)).stdout
    assert f"{tmp_path}/assets" in moved
    assert str(place.home) not in moved


@on_linux
def test_a_plan_is_built_where_it_was(place: Place, tmp_path: Path) -> None:
    require("tensorrt_rtx", "onnx")
    (before,) = (line for line in (FILES / "places.txt").read_text().split() if line.endswith(".plan"))
    said = place.realtime("build-engine", "tiny-9.safetensors", "--target", "sm89", "--batch", "1,2,4", "--dry-run",
                          REALTIME_CACHE=str(tmp_path)).stdout  # fmt: skip
    (found,) = re.findall(r"would build (\S+\.plan):", said)
    pattern = re.sub("[0-9a-f]{12}(?=.plan)", "[0-9a-f]{12}", before.removeprefix("cache/realtime-pose/"))
    assert re.fullmatch(pattern, Path(found).relative_to(tmp_path).as_posix())
