"""What is said of a source holds no password."""

from __future__ import annotations

import pytest

from realtime.sources.address import shown


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("rtsp://admin:secret@10.0.0.7:554/live?x=1", "rtsp://10.0.0.7:554/live?x=1"),
        ("rtsp://admin:p@ss@10.0.0.7/live", "rtsp://10.0.0.7/live"),
        ("http://cam/a@b", "http://cam/a@b"),
        ("demo", "demo"), ("0", "0"), ("me@home.mp4", "me@home.mp4"),
    ],
)  # fmt: skip
def test_an_address_is_shown_without_user_and_password(source: str, said: str) -> None:
    assert shown(source) == said
