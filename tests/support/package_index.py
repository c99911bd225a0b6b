"""A package index on loopback that the real pip and npm download from: one small parcel, in three wrappings."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from realtime.assets.catalogue import Download

_MEMBER = "parcel/clip.bin"


class PackageIndex:
    """`failures`: how many downloads answer 503 first. `gate`: each download waits here before it is sent."""

    def __init__(self) -> None:
        self.content = bytes(range(256)) * 64
        self.failures = 0
        self.downloads = 0
        self.gate: threading.Barrier | None = None
        self.gated_page = ""  # a page that waits at the gate too, as a download does
        self._asked = threading.Event()
        self._wheel = _wheel(self.content)
        self._tarball = _tarball(self.content)
        handler = type("Handler", (_Handler,), {"index": self})
        self._server: ThreadingHTTPServer | None = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    requirement = "parcel==1.0"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PIP_INDEX_URL": f"{self.url}/simple", "PIP_CONFIG_FILE": os.devnull, "npm_config_registry": self.url,
            "NO_PROXY": "127.0.0.1",
        }  # fmt: skip

    @property
    def wheel_download(self) -> Download:
        return Download("pip", self.requirement, len(self._wheel), _sha256(self._wheel), self._members(_MEMBER))

    @property
    def npm_download(self) -> Download:
        members = self._members(f"package/{_MEMBER}")
        return Download("npm", "parcel@1.0.0", len(self._tarball), _sha256(self._tarball), members)

    @property
    def url_download(self) -> Download:
        return Download("url", f"{self.url}/files/clip.bin", len(self.content), _sha256(self.content), {})

    def wait_for_download(self, timeout_s: float = 30) -> None:
        if not self._asked.wait(timeout_s):
            raise TimeoutError("nobody asked for the parcel")

    def answer(self, path: str) -> tuple[int, str, bytes]:
        """Status, content type and body."""
        if path == self.gated_page:
            self._asked.set()
            self._wait_at_gate()
            return 503, "text/plain", b"later"
        if path == "/simple/parcel/":
            return 200, "text/html", b'<a href="/files/parcel-1.0-py3-none-any.whl">parcel-1.0-py3-none-any.whl</a>'
        if path == "/parcel":
            return 200, "application/json", json.dumps(self._packument()).encode()
        body = {
            "/files/parcel-1.0-py3-none-any.whl": self._wheel,
            "/files/parcel-1.0.0.tgz": self._tarball,
            "/files/clip.bin": self.content,
        }.get(path)
        if body is None:
            return 404, "text/plain", b"no such thing"
        self.downloads += 1
        self._asked.set()
        if self.failures:
            self.failures -= 1
            return 503, "text/plain", b"later"
        if not self._wait_at_gate():
            return 503, "text/plain", b"nobody else came"
        return 200, "application/octet-stream", body

    def _wait_at_gate(self) -> bool:
        try:
            if self.gate is not None:
                self.gate.wait(30)
        except threading.BrokenBarrierError:
            return False
        return True

    def close(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> PackageIndex:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _members(self, path: str) -> dict[str, str]:
        return {path: _sha256(self.content)}

    def _packument(self) -> dict[str, Any]:
        integrity = "sha512-" + base64.b64encode(hashlib.sha512(self._tarball).digest()).decode()
        dist = {"tarball": f"{self.url}/files/parcel-1.0.0.tgz", "integrity": integrity}
        version = {"name": "parcel", "version": "1.0.0", "dist": dist}
        return {"name": "parcel", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}}


class _Handler(BaseHTTPRequestHandler):
    index: PackageIndex

    def do_GET(self) -> None:
        status, kind, body = self.index.answer(self.path)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Silent: requests are no news."""


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _wheel(content: bytes) -> bytes:
    buffer = io.BytesIO()
    about = "parcel-1.0.dist-info"
    with zipfile.ZipFile(buffer, "w") as wheel:
        wheel.writestr(_MEMBER, content)
        wheel.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: parcel\nVersion: 1.0\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", "")
    return buffer.getvalue()


def _tarball(content: bytes) -> bytes:
    buffer = io.BytesIO()
    manifest = json.dumps({"name": "parcel", "version": "1.0.0"}).encode()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tarball:
        for name, data in (("package/package.json", manifest), (f"package/{_MEMBER}", content)):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tarball.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()
