"""One page for any browser in the network, and the stream to it over a WebSocket, for who has the pairing code.

The page is the only file; it fetches nothing from elsewhere. What it gets is JSON, a message a frame:
`{"seq": 5, "people": [{"id": 1, "held": false, "joints": [[x, y, z], ...]}]}`, millimetres, x right, y up, z towards
the camera. With feet or hands a person has `lines` too, `[[from, to, joint], ...]`: two such places, and the joint that
says the side. The connection is not encrypted.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import secrets
import socket
import threading
from http import HTTPStatus
from importlib import resources
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from engines.errors import UserError
from engines.extras import pip_install
from engines.models.skeleton import JOINTS
from realtime.bridge.listen_at import listen_at
from realtime.closing import Closing
from realtime.rig.axes import to_y_up
from realtime.rig.extremities import ON, Floats, known_lines, points_of
from realtime.wire.messages import PersonPose, PoseMessage

if TYPE_CHECKING:
    from websockets.asyncio.server import Server, ServerConnection
    from websockets.http11 import Request, Response

CODE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # none that looks like another
CODE_LENGTH = 8
WRONG_CODE = 4401  # closes a WebSocket
_ANSWER_S = 10.0  # for the code
_MAX_BYTES = 64  # a client sends a code and nothing else
_HEADERS = {
    "Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
                               "connect-src 'self' ws: wss:",
}  # fmt: skip

log = logging.getLogger("realtime.bridge")


class Web(Closing):
    """Serves page and stream in a thread of its own. `url` holds the pairing code.

    A browser that is slower than the stream gets the newest frame. Raises UserError where it cannot listen at `where`.
    """

    def __init__(self, where: str, code: str | None = None) -> None:
        host, port = listen_at(where, insecure=True)
        try:
            import websockets.asyncio.server  # noqa: F401 -- is it there?
        except ImportError as error:
            raise UserError(f"this bridge needs the package websockets: run {pip_install('bridge')}") from error
        self.code = code or "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))
        self.url = f"http://{_reachable(host)}:{port}/#{self.code}"
        self._page = resources.files("realtime.bridge").joinpath("page.html").read_bytes()
        self._newest, self._ending = "", False
        self._watchers: set[asyncio.Event] = set()
        self._loop = asyncio.new_event_loop()
        try:
            self._server: Server = self._loop.run_until_complete(self._listen(host, port))
        except OSError as error:
            self._loop.close()
            reason = error.strerror or error
            raise UserError(f"cannot listen at {where} ({reason}): choose another place with --listen") from error
        self._thread = threading.Thread(target=self._loop.run_forever, name="realtime-web", daemon=True)
        self._thread.start()

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __call__(self, message: PoseMessage) -> None:
        text = frame_json(message)
        self._loop.call_soon_threadsafe(self._tell, text)

    # ---- in the loop's thread ----

    async def _listen(self, host: str, port: int) -> Server:
        from websockets.asyncio.server import serve

        return await serve(self._watch, host, port, process_request=self._answer, max_size=_MAX_BYTES)

    async def _end(self) -> None:
        self._ending = True
        for news in self._watchers:
            news.set()
        self._server.close()
        await self._server.wait_closed()

    def _tell(self, text: str) -> None:
        self._newest = text
        for news in self._watchers:
            news.set()

    def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        """The page itself; None goes on to the WebSocket."""
        if request.path == "/stream":
            return None
        if request.path != "/":
            return connection.respond(HTTPStatus.NOT_FOUND, "there is one page here: /\n")
        response = connection.respond(HTTPStatus.OK, "")
        response.body = self._page
        for name in ("Content-Type", "Content-Length"):
            del response.headers[name]
        response.headers.update(_HEADERS | {"Content-Length": str(len(self._page))})
        return response

    async def _watch(self, connection: ServerConnection) -> None:
        from websockets.exceptions import ConnectionClosed

        news = asyncio.Event()
        try:
            if not await self._knows_code(connection):
                await connection.close(WRONG_CODE, "wrong code")
                return
            self._watchers.add(news)
            while True:
                await news.wait()
                news.clear()
                if self._ending:
                    return
                await connection.send(self._newest)
        except (ConnectionClosed, asyncio.TimeoutError):
            pass  # it has gone, or never said anything
        finally:
            self._watchers.discard(news)

    async def _knows_code(self, connection: ServerConnection) -> bool:
        said = await asyncio.wait_for(connection.recv(), _ANSWER_S)
        return isinstance(said, str) and hmac.compare_digest(said.encode(), self.code.encode())


def frame_json(message: PoseMessage) -> str:
    people = [_person(person, message.space) for person in message.persons if np.isfinite(person.root_m).all()]
    return json.dumps({"seq": message.seq, "people": people}, separators=(",", ":"))


def _person(person: PersonPose, space: str) -> dict[str, Any]:
    sent = {"id": person.id, "held": person.held, "joints": _millimetres(person.positions_m, space)}
    points = points_of(person.joints_m, person.feet_m, person.hands_m)
    if points is not None:
        places = _millimetres(np.nan_to_num(points) + person.root_m, space)
        sent["lines"] = [[places[start], places[end], ON[end - JOINTS]] for start, end in known_lines(points)]
    return sent


def _millimetres(points_m: Floats, space: str) -> list[list[int]]:
    return cast("list[list[int]]", np.rint(1000 * to_y_up(points_m, space)).astype(int).tolist())


def _reachable(host: str) -> str:
    """What others in the network call this machine, where it listens on all its addresses."""
    if host not in ("0.0.0.0", "::"):
        return f"[{host}]" if ":" in host else host
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: it asks which of the own addresses would be used
            return str(probe.getsockname()[0])
        except OSError:
            return socket.gethostname()
