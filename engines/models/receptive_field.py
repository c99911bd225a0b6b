"""Which frames a streaming model reads: the taps it keeps, and what each output depends on. No torch.

Level l mixes the frames t, t - 3^l and t - 2*3^l; L levels see 3^L frames. Heads that answer for an earlier frame
(look-ahead) also read the last level's activations of t - 2, t - 4 and t - 8, from the frame they answer for until
now: the pose of then, revised since.
"""

from __future__ import annotations

from collections.abc import Sequence

LOOKAHEAD_SPANS = (2, 4)  # as taps: t - 2 and t - 4, t - 4 and t - 8
HEAD_OFFSETS = (0, 2, 4, 8)  # frames ago whose activations the heads read
CHUNK_FRAMES = 9  # at most so many frames of one stream in one call: longer spans then lie wholly before them


def head_offsets(lookaheads: Sequence[int]) -> tuple[int, ...]:
    """Frames ago that the heads read: only now, unless one of them looks ahead."""
    return HEAD_OFFSETS if max(lookaheads, default=0) else HEAD_OFFSETS[:1]


def head_reads(lookaheads: Sequence[int]) -> list[list[bool]]:
    """(H, K): whether head k reads the frame offsets[h] ago. None reads a frame older than the one it answers for."""
    return [[back <= answered for answered in lookaheads] for back in head_offsets(lookaheads)]


def level_spans(levels: int, dilated: bool = True) -> tuple[int, ...]:
    """How far back each level's first tap lies; not dilated (an ablation): always one frame."""
    return tuple(3**level if dilated else 1 for level in range(levels))


def tap_spans(levels: int, lookaheads: Sequence[int]) -> tuple[int, ...]:
    """A tap row keeps the activations of `span` and 2 * `span` frames ago: one a level, then the heads' two."""
    heads = LOOKAHEAD_SPANS if len(head_offsets(lookaheads)) > 1 else ()
    return (*level_spans(levels), *heads)


def window_frames(levels: int, lookaheads: Sequence[int]) -> int:
    """Frames of the window form: the receptive field of every frame that the heads read."""
    return int(3**levels) + head_offsets(lookaheads)[-1]


def needed_frames(spans: Sequence[int], lookaheads: Sequence[int], frames: int, outputs: int) -> list[list[int]]:
    """For each level's input, the frames to compute, ascending; then the heads' input. The last `outputs` are answered.

    `spans` are the levels'. Frames before the first repeat it.
    """
    answered, offsets = range(frames - outputs, frames), head_offsets(lookaheads)
    needed = [sorted({max(t - back, 0) for t in answered for back in offsets})]
    for span in reversed(spans):
        needed.insert(0, sorted({max(t - back * span, 0) for t in needed[0] for back in (0, 1, 2)}))
    return needed


def tap_places(at: Sequence[int], wanted: Sequence[int], offsets: Sequence[int]) -> list[list[int]]:
    """For each offset, where in `at` (frames at hand) each wanted frame's tap lies."""
    place = {frame: index for index, frame in enumerate(at)}
    return [[place[max(t - back, 0)] for t in wanted] for back in offsets]
