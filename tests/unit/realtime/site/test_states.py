"""What is said of a site's streams, by how its processes are."""

from __future__ import annotations

from pathlib import Path

import pytest

from realtime.process.board import Condition
from realtime.process.states import (
    DEGRADED,
    FAILED,
    RESTARTING,
    RUNNING,
    STALLED,
    STARTING,
    STOPPED,
)
from realtime.site.config import CameraConfig, SiteConfig
from realtime.site.states import of_stream, site_states

CAMERAS = (CameraConfig("door"), CameraConfig("hall"))
FUSED, ALONE = SiteConfig(CAMERAS, Path("cameras.yaml")), SiteConfig(CAMERAS)
ALL = {"door": 5, "hall": 5, "main": 5}


def conditions(door: str = RUNNING, hall: str = RUNNING, lifter: str = RUNNING) -> dict[str, Condition]:
    states = {"camera door": door, "camera hall": hall, "lifter": lifter, "viewer": RUNNING}
    return {name: Condition(state, 1, f"{name} event") for name, state in states.items()}


def said(config: SiteConfig, published: dict[str, int] = ALL, **states: str) -> dict[str, str]:
    return {name: str(told["state"]) for name, told in site_states(config, conditions(**states), published).items()}


@pytest.mark.parametrize("config", [FUSED, ALONE])
def test_all_run(config: SiteConfig) -> None:
    assert said(config) == {"door": RUNNING, "hall": RUNNING, "main": RUNNING}


@pytest.mark.parametrize("away", [RESTARTING, FAILED, STALLED, STOPPED])
def test_a_camera_that_is_away_is_so_alone_and_the_room_is_worse_off(away: str) -> None:
    assert said(FUSED, hall=away) == {"door": RUNNING, "hall": away, "main": DEGRADED}
    told = site_states(FUSED, conditions(hall=away), ALL)
    assert told["main"]["why"] == f"camera hall is {away}: camera hall event"
    assert told["hall"]["why"] == "camera hall event"
    assert told["door"]["why"] == ""


def test_without_any_camera_there_is_no_room() -> None:
    assert said(FUSED, door=STOPPED, hall=FAILED)["main"] in (STOPPED, FAILED)


@pytest.mark.parametrize("config", [FUSED, ALONE])
def test_the_lifter_is_in_everybodys_way(config: SiteConfig) -> None:
    assert said(config, lifter=RESTARTING) == {"door": RESTARTING, "hall": RESTARTING, "main": RESTARTING}


def test_a_stream_starts_until_it_is_published() -> None:
    assert said(FUSED, {"door": 3}) == {"door": RUNNING, "hall": STARTING, "main": STARTING}
    assert said(ALONE, {"door": 3})["main"] == RUNNING


def test_each_stream_has_its_own_processes() -> None:
    told = conditions()
    assert list(of_stream(FUSED, "door", told)) == ["camera door", "lifter"]
    assert list(of_stream(FUSED, "main", told)) == list(told)
    processes = site_states(FUSED, told, ALL)["hall"]["processes"]
    assert isinstance(processes, dict)
    assert list(processes) == ["camera hall", "lifter"]
