"""What the processes of the supervisor's tests do: real processes, small work. Each notes what it sees in a file."""

from __future__ import annotations

import os
import signal
import time

from engines.errors import UserError
from realtime.config import RunConfig
from realtime.contracts import Keypoints2D, Stamp
from realtime.process.link import Link, LogLine
from realtime.ring.ring import Ring


def note(link: Link, text: str) -> None:
    with open(os.environ["NOTES"], "a") as file:
        file.write(f"{link.name} {link.life} {text}\n")


def record(number: int) -> Keypoints2D:
    now = time.monotonic_ns()
    return Keypoints2D(Stamp(number, now, now), (64, 48), (), now, 0)


def produce(link: Link, config: RunConfig) -> None:
    """Ten frames, or until told to finish."""
    with Ring.attach(link.ring_name, link.doorbell) as ring:
        link.ready("small")
        link.wait_for_go()
        while not link.finishing and (config.frames is None or ring.head < config.frames):
            link.beat()
            ring.write(record(ring.head))
            time.sleep(0.005)


def produce_and_crash(link: Link, config: RunConfig) -> None:
    with Ring.attach(link.ring_name, link.doorbell) as ring:
        link.ready("small")
        link.wait_for_go()
        note(link, f"starts at {ring.head}")
        for _ in range(5):
            ring.write(record(ring.head))
        if link.life < 2:
            os._exit(7)


def produce_and_freeze(link: Link, config: RunConfig) -> None:
    if link.life == 0:
        link.ready("small")
        time.sleep(600)
    produce(link, config)


def produce_and_stop_in_setup(link: Link, config: RunConfig) -> None:
    """Stopped before its first beat, as by a person or by memory that has run out."""
    if link.life == 0:
        os.kill(os.getpid(), signal.SIGSTOP)
    produce(link, config)


def produce_and_hang_in_setup(link: Link, config: RunConfig) -> None:
    """It has a pulse, and is never ready."""
    if link.life == 0:
        time.sleep(600)
    produce(link, config)


def lift_and_chatter(link: Link, config: RunConfig) -> None:
    """Says far more than a pipe holds, in every round."""
    with Ring.attach(link.ring_name, link.doorbell) as ring:
        reader = ring.reader()
        reader.position = ring.consumed
        link.ready("small")
        while not link.stopping:
            link.beat()
            for _ in range(20):
                link.tell(LogLine(10, "realtime.chatter", "x" * 10_000))
            if reader.read_next(0.02) is not None:
                ring.mark_consumed(reader.position)
                note(link, f"read {reader.position}")
            elif ring.finished and reader.position >= ring.head:
                break


def produce_nothing(link: Link, config: RunConfig) -> None:
    raise UserError("there is no camera 9: plug one in")


def always_crash(link: Link, config: RunConfig) -> None:
    raise ZeroDivisionError("of course")


def hang(link: Link, config: RunConfig) -> None:
    link.ready("deaf")
    while True:
        link.beat()
        time.sleep(0.05)


def lift(link: Link, config: RunConfig) -> None:
    with Ring.attach(link.ring_name, link.doorbell) as ring:
        reader = ring.reader()
        reader.position = ring.consumed
        link.ready("small")
        note(link, f"pid {os.getpid()}")
        while not link.stopping:
            link.beat()
            if reader.read_next(0.05) is not None:
                ring.mark_consumed(reader.position)
            elif ring.finished and reader.position >= ring.head:
                break
        note(link, f"read {ring.consumed}")


def look_and_leave(link: Link, config: RunConfig) -> None:
    """Its window is closed by the user at once."""
    link.ready("small")


def look(link: Link, config: RunConfig) -> None:
    link.ready("small")
    note(link, f"pid {os.getpid()}")
    while not link.stopping:
        link.beat()
        time.sleep(0.02)
