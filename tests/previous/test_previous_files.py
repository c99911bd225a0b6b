"""What the previous version wrote still opens, and means what it meant: calibrations, keys, recordings, models, plans.

`make_files.sh` had the previous version write files/. The current one is given them through its command line here, so
that it does not matter where its modules lie. Poses may differ by 1 mm: processors round differently.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import lzma
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import Any

import cv2
import numpy as np
import pytest
import typer.main
import yaml
from mcap.reader import make_reader
from safetensors.numpy import load_file

import realtime
from realtime import ClockOffset, PersonPose, PoseMessage, Subscriber, subscribe
from realtime.cli import command_group

FILES = Path(__file__).parent / "files"
GOLDEN = Path(__file__).resolve().parents[1] / "replay" / "golden"
WAIT_S = 120
TOLERANCE_M = 1e-3
PARENTS = (-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15)
MODEL = ("--model", "tiny-9.safetensors")
LENS = ("--camera", "camera.yaml")
KEYS = {"guest": "not allowed", "laptop": "allowed", "robot": "allowed, made elsewhere", "server": "publisher"}
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
TRAIN = ("train", "clip.npz", "--config", "recipe.toml", "--run", "run", "--resume", "--threads", "1", "--name", "t")
Fields = dict[str, Any]
Done = subprocess.CompletedProcess[str]

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="other systems have the user's folders elsewhere")


@dataclass(frozen=True)
class Place:
    """Where a command runs: a folder with the files, and the user's own folders."""

    work: Path
    home: Path

    def environment(self, **changes: str) -> dict[str, str]:
        usual = {name: value for name, value in os.environ.items() if name != "REALTIME_CACHE"}
        folders = {"HOME": "", "XDG_CONFIG_HOME": "config", "XDG_CACHE_HOME": "cache"}
        return usual | {name: str(self.home / folder) for name, folder in folders.items()} | changes

    def realtime(self, *arguments: object, code: int = 0, **environment: str) -> Done:
        """Runs a command, which must end with this exit code."""
        done = subprocess.run(
            [sys.executable, "-m", "realtime.cli", *map(str, arguments)], cwd=self.work, timeout=WAIT_S, text=True,
            env=self.environment(**environment), capture_output=True, encoding="utf-8", check=False,
        )  # fmt: skip
        assert done.returncode == code, f"{arguments}: {done.stdout}{done.stderr}"
        return done


def laid_out(folder: Path) -> Place:
    """The files unpacked, those of the user's folders there as well as under names of their own."""
    work, home = folder / "work", folder / "home"
    shutil.copytree(FILES, work)
    for path in GOLDEN.glob("tiny-9.*"):
        shutil.copy(path, work)
    for packed in work.rglob("*.xz"):
        packed.with_suffix("").write_bytes(lzma.decompress(packed.read_bytes()))
        packed.unlink()
    for secret in work.rglob("*.key_secret"):
        secret.chmod(0o600)  # which git does not keep
    shutil.copytree(work / "config" / "keys", work / "keys")
    for person in work.glob("config/calibration/people/*.yaml"):
        shutil.copy(person, work)
    (lens,), (plan,) = work.glob("config/calibration/cameras/*/*.yaml"), work.glob("cache/plans/*.plan")
    shutil.copy(lens, work / "camera.yaml")
    shutil.copy(plan, work / "stream.plan")
    shutil.copy(plan.with_name(f"{plan.name}.json"), work / "stream.plan.json")
    for kind in ("config", "cache"):
        (home / kind).mkdir(parents=True)
        (work / kind).rename(home / kind / "realtime-pose")
    return Place(work, home)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return laid_out(tmp_path_factory.mktemp("previous"))


@pytest.fixture(scope="module", autouse=True)
def begun(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[Done]]]:
    """The training, DAMAGES and SETTINGS, one after the other beside the tests: most of it is waiting for Python."""
    folder = tmp_path_factory.mktemp("damaged")
    (place.work / "run").mkdir()
    shutil.copy(place.work / "checkpoint.pt", place.work / "run")
    pool = ThreadPoolExecutor(1)
    try:
        yield {
            "training": pool.submit(place.realtime, *TRAIN),
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


def require(*modules: str) -> None:
    """Skips where one is missing. None is imported: they are large."""
    for module in modules:
        if find_spec(module) is None:
            pytest.skip(f"needs {module}")


def sentence(done: Done) -> str:
    """The one with which a command refuses."""
    *_, last = done.stderr.strip().splitlines()
    assert last.startswith("realtime: ")
    assert "Traceback" not in done.stderr
    return last


def yaml_of(path: Path) -> Fields:
    content: Fields = yaml.safe_load(path.read_text())
    return content


def assert_same(got: object, expected: object, where: str = "") -> None:
    """Like `==`, numbers to a thousandth; what was not there before does not matter, nor when a file was written."""
    if isinstance(expected, Mapping):
        assert isinstance(got, Mapping), where
        for key in expected.keys() - {"date"}:
            assert key in got, f"{where} has lost {key}"
            assert_same(got[key], expected[key], f"{where} {key}")
    elif isinstance(expected, list):
        assert isinstance(got, list), where
        assert len(got) == len(expected), where
        for index, (one, other) in enumerate(zip(got, expected, strict=True)):
            assert_same(one, other, f"{where}[{index}]")
    elif isinstance(expected, float):
        assert got == pytest.approx(expected, abs=TOLERANCE_M, nan_ok=True), where
    else:
        assert got == expected, where


# ---- names ----


def test_the_public_names_are_there() -> None:
    assert set(realtime.__all__) >= {
        "subscribe", "Subscriber", "PoseMessage", "PersonPose", "ClockOffset", "__version__",
    }  # fmt: skip
    assert realtime.__version__ == metadata.version("realtime-pose")
    (entry,) = metadata.entry_points(group="console_scripts", name="realtime")
    assert callable(entry.load())
    fields = {kind: {field.name for field in dataclasses.fields(kind)} for kind in (PoseMessage, PersonPose)}
    assert fields[PoseMessage] >= {
        "stream", "session", "seq", "frame_id", "t_capture_ns", "t_publish_ns", "image_wh", "space", "scale",
        "skeleton", "calibration", "engine", "model", "lookahead", "dropped", "persons", "latency_ms", "t_receive_ns",
        "gap", "new_session", "clock",
    }  # fmt: skip
    assert fields[PersonPose] >= {
        "id", "joints_m", "root_m", "sigma_m", "score", "lag_frames", "window_fill", "held",
    }  # fmt: skip
    assert ClockOffset(offset_ns=3, round_trip_ns=1).to_local_ns(5) == 2
    assert set(inspect.signature(Subscriber).parameters) >= {
        "address", "stream", "latest_only", "timeout_s", "keys", "min_rate_hz", "high_water", "rpc_address",
    }  # fmt: skip


def test_subscribe_is_called_as_before() -> None:
    assert subscribe is realtime.subscribe
    with realtime.subscribe("tcp://127.0.0.1:9", "main", True, 0.0) as subscriber:
        assert isinstance(subscriber, Subscriber)
        assert subscriber.latest() is None


def test_no_command_and_no_option_has_gone() -> None:
    found: dict[str, set[str]] = {}

    def walk(command: Any, name: str) -> None:
        for below in getattr(command, "commands", {}).values():
            walk(below, f"{name} {below.name}".strip())
        found[name] = {option for one in command.params for option in (*one.opts, *one.secondary_opts)}

    walk(typer.main.get_command(command_group()), "")
    for name, options in json.loads((FILES / "commands.json").read_text()).items():
        assert not set(options) - found[name], name


# ---- recordings ----


def messages(path: Path, kind: str = "") -> list[Fields]:
    """The bodies in the order they were written, each with its topic."""
    with path.open("rb") as file:
        taken = make_reader(file).iter_messages(log_time_order=False)
        return [{"topic": channel.topic, **json.loads(message.data)} for _, channel, message in taken
                if channel.topic.startswith(f"/{kind}")]  # fmt: skip


def test_a_take_is_copied_whole(place: Place) -> None:
    place.realtime("replay", "take.mcap", "-o", "copy.mcap")
    copied = messages(place.work / "copy.mcap")
    assert copied == messages(place.work / "take.mcap")
    assert {message["topic"] for message in copied} == {"/pose3d/main", "/keypoints2d/main", "/status/main"}


def test_a_take_is_lifted_anew_to_its_own_poses(place: Place) -> None:
    place.realtime("replay", "take.mcap", "--lift", *MODEL, "--lookahead", 2, "-o", "again.mcap")
    again, before = messages(place.work / "again.mcap"), messages(place.work / "take.mcap", "pose3d")
    assert len(before) > 50
    for message in before:  # the times are those of the keypoints now
        del message["t_capture_ns"], message["t_publish_ns"], message["latency_ms"]
    assert_same(again, before)


def test_what_a_kill_left_reads_up_to_there(place: Place) -> None:
    """It was recorded together with the whole one."""
    assert not (place.work / "cut.mcap").read_bytes().endswith(b"MCAP0\r\n")
    done = place.realtime("replay", "cut.mcap", "-o", "mended.mcap")
    assert "ends early" in done.stderr
    kept = messages(place.work / "mended.mcap", "pose3d"), messages(place.work / "mended.mcap", "keypoints2d")
    for part, kind in zip(kept, ("pose3d", "keypoints2d"), strict=True):
        whole = messages(place.work / "take.mcap", kind)
        assert 5 < len(part) < len(whole)
        assert part == whole[: len(part)]


def test_calibrations_place_people_where_they_stood(place: Place) -> None:
    """The lens, the floor and a rigid person, all of them measured by the previous version."""
    name = "bo" if sys.platform == "linux" else "bo.yaml"
    place.realtime("replay", "take.mcap", "--lift", *MODEL, *LENS, "--ground", "ground.yaml", "--person", name,
                   "-o", "there.mcap")  # fmt: skip
    there, before = messages(place.work / "there.mcap"), messages(place.work / "placed.mcap")
    assert {(message["space"], message["scale"]) for message in before if message["persons"]} == {("world", "height")}
    assert {len(message["calibration"]) for message in before} == {12}
    assert_same(there, before)
    bones_m = list(yaml_of(place.work / "bo.yaml")["bones_m"].values())
    for message in there:
        for person in message["persons"]:
            joints_m = np.array(person["joints"])
            lengths_m = np.linalg.norm(joints_m[1:] - joints_m[list(PARENTS[1:])], axis=1)
            np.testing.assert_allclose(lengths_m, bones_m, rtol=0, atol=TOLERANCE_M)


def test_a_guessed_lens_and_a_bare_height_say_what_they_are(place: Place) -> None:
    place.realtime("replay", "take.mcap", "--lift", *MODEL, "--camera", "camera-guess.yaml", "--person", "ana.yaml",
                   "-o", "guessed.mcap")  # fmt: skip
    for message in messages(place.work / "guessed.mcap"):
        assert re.fullmatch("guess-[0-9a-f]{12}", message["calibration"])
        assert (message["space"], message["scale"]) == ("camera", "height" if message["persons"] else "assumed")


def free_addresses() -> list[str]:
    with socket.socket() as one, socket.socket() as other:
        for probe in (one, other):
            probe.bind(("127.0.0.1", 0))
        return [f"tcp://127.0.0.1:{probe.getsockname()[1]}" for probe in (one, other)]


def test_a_take_is_published_under_the_keys_that_were_made(place: Place) -> None:
    address, rpc = free_addresses()
    player = subprocess.Popen(
        [sys.executable, "-m", "realtime.cli", "replay", "take.mcap", "--loop", "--seek", "3", "--keys", "keys",
         "--address", address, "--rpc", rpc], cwd=place.work, env=place.environment(), stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        heard = place.realtime("listen", "--address", address, "--key", "keys/laptop.key_secret", "--server-key",
                               "keys/server.key", "-n", 3, "--json", "--timeout", WAIT_S / 2)  # fmt: skip
    finally:
        player.terminate()
        player.wait(WAIT_S)
    before = {pose["frame_id"]: pose for pose in messages(place.work / "take.mcap", "pose3d")}
    poses = [json.loads(line) for line in heard.stdout.splitlines()]
    assert len(poses) == 3
    for pose in poses:
        assert_same(pose["persons"], before[pose["frame_id"]]["persons"])
        assert pose["model"] == "tiny-9"


# ---- calibrations ----


def test_the_floor_by_hand_is_the_same_again(place: Place) -> None:
    place.realtime("calibrate", "ground", "--height", 1.4, "--pitch", -8, "--roll", 0.5, "-o", "again.yaml")
    assert_same(yaml_of(place.work / "again.yaml"), yaml_of(place.work / "ground.yaml"))


def test_the_floor_under_a_board_is_the_same_again_through_the_lens_on_file(place: Place) -> None:
    place.realtime("calibrate", "ground", "--on-board", "--source", "floor.avi", *LENS, "-o", "board.yaml")
    found, before = yaml_of(place.work / "board.yaml"), yaml_of(place.work / "ground-board.yaml")
    sigma_deg = found.pop("normal_sigma_deg"), before.pop("normal_sigma_deg")
    assert sigma_deg[0] == pytest.approx(sigma_deg[1], rel=0.1)
    assert_same(found, before)


def test_a_floor_is_taken_with_the_lens_that_saw_it_alone(place: Place) -> None:
    floor = ("replay", "take.mcap", "--lift", *MODEL, "--ground", "ground-board.yaml", "-o")
    place.realtime(*floor, "own.mcap", *LENS)
    refused = place.realtime(*floor, "other.mcap", "--camera", "camera-guess.yaml", code=2)
    assert "another camera calibration" in sentence(refused)


@on_linux
def test_a_lens_is_found_by_the_address_of_its_camera(place: Place) -> None:
    """In the previous version's folder for it, here under this test's own port."""
    film = cv2.VideoCapture(str(place.work / "floor.avi"))
    picture = film.read()[1]
    film.release()
    jpeg = cv2.imencode(".jpg", picture)[1].tobytes()

    class Camera(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n".encode()
            try:
                while True:
                    self.wfile.write(head + jpeg + b"\r\n")
            except ConnectionError:
                return  # it has seen enough

        def log_message(self, *_: object) -> None:
            """Silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Camera) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_address[1]
        (lens,) = (place.home / "config/realtime-pose/calibration/cameras").glob("127-0-0-1-*-board")
        shutil.copytree(lens, lens.with_name(f"127-0-0-1-{port}-board"))
        place.realtime("calibrate", "ground", "--on-board", "--source", f"http://127.0.0.1:{port}/board",
                       "-o", "seen.yaml")  # fmt: skip
        server.shutdown()
    seen, before = yaml_of(place.work / "seen.yaml"), yaml_of(place.work / "ground-board.yaml")
    assert seen["camera_identity"] == before["camera_identity"]
    assert seen["camera_height_m"] == pytest.approx(before["camera_height_m"], abs=0.005)


@on_linux
def test_people_are_measured_and_kept_where_they_were(place: Place, tmp_path: Path) -> None:
    new = Place(place.work, tmp_path)
    new.realtime("calibrate", "person", "ana", "--height", 1.76)
    new.realtime("calibrate", "person", "bo", "--height", 1.7, "--rigid", "--source", "keypoints.npz", *LENS, *MODEL)
    for name in ("ana", "bo"):
        (kept,) = (line for line in (FILES / "places.txt").read_text().split() if line.endswith(f"/{name}.yaml"))
        assert_same(yaml_of(tmp_path / kept), yaml_of(place.home / kept))


# ---- keys and the other places ----


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


# ---- models, plans, keypoints ----


@pytest.mark.parametrize(
    ("before", "options"),
    [
        ("lifted.npz", [*MODEL, "--lookahead", "2"]),
        ("lifted-sequence.npz", [*MODEL, "--mode", "sequence"]),
        ("lifted-paper.npz", ["--model", "paper-9.safetensors", "--align", "end"]),
    ],
)
def test_keypoints_are_lifted_to_the_same_poses(place: Place, before: str, options: list[str]) -> None:
    if "sequence" in options:
        require("onnx")
    place.realtime("lift", "keypoints.npz", *options, "-o", f"again-{before}")
    with np.load(place.work / f"again-{before}") as again, np.load(place.work / before) as expected:
        assert set(again) >= set(expected)
        assert 0 < expected["held"].sum() < len(expected["held"])
        for name, values in expected.items():
            if name.endswith("_m"):
                np.testing.assert_allclose(again[name], values, rtol=0, atol=TOLERANCE_M, err_msg=name)
            else:
                np.testing.assert_array_equal(again[name], values, err_msg=name)


def test_a_published_checkpoint_is_imported_to_the_same_weights(place: Place) -> None:
    require("torch", "onnx")
    place.realtime("import-checkpoint", "published.bin", "-o", "imported.safetensors", "--name", "paper-9")
    imported, before = place.work / "imported.safetensors", place.work / "paper-9.safetensors"
    weights, expected = load_file(imported), load_file(before)
    assert weights.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(weights[name], values, err_msg=name)
    cards = [json.loads(path.with_suffix(".json").read_text()) for path in (imported, before)]
    for card in cards:  # of files that newer tools may write differently
        assert card.pop("sha256")
        assert card.pop("onnx_sha256")
    assert_same(*cards)


def test_a_plan_is_read_and_its_certificate_told(place: Place) -> None:
    said = place.realtime("inspect", "stream.plan", *MODEL).stdout
    card = json.loads((place.work / "stream.plan.json").read_text())
    for words in (
        "tiny-9 (stream-gla-gcn), 9 frames, look-ahead 0, 2", "step form, fp32", "for sm89", "1 to 4, best 2",
        f"mean {card['parity']['mean_mm']:.4f} mm over 1000 frames against torch", "within the limit: max 0.1 mm",
        f"plan {card['plan_sha256'][:16]}: this file", "as it was written", "tiny-9.safetensors",
    ):  # fmt: skip
        assert words in said
    assert_same(json.loads(place.realtime("inspect", "stream.plan", *MODEL, "--json").stdout), card)


def test_a_stopped_training_goes_on_as_it_would_have(place: Place, begun: dict[str, Future[Done]]) -> None:
    """The first step after it stopped is to a thousandth what it was, the last one about."""
    require("torch", "onnx", "matplotlib")
    begun["training"].result()
    logs = [place.work / "run" / "log.jsonl", place.work / "training-log.jsonl"]
    rows, before = ([json.loads(line) for line in log.read_text().splitlines()] for log in logs)
    assert 0 < len(rows) < len(before)
    before = before[-len(rows) :]
    assert [(row["stage"], row["step"]) for row in rows] == [(row["stage"], row["step"]) for row in before]
    assert rows[0]["mpjpe"] == pytest.approx(before[0]["mpjpe"], rel=1e-3)
    assert rows[-1]["mpjpe"] == pytest.approx(before[-1]["mpjpe"], rel=0.1)
    taught = json.loads((place.work / "run" / "t.json").read_text())
    assert (taught["frames"], taught["channels"], taught["lookaheads"]) == (3, 8, [0, 2])


# ---- what is refused, and which settings are read ----


@pytest.mark.parametrize("name", DAMAGES)
def test_a_file_with_one_byte_changed_is_refused(name: str, begun: dict[str, Future[Done]]) -> None:
    if DAMAGES[name][2][0] == "build-engine":
        require("tensorrt_rtx", "onnx")
    assert DAMAGES[name][3] in sentence(begun[name].result())


@pytest.mark.parametrize("name", SETTINGS)
def test_the_settings_of_a_session_are_taken(name: str, begun: dict[str, Future[Done]]) -> None:
    assert SETTINGS[name][1] in sentence(begun[name].result())
