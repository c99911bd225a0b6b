"""A real IP camera over RTSP (RFC 2326): one client at a time, MPEG-TS in RTP (RFC 2250) inside the RTSP connection.

    with RtspServer(transport_stream) as camera:
        source = open_source(camera.url)
"""

from __future__ import annotations

import socketserver
import struct
import threading
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np

_CHUNK = 7 * 188  # whole MPEG-TS packets, about what fits an Ethernet frame
_MP2T = 33  # RTP payload type


def transport_stream(path: Path, frames: int, image_wh: tuple[int, int] = (160, 120), fps: float = 25.0) -> bytes:
    """A short MPEG-2 clip (written to `path`) as its bytes: noise, so that it has some size."""
    rng = np.random.default_rng(5)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mpg2"), fps, image_wh)
    for _ in range(frames):
        writer.write(rng.integers(0, 255, (image_wh[1], image_wh[0], 3), dtype=np.uint8))
    writer.release()
    return path.read_bytes()


class RtspServer:
    """Plays the clip to whoever asks, as fast as they take it, again and again until they leave."""

    def __init__(self, stream: bytes) -> None:
        self.stream = stream
        handler = type("Handler", (_Handler,), {"camera": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), name="rtsp server", daemon=True).start()

    @property
    def url(self) -> str:
        return f"rtsp://127.0.0.1:{self._server.server_address[1]}/live"

    def __enter__(self) -> RtspServer:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True


class _Handler(socketserver.StreamRequestHandler):
    camera: RtspServer

    def handle(self) -> None:
        while (request := self._request()) is not None:
            method, sequence = request
            head, body = self._answer(method)
            lines = ["RTSP/1.0 200 OK", f"CSeq: {sequence}", *head, f"Content-Length: {len(body)}", "", body]
            self.wfile.write("\r\n".join(lines).encode())
            if method == "PLAY":
                self._play()
                return

    def _request(self) -> tuple[str, str] | None:
        """Method and sequence number of the next request, or None when the client left."""
        method = self.rfile.readline().decode().split(" ")[0]
        sequence = "0"
        while line := self.rfile.readline().decode().strip():
            if line.lower().startswith("cseq:"):
                sequence = line.split(":")[1].strip()
        return (method, sequence) if method else None

    def _answer(self, method: str) -> tuple[list[str], str]:
        if method == "OPTIONS":
            return ["Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN"], ""
        if method == "DESCRIBE":
            sdp = ["v=0", "o=- 0 0 IN IP4 127.0.0.1", "s=camera", "t=0 0", f"m=video 0 RTP/AVP {_MP2T}", ""]
            return ["Content-Type: application/sdp"], "\r\n".join(sdp)
        if method == "SETUP":
            return ["Transport: RTP/AVP/TCP;unicast;interleaved=0-1", "Session: 1"], ""
        return ["Session: 1"], ""

    def _play(self) -> None:
        number = 0
        try:
            while True:
                for start in range(0, len(self.camera.stream), _CHUNK):
                    payload = self.camera.stream[start : start + _CHUNK]
                    header = struct.pack(">BBHII", 0x80, _MP2T, number & 0xFFFF, number * 900, 1)
                    self.wfile.write(struct.pack(">BBH", ord("$"), 0, len(header) + len(payload)) + header + payload)
                    number += 1
        except (BrokenPipeError, ConnectionResetError):
            return  # the client went away, as clients do
