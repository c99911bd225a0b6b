"""What is said of a source holds no password."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from realtime.sources.address import camera_index, device_of, shown, sound


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("rtsp://admin:secret@10.0.0.7:554/live?x=1", "rtsp://10.0.0.7:554/live?x=1"),
        ("rtsp://admin:p@ss@10.0.0.7/live", "rtsp://10.0.0.7/live"),
        ("http://cam/a@b", "http://cam/a@b"),
        ("rtsp://admin:p#ss@10.0.0.7/live", "rtsp://10.0.0.7/live"),
        ("rtsp://admin:pa/ss@10.0.0.7/live", "rtsp://10.0.0.7/live"),
        ("rtsp://admin:pa?ss@cam/live", "rtsp://cam/live"),
        ("rtsp://admin:p@s/s@10.0.0.7:8554/live", "rtsp://10.0.0.7:8554/live"),
        ("rtsp://admin:x@y/secret?secret@host/live", "rtsp://y"),
        ("rtsp://admin:a/b@c@host/live", "rtsp://host/live"),
        ("rtsp://admin:secret@cam.lan/of/me@home", "rtsp://cam.lan"),
        ("http://cam/video?user=admin&pwd=se#cr@et&x=1", "http://cam/video?user=***&pwd=***&x=1"),
        ("http://cam/video?channel=1&api_token=secret", "http://cam/video?channel=1&api_token=***"),
        ("rtsp://cam:554/user=admin&password=secret&channel=1/0.sdp",
         "rtsp://cam:554/user=admin&password=***&channel=1/0.sdp"),
        ("http://[fe80::1]:8080/a@b", "http://[fe80::1]:8080/a@b"),
        ("http://cam:80/a@b", "http://cam:80/a@b"),
        ("demo", "demo"), ("0", "0"), ("me@home.mp4", "me@home.mp4"),
    ],
)  # fmt: skip
def test_an_address_is_shown_without_user_and_password(source: str, said: str) -> None:
    assert shown(source) == said


@pytest.mark.parametrize("password", ["p#ss", "pa/ss", "pa?ss", "p@ss", "p:ss", "50%", "ä ö"])
@pytest.mark.parametrize("host", ["10.0.0.7:554", "cam", "[::1]:554"])
def test_a_password_is_escaped_for_who_opens_it(password: str, host: str) -> None:
    parts = urlsplit(sound(f"rtsp://admin:{password}@{host}/live?x=1"))
    assert (parts.username, unquote(parts.password or ""), parts.netloc.rpartition("@")[2]) == ("admin", password, host)
    assert (parts.path, parts.query) == ("/live", "x=1")
    assert password not in shown(f"rtsp://admin:{password}@{host}/live?x=1")


@pytest.mark.parametrize("url", ["rtsp://a:b%40c@cam/live", "http://cam/a@b", "http://cam:80/a@b", "http://cam/x?q=a@b"])
def test_what_is_right_already_stays(url: str) -> None:
    assert sound(url) == url


def test_a_link_to_a_camera_is_that_camera(tmp_path: Path) -> None:
    link = tmp_path / "usb-Some_Camera-index0"
    link.symlink_to("/dev/video97")
    assert camera_index(str(link)) == camera_index("/dev/video97") == camera_index("97") == 97
    assert device_of(str(link)) == device_of("97")
    film = tmp_path / "film.mp4"
    film.touch()
    (tmp_path / "link.mp4").symlink_to(film)
    assert camera_index(str(tmp_path / "link.mp4")) is None


def test_no_password_in_the_name_of_a_profile() -> None:
    assert "secret" not in device_of("rtsp://admin:sec/secret@10.0.0.7/live")
    assert device_of("rtsp://user:secret@host.local:554/stream?x=1") == "host-local-554-stream"
