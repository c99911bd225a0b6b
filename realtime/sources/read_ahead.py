"""A file decoded one frame ahead of its reader, on a thread: at full speed, decoding and detecting overlap."""

from __future__ import annotations

import contextlib
import itertools
import queue
import threading

import numpy as np

from realtime.clock import monotonic_ns
from realtime.closing import Closing
from realtime.contracts import Stamp
from realtime.sources.source import Frame, Source

_POLL_S = 0.1


class ReadAhead(Closing):
    """Reads `source` on a thread of its own. Three buffers: with the reader, waiting, being decoded into."""

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
        width, height = self.image_wh
        buffers = [np.empty((height, width, 3), np.uint8) for _ in range(3)]
        for count in itertools.count():
            if self._closed.is_set():
                return
            try:
                frame = self._source.read()
            except BaseException as error:  # noqa: BLE001 - handed to the reader
                self._hand_over(error)
                return
            if frame is None:
                self._hand_over(None)
                return
            if buffers[count % 3].shape != frame.image_bgr.shape:  # pictures of another size from here on
                buffers[count % 3] = np.empty_like(frame.image_bgr)
            np.copyto(buffers[count % 3], frame.image_bgr)
            self._hand_over(Frame(frame.stamp, buffers[count % 3]))

    def _hand_over(self, what: Frame | BaseException | None) -> None:
        while not self._closed.is_set():
            with contextlib.suppress(queue.Full):
                self._waiting.put(what, timeout=_POLL_S)
                return
