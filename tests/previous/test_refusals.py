"""A damaged file of the previous version is refused in one sentence; the settings of its sessions are taken."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from previous_version import LENS, MODEL, Done, Place, laid_out, require, sentence

RUN = ("run", "--config", "run.toml")
REPLAY = ("replay", "take.mcap", "--lift", *MODEL, "-o", "never.mcap")
# the byte behind these, or in the middle; what it becomes; which command refuses the file; what it says
DAMAGES: dict[str, tuple[bytes, bytes, tuple[str, ...], str]] = {
    "camera.yaml": (b"camera_matr", b"~", (*REPLAY, *LENS), "lacks or does not know"),
    "ground.yaml": (b"camera_to_", b"~", (*REPLAY, "--ground", "ground.yaml"), "camera_to_world_rotation"),
    "bo.yaml": (b"bones", b"~", (*REPLAY, "--person", "bo.yaml"), "is not a person file"),
    "take.mcap": (b"\x89", b"~", ("replay", "take.mcap", "-o", "never.mcap"), "is no recording"),
    "keypoints.npz": (b"", b"", ("lift", "keypoints.npz", *MODEL, "-o", "never.npz"), "is not a readable .npz"),
    "tiny-9.onnx": (b"", b"", ("lift", "keypoints.npz", *MODEL, "-o", "never.npz"), "tiny-9.onnx is damaged"),
    "paper-9.safetensors": (
        b"", b"", ("build-engine", "paper-9.json", "--dry-run", "--target", "sm89"), "paper-9.safetensors is damaged",
    ),
    "stream.plan": (b"", b"", ("inspect", "stream.plan"), "stream.plan is damaged"),
    "stream.plan.json": (b'"frames": ', b"8", ("inspect", "stream.plan"), "edited or damaged"),
    "keys/server.key": (b'public-key = "', b"~", ("keys", "list", "--dir", "keys"), "holds no public-key"),
    "run.toml": (b"[li", b"~", RUN, "is not valid TOML"),
}  # fmt: skip
# what is asked beside run.toml, and what is said of the two together
SETTINGS: dict[str, tuple[tuple[str, ...], str]] = {
    "all": (RUN, "the cache run.toml/assets cannot be written"),  # after every check, before anything is fetched
    "lifter.model": ((*RUN, "--lookahead", "8"), "model tiny-9 has no look-ahead 8"),
    "lifter.plan": ((*RUN, "--engine", "onnxruntime"), "runs no plan"),
    "view.render": ((*RUN, "--no-view"), "the viewer draws out.mp4"),
    "place.person": ((*RUN, "--people", "2"), "2 people cannot all have the size of bo.yaml"),
}


@pytest.fixture(scope="module", autouse=True)
def begun(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[Done]]]:
    """DAMAGES and SETTINGS, beside each other: most of it is waiting for Python."""
    folder = tmp_path_factory.mktemp("damaged")
    pool = ThreadPoolExecutor(2)
    try:
        yield {
            **{name: pool.submit(_refused, name, folder) for name in DAMAGES},
            **{name: pool.submit(_session, place, SETTINGS[name][0]) for name in SETTINGS},
        }
    finally:
        pool.shutdown(cancel_futures=True)


def _refused(name: str, folder: Path) -> Done:
    """What the command says of the file with one byte changed."""
    damaged = laid_out(folder / name.replace("/", "-"))
    path, (behind, byte, arguments, _) = damaged.work / name, DAMAGES[name]
    data = bytearray(path.read_bytes())
    at = data.index(behind) + len(behind) if behind else len(data) // 2
    data[at : at + 1] = byte or bytes([data[at] ^ 0xFF])
    path.write_bytes(data)
    return damaged.realtime(*arguments, code=2)


def _session(place: Place, arguments: tuple[str, ...]) -> Done:
    """With a cache that cannot be, so that none begins."""
    return place.realtime(*arguments, code=2, REALTIME_CACHE="run.toml")


@pytest.mark.parametrize("name", DAMAGES)
def test_a_file_with_one_byte_changed_is_refused(name: str, begun: dict[str, Future[Done]]) -> None:
    if DAMAGES[name][2][0] == "build-engine":
        require("tensorrt_rtx", "onnx")
    assert DAMAGES[name][3] in sentence(begun[name].result())


@pytest.mark.parametrize("name", SETTINGS)
def test_the_settings_of_a_session_are_taken(name: str, begun: dict[str, Future[Done]]) -> None:
    assert SETTINGS[name][1] in sentence(begun[name].result())
