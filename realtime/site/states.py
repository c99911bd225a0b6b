"""What the status of a site's streams says of its processes: of each camera's, and of the room's."""

from __future__ import annotations

from collections.abc import Mapping

from realtime.pipeline.stream_state import stream_state
from realtime.process.board import Condition
from realtime.process.states import DEGRADED, RUNNING, STOPPED
from realtime.site.config import SiteConfig
from realtime.site.processes import LIFTER, name_of

Conditions = Mapping[str, Condition]


def of_stream(config: SiteConfig, stream: str, conditions: Conditions) -> dict[str, Condition]:
    """The processes that a stream goes through: a camera's own and the lifter; of the room's stream all there are."""
    own = {name_of(one) for one in config.camera if one.name == stream}
    return {name: one for name, one in conditions.items() if not own or name in own or name == LIFTER}


def site_states(
    config: SiteConfig, conditions: Conditions, published: Mapping[str, int]
) -> dict[str, dict[str, object]]:
    """By stream, as `stream_state` has it. `published`: frames of each since the lifter was started last."""
    told = {}
    for one in config.camera:
        own = of_stream(config, one.name, conditions)
        told[one.name] = stream_state(own, bool(published.get(one.name)), tuple(own))
        camera = conditions[name_of(one)]
        if camera.state == STOPPED:
            told[one.name] |= {"state": STOPPED, "why": camera.event, **_since(camera)}
    fused = config.cameras is not None
    whole = stream_state(conditions, bool(published.get(config.stream.name)) if fused else any(published.values()),
                         (LIFTER,))  # fmt: skip
    return {**told, config.stream.name: _of_the_room(config, conditions, whole)}


def _of_the_room(config: SiteConfig, conditions: Conditions, whole: dict[str, object]) -> dict[str, object]:
    """A camera that is away makes it worse, all of them end it."""
    away = {name: conditions[name] for name in map(name_of, config.camera) if conditions[name].state != RUNNING}
    if whole["state"] != RUNNING or not away:
        return whole
    last = max(away.values(), key=lambda one: one.since_ns)
    why = "; ".join(f"{name} is {one.state}: {one.event}" if one.event else f"{name} is {one.state}"
                    for name, one in away.items())  # fmt: skip
    return {**whole, "state": DEGRADED if len(away) < len(config.camera) else last.state, "why": why, **_since(last)}


def _since(condition: Condition) -> dict[str, object]:
    return {"state_since_ns": condition.as_fields()["since_ns"]}
