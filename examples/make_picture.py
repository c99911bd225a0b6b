"""Makes the README's picture: a frame's 2D keypoints, and the lifted people from two sides.

Usage: python examples/make_picture.py [--source demo] [--people 2] [--frame 85] [--photo] [--out docs/demo.png]
`--photo` draws the keypoints on the frame itself instead of on plain ground: mind the clip's licence and its people.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.lifting.load_lifter import load_lifter
from engines.models.skeleton import JOINTS, PARENTS
from realtime.clock import monotonic_ns
from realtime.config import PlaceConfig
from realtime.contracts import Keypoints2D, PoseFrame
from realtime.pipeline.detect import Detector
from realtime.pipeline.lifter_process import Lift
from realtime.sources.open_source import open_source
from realtime.view.scene.figure import BACKGROUND_RGB, TINTS_RGB
from realtime.view.scene.follow import Follow
from realtime.view.scene.stage import Stage
from realtime.wire.decode import decode_pose
from realtime.wire.encode import encode_pose
from realtime.wire.messages import PoseMessage

Image = NDArray[np.uint8]
HEIGHT = 560
SIDE_WH = (520, HEIGHT)
GAP = 12
PLAIN_BGR = (96, 84, 78)


def lift_until(source: str, people: int, last: int) -> tuple[Image, Keypoints2D, list[PoseMessage]]:
    """The pipeline of `realtime run`, in one process and frame by frame, up to frame `last`."""
    messages: list[PoseMessage] = []
    with open_source(source, max_speed=True) as frames, Detector("full", people) as detector, load_lifter() as lifter:
        lift = Lift(lifter, PlaceConfig(), source, people)
        while True:
            frame = frames.read()
            if frame is None:
                raise SystemExit(f"{source} has fewer than {last + 1} frames: name an earlier --frame")
            persons = detector.detect(frame)
            keypoints = Keypoints2D(frame.stamp, frames.image_wh, persons, monotonic_ns(), frames.dropped)
            messages.append(as_message(lift(keypoints)))
            if frame.stamp.frame_id >= last:
                return frame.image_bgr.copy(), keypoints, messages


def as_message(frame: PoseFrame) -> PoseMessage:
    """As a subscriber would get it, at the clip's own times."""
    raw = encode_pose(frame, stream="main", session="picture", seq=frame.stamp.frame_id,
                      t_capture_ns=frame.stamp.source_ns, t_publish_ns=frame.stamp.source_ns)  # fmt: skip
    return decode_pose(raw)


def draw_keypoints(image: Image, keypoints: Keypoints2D, slots: dict[int, int]) -> Image:
    """The frame with its keypoints in the viewer's colours, cut to the people in it."""
    seen = np.concatenate([person.xy_px for person in keypoints.persons])
    low, high = np.nanmin(seen, axis=0), np.nanmax(seen, axis=0)
    half = max(0.62 * float((high - low).max()), 60.0)
    middle, (height, width) = (low + high) / 2, image.shape[:2]
    half = min(half, width / 2, height / 2)
    corner = np.clip(middle - half, 0, (width - 2 * half, height - 2 * half)).round().astype(int)
    scale = HEIGHT / round(2 * half)
    part = image[corner[1] : corner[1] + round(2 * half), corner[0] : corner[0] + round(2 * half)]
    part = np.asarray(cv2.resize(part, (HEIGHT, HEIGHT), interpolation=cv2.INTER_CUBIC), np.uint8)
    for person in keypoints.persons:
        points = (person.xy_px - corner) * scale
        colours = TINTS_RGB[slots.get(person.track_id, 0) % len(TINTS_RGB)][:, ::-1] * 255
        for joint in range(1, JOINTS):
            ends = np.stack((points[PARENTS[joint]], points[joint]))
            if not np.isfinite(ends).all():
                continue
            side = 0 if joint in (4, 5, 6, 11, 12, 13) else 1 if joint in (1, 2, 3, 14, 15, 16) else 2
            start, end = (tuple(int(value * 16) for value in point) for point in ends)
            for colour, thickness in (((255, 255, 255), 6), (tuple(colours[side].tolist()), 3)):
                cv2.line(part, start, end, colour, thickness, cv2.LINE_AA, shift=4)
            cv2.circle(part, end, 4 * 16, (255, 255, 255), -1, cv2.LINE_AA, shift=4)
    return part


def draw_side(messages: list[PoseMessage], angle_deg: tuple[float, float]) -> tuple[Image, dict[int, int]]:
    """The last message in 3D, the camera having followed all of them; and each person's tint."""
    follow = Follow()
    for message in messages:
        follow.update(message)
    with Stage(SIDE_WH, window=False, angle_deg=angle_deg, supersample=3) as stage:
        stage.draw(follow)
        ids = [person.id for person in messages[-1].persons]
        return stage.image(), {number: figure.slot for number, figure in zip(ids, follow.figures, strict=False)}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--source", default="demo")
    parser.add_argument("--people", type=int, default=2)
    parser.add_argument("--frame", type=int, default=85)
    parser.add_argument("--photo", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("docs/demo.png"))
    options = parser.parse_args()
    image, keypoints, messages = lift_until(options.source, options.people, options.frame)
    if not options.photo:
        image[:] = np.array(PLAIN_BGR, np.uint8)
    if not keypoints.persons:
        raise SystemExit(f"nobody is in frame {options.frame}: name another --frame")
    front, slots = draw_side(messages, (12, 8))
    side, _ = draw_side(messages, (78, 14))
    gap = np.full((HEIGHT, GAP, 3), BACKGROUND_RGB[::-1] * 255, np.uint8)
    picture = np.hstack((draw_keypoints(image, keypoints, slots), gap, front, side))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(options.out), picture, [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    main()
