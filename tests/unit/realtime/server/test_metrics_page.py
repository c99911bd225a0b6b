"""/metrics: where it listens, and what is said where it cannot."""

from __future__ import annotations

import importlib.util
import socket
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from engines.errors import UserError
from realtime.server.metrics_page import MetricsPage, metrics_place


def figures() -> Iterator[Any]:
    from prometheus_client.core import GaugeMetricFamily

    yield GaugeMetricFamily("realtime_answer", "What was asked.", 42)


@pytest.mark.parametrize(
    ("text", "place"),
    [("127.0.0.1:9464", ("127.0.0.1", 9464)), ("9464", ("127.0.0.1", 9464)), ("[::1]:0", ("::1", 0))],
)
def test_a_port_alone_is_this_machines(text: str, place: tuple[str, int]) -> None:
    assert metrics_place(text) == place


@pytest.mark.parametrize("text", ["nowhere", "", ":9464", "127.0.0.1:70000", "127.0.0.1:", "127.0.0.1:-1", "٣"])
def test_what_is_no_place_is_said(text: str) -> None:
    with pytest.raises(UserError, match="is no place to listen: write HOST:PORT"):
        metrics_place(text)


def test_it_answers_until_it_is_closed() -> None:
    pytest.importorskip("prometheus_client")
    with MetricsPage("127.0.0.1:0", figures) as page, urllib.request.urlopen(page.address, timeout=60) as answer:
        assert "realtime_answer 42.0" in answer.read().decode()
    with pytest.raises(OSError):  # noqa: PT011 refused, of one kind or another
        urllib.request.urlopen(page.address, timeout=60)


def test_a_port_that_is_taken_is_said() -> None:
    pytest.importorskip("prometheus_client")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(UserError, match=f"cannot answer /metrics at {place} .*: name another place"):
            MetricsPage(place, figures)


def test_a_missing_library_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="--metrics needs another library: run pip install '"):
        MetricsPage("127.0.0.1:0", figures)
