"""Key files and the allow-list: private, atomic, checked, and read again when they change."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path

import pytest
import zmq.auth

from engines.errors import UserError
from realtime.keys.key_files import read_pair, read_public
from realtime.keys.key_store import AllowList, KeyStore, read_allowed
from realtime.wire.endpoints import ClientKeys, is_local


def test_a_new_pair_is_private_and_in_the_format_of_zeromqs_own_tools(tmp_path: Path) -> None:
    secret = KeyStore(tmp_path / "keys").new("laptop")
    for path in (secret, secret.with_suffix(".key")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(secret.parent.stat().st_mode) == 0o700
    pair = read_pair(secret)
    assert zmq.auth.load_certificate(secret) == (pair.public.encode(), pair.secret.encode())
    assert zmq.curve_public(pair.secret.encode()).decode() == pair.public
    assert "secret" not in secret.with_suffix(".key").read_text()


def test_a_name_is_used_once(tmp_path: Path) -> None:
    store = KeyStore(tmp_path)
    before = store.new("laptop").read_text()
    with pytest.raises(UserError, match="laptop"):
        store.new("laptop")
    assert (tmp_path / "laptop.key_secret").read_text() == before
    with pytest.raises(UserError, match="name"):
        store.new("../laptop")


def test_allow_and_revoke_by_name_and_by_key(tmp_path: Path) -> None:
    store, elsewhere = KeyStore(tmp_path / "here"), KeyStore(tmp_path / "elsewhere")
    store.new("server")
    store.new("laptop")
    key = read_public(elsewhere.new("robot").with_suffix(".key"))
    assert store.allow("robot", key) == key
    laptop = store.allow("laptop")
    assert read_allowed(store.allowed_path) == {key: "robot", laptop: "laptop"}
    assert [(known.name, known.allowed, known.has_secret) for known in store.known()] == [
        ("laptop", True, True), ("robot", True, False), ("server", False, True),
    ]  # fmt: skip
    assert store.revoke(key) == "robot"
    assert store.revoke("laptop") == "laptop"
    assert read_allowed(store.allowed_path) == {}
    with pytest.raises(UserError, match="not on the allow-list"):
        store.revoke("laptop")


def test_a_name_does_not_change_its_key_silently(tmp_path: Path) -> None:
    store, elsewhere = KeyStore(tmp_path / "here"), KeyStore(tmp_path / "elsewhere")
    store.new("laptop")
    store.allow("laptop")
    with pytest.raises(UserError, match="another key"):
        store.allow("laptop", read_public(elsewhere.new("laptop").with_suffix(".key")))


def test_the_allow_list_follows_its_file_and_tells_revocations(tmp_path: Path) -> None:
    store = KeyStore(tmp_path)
    allowed = AllowList(store.allowed_path)
    store.new("laptop")
    key = store.allow("laptop")
    assert allowed.name(key) is None
    assert allowed.refresh() == frozenset()
    assert allowed.name(key) == "laptop"
    store.revoke("laptop")
    assert allowed.refresh() == {key}
    assert allowed.name(key) is None
    store.allow("laptop")
    allowed.refresh()
    store.allowed_path.unlink()
    assert allowed.refresh() == {key}


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
def test_a_file_that_is_written_anew_keeps_its_owner(tmp_path: Path) -> None:
    store = KeyStore(tmp_path)
    for name in ("laptop", "robot"):
        store.new(name)
    store.allow("laptop")
    os.chown(store.allowed_path, 65534, 65534)
    store.allow("robot")
    status = store.allowed_path.stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (65534, 65534, 0o600)


def test_a_damaged_line_allows_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = KeyStore(tmp_path)
    store.new("laptop")
    key = store.allow("laptop")
    store.allowed_path.write_text(f"{key[:-1]} laptop\n\n{key}\n\xff\xfe\n", encoding="latin-1")
    with caplog.at_level(logging.WARNING):
        assert read_allowed(store.allowed_path) == {}
    assert len(caplog.records) == 3


def test_key_files_that_cannot_be_used_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="realtime keys new"):
        KeyStore(tmp_path).server()
    secret = KeyStore(tmp_path).new("laptop")
    secret.chmod(0o644)
    with pytest.raises(UserError, match="chmod 600"):
        ClientKeys.load(secret, secret.with_suffix(".key"))
    secret.chmod(0o600)
    secret.write_text("public-key = \"short\"")
    with pytest.raises(UserError, match="public-key"):
        read_pair(secret)
    with pytest.raises(UserError, match="there is no key file not-a-key"):
        read_public("not-a-key")


def test_who_is_not_known_is_not_allowed_and_told_in_words(tmp_path: Path) -> None:
    store = KeyStore(tmp_path)
    with pytest.raises(UserError, match=r"^there is no key 'ghost' in .*: make it with 'realtime keys new ghost'"):
        store.allow("ghost")
    with pytest.raises(UserError, match="--key 'abc' is neither a public key"):
        store.allow("remote", "abc")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"^cannot write .*: check your rights"):
        KeyStore(tmp_path / "file" / "keys").new("laptop")


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("tcp://127.0.0.1:5556", True), ("tcp://127.8.9.1:1", True), ("tcp://localhost:5556", True),
        ("tcp://[::1]:5", True), ("ipc:///tmp/x", True), ("inproc://x", True), ("tcp://*:5556", False),
        ("tcp://0.0.0.0:5556", False),
        ("tcp://[::]:5556", False), ("tcp://192.168.1.2:5556", False), ("tcp://eth0:5556", False),
    ],
)  # fmt: skip
def test_what_others_can_reach_is_known(address: str, local: bool) -> None:
    assert is_local(address) is local


@pytest.mark.parametrize("address", ["", "127.0.0.1:5556", "udp://1.2.3.4:5", "tcp://"])
def test_nonsense_is_no_address(address: str) -> None:
    with pytest.raises(UserError, match="address"):
        is_local(address)
