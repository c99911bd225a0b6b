"""Who may subscribe: the publisher's key, the clients' keys and the allow-list, in one directory."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from pathlib import Path

import zmq

from engines.errors import UserError
from engines.folders import config_dir
from realtime.keys.key_files import (
    PUBLIC_SUFFIX,
    SECRET_SUFFIX,
    KeyPair,
    is_key,
    read_pair,
    read_public,
    write_pair,
    write_private,
)

SERVER = "server"
ALLOWED_FILE = "allowed"
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")

log = logging.getLogger("realtime.keys")


def default_directory() -> Path:
    return config_dir() / "keys"


@dataclass(frozen=True, slots=True)
class KnownKey:
    name: str
    public: str
    allowed: bool
    has_secret: bool  # the pair was made here


class KeyStore:
    """The directory of keys. Every change is written at once and atomically."""

    def __init__(self, directory: Path | None = None) -> None:
        self.directory = default_directory() if directory is None else directory
        self.allowed_path = self.directory / ALLOWED_FILE

    def new(self, name: str) -> Path:
        """Makes a pair and returns the path of its secret file. Raises UserError where the name is taken."""
        self._check(name)
        secret = self.directory / f"{name}{SECRET_SUFFIX}"
        if secret.exists() or (self.directory / f"{name}{PUBLIC_SUFFIX}").exists():
            raise UserError(f"there is a key '{name}' in {self.directory}: take another name or remove its files")
        public, private = zmq.curve_keypair()
        return write_pair(self.directory, name, KeyPair(public.decode(), private.decode()))

    def server(self) -> KeyPair:
        """The publisher's own pair. Raises UserError where there is none."""
        path = self.directory / f"{SERVER}{SECRET_SUFFIX}"
        if not path.exists():
            raise UserError(f"the publisher has no key in {self.directory}: run 'realtime keys new {SERVER}'")
        return read_pair(path)

    def allow(self, name: str, public: str | None = None) -> str:
        """Puts a key on the allow-list, by the name of a pair made here or as a key with a name; returns the key."""
        self._check(name)
        key = self._public(name) if public is None else _given(public)
        allowed = {other: kept for kept, other in read_allowed(self.allowed_path).items()}
        if allowed.get(name, key) != key:
            raise UserError(f"'{name}' is on the allow-list with another key: run 'realtime keys revoke {name}' first")
        self._write({**{other: kept for other, kept in allowed.items() if kept != key}, name: key})
        return key

    def revoke(self, name_or_key: str) -> str:
        """Takes a key off the allow-list, at once also for who is connected with it; returns its name."""
        allowed = read_allowed(self.allowed_path)
        for key, name in allowed.items():
            if name_or_key in (key, name):
                self._write({other: kept for kept, other in allowed.items() if kept != key})
                return name
        raise UserError(f"'{name_or_key}' is not on the allow-list: 'realtime keys list' shows who is")

    def known(self) -> list[KnownKey]:
        """Every key of the directory and of the allow-list, by name."""
        allowed = read_allowed(self.allowed_path)
        keys = {key: KnownKey(name, key, True, False) for key, name in allowed.items()}
        for path in self.directory.glob(f"*{PUBLIC_SUFFIX}"):
            name, key = path.name.removesuffix(PUBLIC_SUFFIX), read_public(path)
            keys[key] = KnownKey(name, key, key in allowed, path.with_name(f"{name}{SECRET_SUFFIX}").exists())
        return sorted(keys.values(), key=lambda known: known.name)

    def _public(self, name: str) -> str:
        path = self.directory / f"{name}{PUBLIC_SUFFIX}"
        if not path.exists():
            raise UserError(f"there is no key '{name}' in {self.directory}: make it with 'realtime keys new {name}', "
                            "or give one made elsewhere with --key")  # fmt: skip
        return read_public(path)

    def _write(self, names: dict[str, str]) -> None:
        write_private(self.allowed_path, "".join(f"{key} {name}\n" for name, key in sorted(names.items())))

    @staticmethod
    def _check(name: str) -> None:
        if not _NAME.fullmatch(name):
            raise UserError(f"'{name}' is no key name: use 1 to 64 letters, digits, '.', '_' or '-'")


def _given(public: str) -> str:
    """A key, or the file of one, as typed by the user."""
    if not is_key(public) and not Path(public).exists():
        raise UserError(f"--key '{public}' is neither a public key of 40 characters nor a file that holds one")
    return read_public(public)


def read_allowed(path: Path) -> dict[str, str]:
    """The allow-list: public key -> name. No file: nobody. A line that makes no sense allows nobody and is logged.

    Raises UserError where it cannot be read.
    """
    try:
        lines = path.read_text(encoding="ascii", errors="replace").splitlines()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UserError(f"cannot read the allow-list {path} ({error.strerror}): check your rights") from error
    allowed: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        key, _, name = line.strip().partition(" ")
        if is_key(key) and _NAME.fullmatch(name):
            allowed[key] = name
        elif line.strip():
            log.warning("%s line %d is not 'KEY NAME': it allows nobody", path, number)
    return allowed


class AllowList:
    """The allow-list as it is on disk now: read again whenever the file changes. Raises UserError as read_allowed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mark: tuple[int, int, int] | None = None
        self._allowed: dict[str, str] = {}
        self._unreadable = False
        self._read()

    def refresh(self) -> frozenset[str]:
        """Reads the file if it changed; returns the keys that were revoked since the last call.

        Who was allowed stays so while it cannot be read (logged).
        """
        before = self._allowed
        try:
            self._read()
        except UserError as error:
            if not self._unreadable:
                log.warning("%s; until then those whom it allowed before stay allowed", error)
            self._unreadable = True
            return frozenset()
        self._unreadable = False
        return frozenset(before.keys() - self._allowed.keys())

    def _read(self) -> None:
        try:
            stat = self._path.stat()
            mark = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
        except OSError:  # no file, or no way to it: reading tells
            mark = None
        if mark is None or mark != self._mark:
            self._allowed, self._mark = read_allowed(self._path), mark

    def name(self, public: str) -> str | None:
        """The name a key is allowed under, None where it is not."""
        return self._allowed.get(public)
