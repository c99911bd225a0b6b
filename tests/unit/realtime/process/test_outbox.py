"""A process's words to a supervisor that does not listen."""

from __future__ import annotations

import multiprocessing

from waiting import until

from realtime.process.outbox import MOST, Outbox


def test_nobody_waits_for_a_listener_and_the_newest_words_are_kept() -> None:
    receiver, sender = multiprocessing.get_context("spawn").Pipe(duplex=False)
    outbox = Outbox(sender)
    count = 40 * MOST
    for number in range(count):
        outbox.put((number, "x" * 1000))  # far more than a pipe holds
    heard: list[int] = []

    def listen() -> None:
        while receiver.poll(0):
            heard.append(receiver.recv()[0])

    until(lambda: bool(heard) and heard[-1] == count - 1, listen)
    assert heard == sorted(heard)
    assert len(heard) < count
    outbox.close(5)
    receiver.close()
    sender.close()


def test_last_words_are_sent_before_the_end() -> None:
    receiver, sender = multiprocessing.get_context("spawn").Pipe(duplex=False)
    outbox = Outbox(sender)
    for number in range(100):
        outbox.put(number)
    outbox.close(10)
    assert [receiver.recv() for _ in range(100)] == list(range(100))
    receiver.close()
    outbox.put("too late")
    outbox.close(1)
    sender.close()
