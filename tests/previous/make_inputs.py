"""What `make_files.sh` gives to the version whose files are kept: made-up pictures of a board, and a made-up walker.

Only `commands` and `published` import the project: the others outlive every change of its modules.
"""

from __future__ import annotations

import contextlib
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

WH = (640, 480)
LENS = np.array([[560.0, 0, 324], [0, 562, 236], [0, 0, 1]])
BENT = np.array([-0.16, 0.05, 0.0005, -0.0004, 0])
PITCH_DEG, HEIGHT_M = -8.0, 1.4
START_NS = 1_767_225_600_000_000_000
THIGH_M, SHANK_M, ANKLE_M = 0.44, 0.43, 0.08
STRIDE_S, RADIUS_M, CENTRE_M = 1.1, 1.1, 4.6


def camera_axes(pitch_deg: float) -> Array:
    """(3, 3): the camera's x, y and z in a world of x right, y away, z up."""
    pitch = np.radians(pitch_deg)
    ahead = np.array([0, np.cos(pitch), np.sin(pitch)])
    right = np.array([1.0, 0, 0])
    return np.stack([right, np.cross(ahead, right), ahead])


def walker(t: Array) -> Array:
    """(T, 17, 3) somebody who walks round a circle, z up: the standing foot stays, the other swings, knees bend."""
    speed = 1.1
    angle = t * speed / RADIUS_M
    ahead = np.stack([np.cos(angle), np.sin(angle), 0 * t], -1)  # along the circle
    side = np.stack([np.sin(angle), -np.cos(angle), 0 * t], -1)  # to the walker's right
    middle = np.array([0, CENTRE_M, 0.0])

    def ground_at(when: Array, right: float) -> Array:
        a = when * speed / RADIUS_M
        return middle + np.stack([np.sin(a) * (RADIUS_M + right), -np.cos(a) * (RADIUS_M + right), 0 * a], -1)

    phase = t / STRIDE_S
    hip = ground_at(t, 0.0)
    hip[:, 2] = 0.9 + 0.015 * np.cos(4 * np.pi * phase)
    joints = np.zeros((len(t), 17, 3))
    joints[:, 0] = hip
    up = np.array([0, 0, 1.0])
    for first, sign in ((1, 1.0), (4, -1.0)):
        own = phase + (0.5 if sign < 0 else 0.0)
        step, part = np.floor(own), own % 1
        landed = (step + 0.3) * STRIDE_S - (0.5 * STRIDE_S if sign < 0 else 0)
        swing = np.clip((part - 0.6) / 0.4, 0, 1)
        share = swing * swing * (3 - 2 * swing)
        foot = ground_at(landed + share * STRIDE_S, 0.09 * sign)
        foot[:, 2] = ANKLE_M + 0.1 * np.sin(np.pi * swing)
        top = hip + 0.13 * sign * side
        reach = foot - top
        length = np.minimum(np.linalg.norm(reach, axis=1), THIGH_M + SHANK_M - 1e-3)
        along = (length**2 + THIGH_M**2 - SHANK_M**2) / (2 * length)
        bend = np.sqrt(np.maximum(THIGH_M**2 - along**2, 0))
        unit = reach / np.linalg.norm(reach, axis=1)[:, None]
        front = ahead - np.sum(ahead * unit, 1)[:, None] * unit
        front /= np.linalg.norm(front, axis=1)[:, None]
        joints[:, first] = top
        joints[:, first + 1] = top + along[:, None] * unit + bend[:, None] * front
        joints[:, first + 2] = foot
    joints[:, 7] = hip + 0.23 * up + 0.01 * ahead
    joints[:, 8] = hip + 0.49 * up + 0.03 * ahead
    joints[:, 9] = joints[:, 8] + 0.09 * up + 0.07 * ahead
    joints[:, 10] = joints[:, 8] + 0.21 * up + 0.03 * ahead
    turned = 0.12 * np.sin(2 * np.pi * phase)[:, None]
    for first, sign in ((11, -1.0), (14, 1.0)):
        shoulder = joints[:, 8] + 0.16 * sign * (side + sign * turned * ahead)
        swing = sign * 0.45 * np.sin(2 * np.pi * phase)
        arm = np.sin(swing)[:, None] * ahead - np.cos(swing)[:, None] * up
        fore = np.sin(swing + 0.35)[:, None] * ahead - np.cos(swing + 0.35)[:, None] * up
        joints[:, first] = shoulder
        joints[:, first + 1] = shoulder + 0.28 * arm
        joints[:, first + 2] = shoulder + 0.28 * arm + 0.25 * fore
    return joints


def seen(joints_m: Array, lens: Array, bent: Array) -> Array:
    """(T, 17, 2) px of the walker, to the eighth: short numbers make small files."""
    points = (joints_m - [0, 0, HEIGHT_M]) @ camera_axes(PITCH_DEG).T
    px = cv2.projectPoints(points.reshape(-1, 3), np.zeros(3), np.zeros(3), lens, bent)[0].reshape(-1, 17, 2)
    return np.round(px * 8) / 8


def keypoints(folder: Path) -> None:
    """`walk.npz`, long, for calibrating; `keypoints.npz`, short, with all that such a file may hold."""
    rng = np.random.default_rng(3)
    long = np.arange(0, 20, 1 / 30)
    np.savez_compressed(folder / "walk.npz", keypoints_px=seen(walker(long), LENS, BENT), t_s=long, image_wh=WH)
    t = np.cumsum(np.concatenate((1 / 30 + rng.uniform(-0.004, 0.004, 60), np.full(40, 1 / 60))))
    t[50:] += 0.9  # longer than the clock of the lifter bridges
    px = seen(walker(t), LENS, BENT)
    score = np.round(rng.uniform(0.6, 1, (len(t), 17)) * 64) / 64
    px[:, 16] = np.where(t[:, None] < 1, np.nan, px[:, 16])
    px[30:36] = np.nan  # nobody: held rows
    np.savez_compressed(
        folder / "keypoints.npz", keypoints_px=px.astype(np.float32), scores=score.astype(np.float32),
        t_s=np.round(t, 6), image_wh=np.array(WH), camera_matrix=LENS, dist_coeffs=BENT,
    )  # fmt: skip


def source_take(folder: Path) -> None:
    """Two seconds of keypoints to be published. A frame with nobody comes first and five seconds earlier: who
    records has them all."""
    from mcap.writer import Writer

    rng = np.random.default_rng(5)
    t = np.concatenate(([0.0], 5 + np.cumsum(1 / 30 + rng.uniform(-0.003, 0.003, 60))))
    px = seen(walker(t), LENS, BENT)
    score = np.round(rng.uniform(0.6, 1, (len(t), 17)) * 64) / 64
    with (folder / "source.mcap").open("wb") as file:
        writer = Writer(file)
        writer.start(profile="", library="realtime")
        schema = writer.register_schema("keypoints2d", "jsonschema", b"{}")
        channel = writer.register_channel("/keypoints2d/main", "json", schema)
        for i, at_ns in enumerate(np.round(t * 1e9).astype(np.int64).tolist()):
            nobody = i == 0 or 40 <= i < 44
            person = {"id": 1, "xy": px[i].tolist(), "score": score[i].tolist()}
            body = {
                "v": 1, "session": "walker", "seq": i, "frame_id": i, "t_capture_ns": START_NS + at_ns,
                "t_detect_ns": START_NS + at_ns + 30_000_000, "t_publish_ns": START_NS + at_ns + 40_000_000,
                "source_ns": at_ns, "dropped": 0, "image_wh": list(WH), "persons": [] if nobody else [person],
            }  # fmt: skip
            stamp_ns = body["t_publish_ns"]
            writer.add_message(channel, stamp_ns, json.dumps(body).encode(), stamp_ns, i)
        writer.finish()


def board_pictures(folder: Path, page: Path, width_mm: float = 297.0) -> None:
    """What the lens sees of a printed page: held in fourteen ways (`board.npz`), on the floor (`floor.avi`)."""
    paper = cv2.imread(str(page), cv2.IMREAD_GRAYSCALE)
    assert paper is not None
    px_per_m = paper.shape[1] / width_mm * 1000
    paper = cv2.resize(paper, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    size_m = np.array(paper.shape[::-1]) / (px_per_m / 4)
    rng = np.random.default_rng(0)
    pictures = []
    for _ in range(14):
        tilt = rng.uniform(-1, 1, 2) * np.radians(35)
        turn = cv2.Rodrigues(np.array([*tilt, rng.normal(0, 0.2)]))[0]
        depth = LENS[0, 0] * size_m[0] / (WH[0] * rng.uniform(0.5, 0.8))
        reach = np.maximum(np.array(WH) / 2 / LENS[0, 0] * depth - size_m * 0.35, 0)
        middle = np.array([*(rng.uniform(-1, 1, 2) * reach), depth])
        pictures.append(_picture(paper, px_per_m / 4, turn, middle - turn @ [*(size_m / 2), 0]))
    np.savez_compressed(folder / "board.npz", pictures=np.stack(pictures))
    to_camera = camera_axes(-50.0)
    onto_floor = to_camera @ np.array([[1.0, 0, 0], [0, -1, 0], [0, 0, -1]])
    corner = to_camera @ [-size_m[0] / 2, 0.42 + size_m[1] / 2, -0.5]
    floor = _picture(paper, px_per_m / 4, onto_floor, corner)
    film = cv2.VideoWriter(str(folder / "floor.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 30, WH)
    film.write(cv2.cvtColor(floor, cv2.COLOR_GRAY2BGR))
    film.release()


def _picture(paper: Any, px_per_m: float, turn: Array, corner: Array) -> NDArray[np.uint8]:
    """(480, 640) grey: the page with its upper left corner there, sharp to a quarter of a pixel."""
    x, y = np.meshgrid((np.arange(2 * WH[0]) + 0.5) / 2 - 0.5, (np.arange(2 * WH[1]) + 0.5) / 2 - 0.5)
    rays = cv2.undistortPoints(np.stack([x, y], -1).reshape(-1, 1, 2), LENS, BENT).reshape(*x.shape, 2)
    onto = np.linalg.inv(np.stack([turn[:, 0], turn[:, 1], corner], 1))
    hit = np.concatenate([rays, np.ones((*x.shape, 1))], -1) @ onto.T
    at = (hit[..., :2] / hit[..., 2:] * px_per_m - 0.5).astype(np.float32)
    at[hit[..., 2] <= 0] = -1e6
    fine = cv2.remap(paper, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderValue=(110,))
    return (cv2.resize(fine, WH, interpolation=cv2.INTER_AREA) * 0.8 + 20).astype(np.uint8)


def serve_board(folder: Path, port: int) -> None:
    """The pictures as a camera on the network, half a second each, until killed."""
    jpegs = [cv2.imencode(".jpg", picture)[1].tobytes() for picture in np.load(folder / "board.npz")["pictures"]]
    pause = threading.Event()

    class Camera(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            with contextlib.suppress(ConnectionError):  # who has seen enough goes
                for jpeg in [one for one in jpegs for _ in range(8)] * 9:
                    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                    self.wfile.write(head.encode() + jpeg + b"\r\n")
                    pause.wait(1 / 16)

        def log_message(self, *_: object) -> None:
            pass

    ThreadingHTTPServer(("127.0.0.1", port), Camera).serve_forever()


def motion_capture(folder: Path) -> None:
    """`clip.npz`: two seconds of the walker at 120 Hz, y up, to the millimetre."""
    joints = walker(np.arange(240) / 120)
    y_up = np.stack([joints[..., 0], joints[..., 2], -joints[..., 1]], -1)
    np.savez_compressed(folder / "clip.npz", **{"99_01": (np.round(y_up * 1024) / 1024).astype(np.float32)})


def published(folder: Path) -> None:
    """A checkpoint as the paper's authors publish theirs, of random weights: 9 frames, 4 channels."""
    import torch

    from engines.models.gla_gcn import GLAGCN

    torch.manual_seed(0)
    state = dict(GLAGCN((3, 3), 4, 17).state_dict())
    torch.save({"epoch": 3, "model_pos": state}, folder / "published.bin")


def commands(path: Path) -> None:
    """Every command of the version that runs this, with its options."""
    import typer.main

    from realtime.cli import command_group

    found: dict[str, list[str]] = {}

    def walk(command: Any, name: str) -> None:
        for below in getattr(command, "commands", {}).values():
            walk(below, f"{name} {below.name}".strip())
        if not hasattr(command, "commands"):
            found[name] = sorted(option for one in command.params for option in (*one.opts, *one.secondary_opts))

    walk(typer.main.get_command(command_group()), "")
    path.write_text(json.dumps(dict(sorted(found.items())), indent=1) + "\n")


if __name__ == "__main__":
    what, folder, *rest = sys.argv[1:]
    work = {
        "keypoints": keypoints, "source_take": source_take, "motion_capture": motion_capture, "published": published,
        "commands": commands, "board_pictures": lambda to: board_pictures(to, Path(rest[0])),
        "serve_board": lambda to: serve_board(to, int(rest[0])),
    }  # fmt: skip
    work[what](Path(folder))
