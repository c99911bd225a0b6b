"""One round of lifting: a frame of each stream that has one waiting, who waited longest first, in one batch.

A stream that has come from another server is caught up with what it has seen before, a frame in a round as well: it is
remembered and not published, and waits for its turn behind everybody's new frames.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace

from engines.errors import UserError
from engines.lifting.poses import Lifter
from realtime.clock import elapsed_ms, monotonic_ns
from realtime.contracts import Keypoints2D, PoseFrame
from realtime.pipeline.lift_batch import MOST_AT_ONCE, push_together
from realtime.pipeline.tracked import View
from realtime.serve.seat import Arrived, Seat

Publish = Callable[[Seat, PoseFrame, int], None]  # and when the frame was received
PublishKeypoints = Callable[[Seat, Keypoints2D], None]

log = logging.getLogger("realtime.serve")


def lift_round(
    lifter: Lifter, seats: Iterable[Seat], publish: Publish, publish_keypoints: PublishKeypoints
) -> int:  # fmt: skip
    """Lifts and publishes; how many frames. One stream's frame at a time: a fast one has no more turns than others."""
    chosen = sorted((seat for seat in seats if seat.waiting), key=_turn)
    begun_ns = monotonic_ns()
    looked = [one for seat in chosen[:MOST_AT_ONCE] if (one := _look(seat)) is not None]
    poses = push_together(lifter, [(seat.people, view.source_ns, view.sightings) for seat, _, view in looked])
    for (seat, arrived, view), lifted in zip(looked, poses, strict=True):
        try:
            frame = seat.lift.place(view, lifted)
        except Exception as error:  # noqa: BLE001 a fault of ours, which one stream has met: the others go on
            _give_up(seat, error)
            continue
        if arrived.past:
            continue
        latency_ms = _latencies(arrived, begun_ns, monotonic_ns())
        publish(seat, replace(frame, latency_ms=latency_ms), arrived.received_ns)
    for seat, arrived, view in looked:  # what no pose waits for
        if not arrived.past:
            publish_keypoints(seat, view.keypoints)
        seat.lift.finish()
    return len(looked)


def _turn(seat: Seat) -> tuple[bool, int]:
    return seat.waiting[0].past, seat.waiting[0].received_ns


def _look(seat: Seat) -> tuple[Seat, Arrived, View] | None:
    arrived = seat.waiting.popleft()
    try:
        return seat, arrived, seat.lift.look(seat.counted(arrived.keypoints))
    except UserError as error:  # a calibration that is kept for this stream and cannot be used
        if not seat.unusable:
            log.warning("'%s' is not lifted: %s", seat.stream, error)
        seat.unusable = True
    except Exception as error:  # noqa: BLE001 as in the round
        _give_up(seat, error)
    return None


def _give_up(seat: Seat, error: Exception) -> None:
    """Told once; its people begin anew with its next frame."""
    if not seat.unusable:
        log.error("a frame of '%s' could not be lifted", seat.stream, exc_info=error)
    seat.unusable = True
    seat.forget_people()


def _latencies(arrived: Arrived, begun_ns: int, lifted_ns: int) -> dict[str, float]:
    stamp, detected_ns = arrived.keypoints.stamp, arrived.keypoints.detected_ns
    return {
        "detect": elapsed_ms(stamp.capture_ns, detected_ns),
        "network": elapsed_ms(detected_ns, arrived.received_ns),
        "wait": elapsed_ms(arrived.received_ns, begun_ns),
        "lift": elapsed_ms(begun_ns, lifted_ns),
        "total": elapsed_ms(stamp.capture_ns, lifted_ns),
    }
