"""A real webcam over the network: JPEG frames in one endless multipart answer, as IP cameras give them.

    with MjpegServer(frames) as camera:              # or MjpegServer.of_clip(path, scale=0.5)
        source = open_source(camera.url)
        camera.advance()                             # paced by hand: lets one more frame out
    with MjpegServer(frames, fps=30) as camera: ...  # paced by the clock, frames repeat for ever
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np

_BOUNDARY = "frame"


class MjpegServer:
    """Serves clients. Frames are let out by `fps`, or one by one by `advance`; after the last comes the first."""

    def __init__(self, frames_bgr: Iterable[Any], *, fps: float | None = None, port: int = 0) -> None:
        self._jpegs = [_jpeg(frame) for frame in frames_bgr]
        self._fps = fps
        self._released = 0  # frames let out since the start
        self._stalled = False
        self._others: list[bytes] = []  # sent instead, while there are any
        self._frozen: int | None = None  # the number of the frame that is sent again and again
        self._generation = 0  # clients of an older generation are cut off
        self._clients = 0
        self._sent = 0  # frames that any client has had: a new client goes on from there
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._server: ThreadingHTTPServer | None = None
        self.port = port
        self.start()
        self._pacer = threading.Thread(target=self._pace, name="mjpeg pacer", daemon=True)
        self._pacer.start()

    @classmethod
    def of_clip(
        cls, path: Path, *, fps: float | None = None, scale: float = 1.0, frames: int | None = None
    ) -> MjpegServer:
        """The (first so many) frames of a video file."""
        capture = cv2.VideoCapture(str(path))
        images: list[Any] = []
        while frames is None or len(images) < frames:
            ok, image = capture.read()
            if not ok:
                break
            images.append(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
        capture.release()
        if not images:
            raise ValueError(f"{path} has no frames")
        return cls(images, fps=fps)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/video.mjpg"

    @property
    def released(self) -> int:
        return self._released

    def advance(self, frames: int = 1) -> None:
        """Lets frames out (when `fps` is None). The first ones wait for the first client."""
        with self._changed:
            self._released += frames
            self._changed.notify_all()

    def wait_for_client(self, timeout_s: float = 10.0) -> None:
        with self._changed:
            if not self._changed.wait_for(lambda: self._clients > 0, timeout_s):
                raise TimeoutError("no client came")

    def stall(self) -> None:
        """Connections stay open, nothing comes any more: a camera that hangs."""
        with self._changed:
            self._stalled = True

    def resume(self) -> None:
        with self._changed:
            self._stalled = False
            self._changed.notify_all()

    def freeze(self) -> None:
        """The newest picture again and again, byte for byte."""
        with self._changed:
            self._frozen = max(1, self._sent)

    def thaw(self) -> None:
        with self._changed:
            self._frozen = None

    def show(self, frames_bgr: Iterable[Any]) -> None:
        """Other pictures from now on; none: its own again."""
        self._others = [_jpeg(frame) for frame in frames_bgr]

    def spoil(self, rng: random.Random) -> None:
        """Pictures whose heads are whole and whose rest is noise, until `show`."""
        self._others = [jpeg[:700] + rng.randbytes(len(jpeg) - 700) for jpeg in self._jpegs[:30]]

    def pace(self, fps: float) -> None:
        """So many pictures a second from now on."""
        self._fps = fps

    def cut(self) -> None:
        """Ends every connection in the middle of a frame; new ones are served."""
        with self._changed:
            self._generation += 1
            self._changed.notify_all()

    def stop(self) -> None:
        """Unplugged: connections end and the port is closed."""
        self.cut()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def start(self) -> None:
        """Plugged in (again), at the same port."""
        handler = type("Handler", (_Handler,), {"camera": self})
        self._server = _Server(("127.0.0.1", self.port), handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="mjpeg server", daemon=True).start()

    def __enter__(self) -> MjpegServer:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self._stop.set()
        self.stop()
        self._pacer.join(5)

    def _pace(self) -> None:
        while self._fps and not self._stop.wait(1 / self._fps):
            if not self._stalled:
                self.advance()

    def _next(self, sent: int, generation: int) -> tuple[int, bytes] | None:
        """The latest frame let out after `sent` of them, or None when the connection is to end."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._generation != generation or (self._released > sent and not self._stalled)
            )
            if self._generation != generation:
                return None
            # By hand every frame is delivered, by the clock only the latest: a camera does not wait.
            number = sent + 1 if self._fps is None else self._released
            self._sent = max(self._sent, number)
            jpegs = self._others or self._jpegs
            return number, jpegs[((self._frozen or number) - 1) % len(jpegs)]

    def serve(self, connection: _Handler) -> None:
        with self._changed:
            generation, sent = self._generation, self._sent
            self._clients += 1
            self._changed.notify_all()
        try:
            while (part := self._next(sent, generation)) is not None:
                sent, jpeg = part
                head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                connection.wfile.write(head.encode() + jpeg + b"\r\n")
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client went away, as clients do
        finally:
            with self._changed:
                self._clients -= 1


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True


class _Handler(BaseHTTPRequestHandler):
    camera: MjpegServer

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={_BOUNDARY}")
        self.end_headers()
        self.camera.serve(self)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Silent: requests are no news."""


def _jpeg(frame_bgr: Any) -> bytes:
    """At least 2 kB, by a comment where the picture needs less: FFmpeg waits for as much before it opens a stream."""
    ok, data = cv2.imencode(".jpg", np.ascontiguousarray(frame_bgr))
    if not ok:
        raise ValueError("frame cannot be encoded")
    jpeg = bytes(data.tobytes())
    missing = max(0, 2048 - len(jpeg))
    return jpeg[:2] + b"\xff\xfe" + (missing + 2).to_bytes(2, "big") + bytes(missing) + jpeg[2:]
