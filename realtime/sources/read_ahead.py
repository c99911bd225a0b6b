"""A file decoded one frame ahead of its reader, on a thread: at full speed, decoding and detecting overlap."""

from __future__ import annotations

import contextlib
import queue
import threading

from realtime.clock import monotonic_ns
from realtime.closing import Closing
from realtime.contracts import Stamp
from realtime.process.priority import give_way
from realtime.sources.source import Frame, Source

_POLL_S = 0.1


class ReadAhead(Closing):
    """Reads `source`, whose pictures last while they are held, on a thread of its own; one of them waits here."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.name, self.live, self.fps, self.image_wh = source.name, source.live, source.fps, source.image_wh
        self.dropped = 0
        self._waiting: queue.Queue[Frame | BaseException | None] = queue.Queue(1)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._decode, name="read-ahead", daemon=True)
        self._thread.start()

    def read(self, timeout_s: float | None = None) -> Frame | None:
        """See `Source.read`. Stamped when it is taken: waiting here is not the pipeline's delay."""
        if self._closed.is_set():
            return None
        try:
            frame = self._waiting.get(timeout=timeout_s)
        except queue.Empty:
            raise TimeoutError(f"no frame of {self.name} within {timeout_s} s") from None
        if frame is None or isinstance(frame, BaseException):
            self._closed.set()
            if frame is not None:
                raise frame
            return None
        self.dropped = self._source.dropped
        return Frame(Stamp(frame.stamp.frame_id, monotonic_ns(), frame.stamp.source_ns), frame.image_bgr)

    def close(self) -> None:
        """The reader, if it waits, gets None; the thread ends after the frame it is at."""
        self._closed.set()
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait(None)

    def release(self) -> None:
        self._thread.join()
        self._source.close()
        self._source.release()

    def _decode(self) -> None:
        give_way()  # to the detector and the lifter: this has time until the next picture
        while not self._closed.is_set():
            try:
                frame = self._source.read()
            except BaseException as error:  # noqa: BLE001 - handed to the reader
                self._hand_over(error)
                return
            self._hand_over(frame)
            if frame is None:
                return

    def _hand_over(self, what: Frame | BaseException | None) -> None:
        while not self._closed.is_set():
            with contextlib.suppress(queue.Full):
                self._waiting.put(what, timeout=_POLL_S)
                return
