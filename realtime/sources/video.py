"""A video file or network stream, decoded by FFmpeg (PyAV) into pictures as they are meant to be seen."""

from __future__ import annotations

from collections.abc import Generator
from fractions import Fraction

import av
import av.error
from av.container import InputContainer
from av.stream import Discard, Disposition
from av.video.stream import VideoStream

from realtime.clock import NS_PER_S
from realtime.sources.capture import Image
from realtime.sources.picture import Deinterlacer, Painter

OPEN_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 5.0
_RTSP_OPTIONS = {"rtsp_transport": "tcp"}  # lost packets are torn pictures


class Video:
    """A `Capture` with a timeline. What cannot be decoded is left out and counted in `damaged`; nothing is raised."""

    def __init__(
        self, target: str, timeout_s: float = OPEN_TIMEOUT_S, read_timeout_s: float = READ_TIMEOUT_S, *,
        live: bool = False, threads: int | None = None,
    ) -> None:  # fmt: skip
        """`threads` decode; None: as many as FFmpeg likes. A live stream is decoded by one.

        Raises `av.error.FFmpegError` where it does not open, ValueError where no film is in it.
        """
        options = _RTSP_OPTIONS if target.lower().startswith("rtsp") else {}
        self._container: InputContainer = av.open(target, "r", options=options, timeout=(timeout_s, read_timeout_s))
        try:
            self._stream = _film(self._container)
        except BaseException:
            self._container.close()
            raise
        if not live:  # threads are faster, and each of them a frame late
            self._stream.thread_type = "AUTO"
            self._stream.codec_context.thread_count = threads or 0
        self.damaged = 0  # packets and pictures that could not be decoded
        self.torn = 0  # pictures that were decoded with pieces missing
        self._frame: av.VideoFrame | None = None
        self._start: int | None = self._stream.start_time
        self._size_wh = (self._stream.width, self._stream.height)
        self._aspect: Fraction | None = self._stream.sample_aspect_ratio
        self._painter = Painter()
        self._frames = self._decoded()

    @property
    def fps(self) -> float:
        return float(self._stream.guessed_rate or self._stream.average_rate or 0)

    @property
    def duration_ns(self) -> int | None:
        """As the file says; None: it does not, or it is a live stream."""
        stream = self._stream
        if stream.duration and stream.time_base:
            return round(stream.duration * stream.time_base * NS_PER_S)
        return round(self._container.duration * NS_PER_S / av.time_base) if self._container.duration else None

    @property
    def is_file(self) -> bool:
        """Something with an end, wherever it lies."""
        return self._stream.frames > 0 or bool(self.duration_ns and self.duration_ns * self.fps >= NS_PER_S / 2)

    @property
    def frame_count(self) -> int:
        """As the file says, or as its length lets one expect."""
        return self._stream.frames or round((self.duration_ns or 0) * self.fps / NS_PER_S)

    @property
    def position_ns(self) -> int | None:
        """The grabbed picture's time since the beginning; None where it has none."""
        frame = self._frame
        if frame is None or frame.pts is None or frame.time_base is None:
            return None
        zero = (self._start or 0) * (self._stream.time_base or frame.time_base)
        return round((frame.pts * frame.time_base - zero) * NS_PER_S)

    def grab(self) -> bool:
        self._frame = next(self._frames, None)
        return self._frame is not None

    def retrieve(self, into: Image | None = None) -> Image | None:
        if self._frame is None:
            return None
        try:
            return self._painter.paint(self._frame, self._pixel_aspect(), into)
        except av.error.FFmpegError:
            self.damaged += 1
            return None

    def seek(self, at_ns: int) -> bool:
        """To a picture before that time, for the next `grab`; False where it stays at the beginning."""
        unit = self._stream.time_base
        if not unit:
            return False
        try:
            self._container.seek(round(at_ns / NS_PER_S / unit) + (self._start or 0), stream=self._stream)
        except (av.error.FFmpegError, OSError):
            return False
        self._frames = self._decoded()
        return True

    def release(self) -> None:
        self._frames.close()
        self._frame = None
        self._container.close()

    def _decoded(self) -> Generator[av.VideoFrame]:
        whole = Deinterlacer()
        for packet in self._packets():
            try:
                frames = self._stream.decode(packet)
            except av.error.FFmpegError:
                self.damaged += 1
                continue
            for frame in frames:
                if self._start is None:
                    self._start = frame.pts
                self.torn += frame.is_corrupt
                yield from whole.push(frame)
        yield from whole.flush()

    def _packets(self) -> Generator[av.Packet[VideoStream] | None]:
        """With an empty one at the end, at which the decoder gives what it still holds."""
        try:
            yield from self._container.demux(self._stream)
        except (av.error.FFmpegError, OSError):  # cut off, or a connection that is gone: what came is counted
            yield None

    def _pixel_aspect(self) -> Fraction | None:
        """What the container says, as players take it; pictures of another size say it themselves."""
        frame, stream = self._frame, self._stream
        if frame is not None and (frame.width, frame.height) != self._size_wh:
            return stream.codec_context.sample_aspect_ratio
        return self._aspect


def _film(container: InputContainer) -> VideoStream:
    """The one that players would show: the default track, else the best; no cover picture. Raises ValueError."""
    films = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    best = container.streams.best("video")
    default = [stream for stream in films if stream.disposition & Disposition.default]
    chosen = next((stream for stream in [best, *default, *films] if stream in films), None)
    if not isinstance(chosen, VideoStream):
        raise ValueError("it has no film in it")
    for stream in container.streams:
        if stream.index != chosen.index and hasattr(stream, "discard"):
            stream.discard = Discard.all
    return chosen
