"""`realtime export`: a recording in another program's format, by the name's ending."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from engines.errors import UserError
from engines.extras import pip_install
from engines.write_aside import refuse_existing, require_writable, write_together
from realtime.export.bvh import write_bvh
from realtime.export.even import check_rate, evened, own_rate_hz
from realtime.export.foxglove_take import write_foxglove
from realtime.export.glb import write_glb
from realtime.export.json_file import write_json
from realtime.export.markers import write_c3d, write_trc
from realtime.export.opensim import write_mot
from realtime.export.recording import Track, read_tracks
from realtime.export.table import write_csv, write_parquet

BONES = ("auto", "fixed", "measured")
# ending -> packages of the extra that it needs
EVERYBODY: dict[str, tuple[str, ...]] = {
    ".csv": (), ".json": (), ".parquet": ("pyarrow",), ".glb": ("pygltflib", "scipy"),
}  # fmt: skip
ONE_PERSON: dict[str, tuple[str, ...]] = {".bvh": ("scipy",), ".c3d": ("ezc3d",), ".trc": (), ".mot": ()}
FOXGLOVE = ".mcap"


@dataclass(frozen=True, slots=True)
class Written:
    path: Path
    said: str  # what there is to know of it, in a few words


def export_file(
    source: Path, target: Path, *, stream: str | None = None, person: str | None = None, rate_hz: float | None = None,
    bones: str = "auto", overwrite: bool = False,
) -> list[Written]:  # fmt: skip
    """`source` (.mcap or an .npz of `realtime lift`) as `target`; of several people some formats make a file each.

    `rate_hz`: frames a second, for formats of even frames the recording's own where None; tables, JSON and glTF keep
    the recording's own times where None. Raises UserError.
    """
    suffix = target.suffix.lower()
    _check(suffix, target, bones)
    check_rate(rate_hz)
    if suffix == FOXGLOVE and (person is not None or rate_hz is not None or source.suffix == ".npz"):
        raise UserError("a .mcap is a whole take with its people: give a take, without --person and --rate")
    if suffix not in ONE_PERSON or person is not None:  # else its names are known once its people are
        refuse_existing(target, overwrite)
    require_writable([target])
    if suffix == FOXGLOVE:
        return _write_all({target: partial(write_foxglove, source, stream)}, overwrite)
    tracks = read_tracks(source, stream, person)
    if suffix in EVERYBODY:
        tracks = tracks if rate_hz is None else [evened(track, rate_hz) for track in tracks]
        write = {".csv": write_csv, ".json": write_json, ".parquet": write_parquet, ".glb": write_glb}[suffix]
        return _write_all({target: partial(write, tracks)}, overwrite)
    work: dict[Path, Callable[[Path], str]] = {}
    for track in tracks:
        place = target if len(tracks) == 1 else target.with_name(f"{target.stem}-{track.person}{target.suffix}")
        work[place] = partial(_write_one, track, rate_hz or own_rate_hz(track), suffix, bones, place.name)
    return _write_all(work, overwrite)


def _check(suffix: str, target: Path, bones: str) -> None:
    formats = EVERYBODY | ONE_PERSON | {FOXGLOVE: ("foxglove", "scipy")}
    packages = formats.get(suffix)
    if packages is None:
        known = ", ".join(sorted(formats))
        raise UserError(f"{target}: a name that ends in {suffix or 'nothing'} says no format: end it in one of {known}")
    if bones not in BONES:
        raise UserError(f"--bones {bones}: choose one of {', '.join(BONES)}")
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise UserError(f"{suffix} files need the package {package}: run {pip_install('export')}")


def _write_one(track: Track, rate_hz: float, suffix: str, bones: str, name: str, path: Path) -> str:
    even = evened(track, rate_hz)
    if suffix == ".bvh":
        said = write_bvh(track, rate_hz, bones, path)
    elif suffix == ".mot":
        said = write_mot(track, rate_hz, path)
    elif suffix == ".trc":
        said = write_trc(even, rate_hz, path, name)
    else:
        said = write_c3d(even, rate_hz, path)
    bridged = int(even.gap.sum())
    gaps = f"{bridged} gaps bridged; " if bridged and suffix in (".bvh", ".mot") else ""
    return f"person {track.person}, {len(even.t_s)} frames at {rate_hz:g} Hz; {gaps}{said}"


def _write_all(work: dict[Path, Callable[[Path], str]], overwrite: bool) -> list[Written]:
    """Nothing is written where one of the files is in the way, or one of them fails or is interrupted."""
    for path in work:
        refuse_existing(path, overwrite)
    require_writable(work)
    said: dict[Path, str] = {}

    def written(path: Path, aside: Path) -> None:
        said[path] = work[path](aside)

    write_together({path: partial(written, path) for path in work})
    return [Written(path, words) for path, words in said.items()]
