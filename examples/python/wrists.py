"""Prints how high the hands are above the hips, from the newest pose, ten times a second.

Usage: python wrists.py [ADDRESS] [STREAM]
"""

from __future__ import annotations

import sys
import time

from realtime import subscribe

LEFT_WRIST, RIGHT_WRIST = 13, 16

address = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5556"
stream = sys.argv[2] if len(sys.argv) > 2 else "main"
with subscribe(address, stream) as subscriber:
    while True:
        message = subscriber.latest()  # never waits: right for a game's or a robot's own loop
        if message is None or not subscriber.alive:
            line = "waiting for a publisher"
        elif not message.persons:
            line = "nobody there"
        else:
            person = message.persons[0]
            # In camera axes y points down; in world axes z points up.
            heights = -person.joints_m[:, 1] if message.space == "camera" else person.joints_m[:, 2]
            line = f"left {heights[LEFT_WRIST]:+.2f} m, right {heights[RIGHT_WRIST]:+.2f} m, frame {message.seq}"
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
        time.sleep(0.1)
