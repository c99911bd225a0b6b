"""The public names, the commands and their options are all still there."""

from __future__ import annotations

import dataclasses
import inspect
import json
from importlib import metadata
from typing import Any

import typer.main
from previous_version import FILES

import realtime
from realtime import ClockOffset, PersonPose, PoseMessage, Subscriber, subscribe
from realtime.cli import command_group


def test_the_public_names_are_there() -> None:
    assert set(realtime.__all__) >= {
        "subscribe", "Subscriber", "PoseMessage", "PersonPose", "ClockOffset", "__version__",
    }  # fmt: skip
    assert realtime.__version__ == metadata.version("realtime-pose")
    (entry,) = metadata.entry_points(group="console_scripts", name="realtime")
    assert callable(entry.load())
    fields = {kind: {field.name for field in dataclasses.fields(kind)} for kind in (PoseMessage, PersonPose)}
    assert fields[PoseMessage] >= {
        "stream", "session", "seq", "frame_id", "t_capture_ns", "t_publish_ns", "image_wh", "space", "scale",
        "skeleton", "calibration", "engine", "model", "lookahead", "dropped", "persons", "latency_ms", "t_receive_ns",
        "gap", "new_session", "clock",
    }  # fmt: skip
    assert fields[PersonPose] >= {
        "id", "joints_m", "root_m", "sigma_m", "score", "lag_frames", "window_fill", "held",
    }  # fmt: skip
    assert ClockOffset(offset_ns=3, round_trip_ns=1).to_local_ns(5) == 2
    assert set(inspect.signature(Subscriber).parameters) >= {
        "address", "stream", "latest_only", "timeout_s", "keys", "min_rate_hz", "high_water", "rpc_address",
    }  # fmt: skip


def test_subscribe_is_called_as_before() -> None:
    assert subscribe is realtime.subscribe
    with realtime.subscribe("tcp://127.0.0.1:9", "main", True, 0.0) as subscriber:
        assert isinstance(subscriber, Subscriber)
        assert subscriber.latest() is None


def test_no_command_and_no_option_has_gone() -> None:
    found: dict[str, set[str]] = {}

    def walk(command: Any, name: str) -> None:
        for below in getattr(command, "commands", {}).values():
            walk(below, f"{name} {below.name}".strip())
        found[name] = {option for one in command.params for option in (*one.opts, *one.secondary_opts)}

    walk(typer.main.get_command(command_group()), "")
    for name, options in json.loads((FILES / "commands.json").read_text()).items():
        assert not set(options) - found[name], name
