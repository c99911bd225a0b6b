"""The bridges to OSC as processes: frames of a real stream, over a restart of its publisher, to a clean end."""

from __future__ import annotations

import itertools
import signal

import numpy as np
import pytest
from bridge_process import BridgeProcess
from figures import in_camera, pose, walk
from osc_reader import OscReceiver
from run_process import free_port
from waiting import until

from realtime.clock import monotonic_ns
from realtime.contracts import PoseFrame, Stamp
from realtime.server.publish import Publisher

JOINTS = in_camera(walk(300))


def publish(publisher: Publisher, person: int) -> None:
    frame = publisher.sent()
    now_ns = monotonic_ns()
    people = (pose(person, JOINTS[frame % 300]),)
    publisher.send(PoseFrame(Stamp(frame, now_ns, now_ns), (640, 480), people), engine="e")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_bones_go_on_over_a_restart_and_the_end_is_clean(number: signal.Signals) -> None:
    address = f"tcp://127.0.0.1:{free_port()}"
    with OscReceiver() as receiver, BridgeProcess("vmc", address, "--to", f"127.0.0.1:{receiver.port}") as bridge:
        bridge.wait_for("Ctrl-C ends it")

        def bones() -> int:
            return sum(address == "/VMC/Ext/Bone/Pos" for address, _ in receiver.messages())

        for person in (1, 2):
            before = bones()
            with Publisher(address, None) as publisher:
                until(lambda before=before: bones() > before + 100, lambda p=person, to=publisher: publish(to, p))
        assert bridge.end(number) == 0
        said = "\n".join(bridge.said)
        assert "frames passed on" in said
        assert "Traceback" not in said


def test_plain_joints_are_those_of_the_stream() -> None:
    with Publisher("tcp://127.0.0.1:*", None) as publisher, OscReceiver() as receiver:
        with BridgeProcess("osc", publisher.address, "--to", f"127.0.0.1:{receiver.port}") as bridge:
            until(lambda: len(receiver.packets) > 20, lambda: publish(publisher, 5))
            assert bridge.end() == 0
        hips = [values for address, values in receiver.messages() if address == "/realtime/5/hip"]
    wanted = JOINTS[:, 0] * (1, -1, -1)
    rows = [int(np.linalg.norm(wanted - place, axis=1).argmin()) for place in hips]
    np.testing.assert_allclose(hips, wanted[rows], atol=1e-5)
    assert all(earlier <= later for earlier, later in itertools.pairwise(rows))


def test_a_mistake_is_one_sentence() -> None:
    for arguments in (("vmc", "--to", "nowhere"), ("osc", "tcp://127.0.0.1:1", "--key", "mine"), ("vmc", "nonsense")):
        with BridgeProcess(*arguments) as bridge:
            assert bridge.popen.wait(60) == 2
            bridge.wait_for("realtime: ")
            assert "Traceback" not in "\n".join(bridge.said)
