"""CURVE key files, in the certificate format that ZeroMQ's own tools read and write (ZPL)."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from engines.errors import UserError
from engines.write_aside import writing

SECRET_SUFFIX, PUBLIC_SUFFIX = ".key_secret", ".key"
_Z85_KEY = re.compile(r"[0-9A-Za-z.\-:+=^!/*?&<>()\[\]{}@%$#]{40}")


@dataclass(frozen=True, slots=True)
class KeyPair:
    """Z85 texts of 40 characters each."""

    public: str
    secret: str


def is_key(text: str) -> bool:
    return _Z85_KEY.fullmatch(text) is not None


def read_pair(path: Path) -> KeyPair:
    """A `NAME.key_secret` file. Raises UserError, also where others than the owner may read it."""
    content = _read(path)
    if os.name == "posix" and path.stat().st_mode & 0o077:
        raise UserError(f"{path} holds a secret key that others can read: run 'chmod 600 {path}'")
    return KeyPair(_field(content, "public-key", path), _field(content, "secret-key", path))


def read_public(key: Path | str) -> str:
    """A public key: the 40 characters themselves, or a file that holds them. Raises UserError."""
    if isinstance(key, str) and is_key(key):
        return key
    return _field(_read(Path(key)), "public-key", Path(key))


def write_pair(directory: Path, name: str, pair: KeyPair) -> Path:
    """Writes NAME.key_secret (0600) and NAME.key; returns the path of the secret one."""
    public = f'metadata\n    name = "{name}"\ncurve\n    public-key = "{pair.public}"\n'
    write_private(directory / f"{name}{PUBLIC_SUFFIX}", public)
    secret = directory / f"{name}{SECRET_SUFFIX}"
    write_private(secret, f'{public}    secret-key = "{pair.secret}"\n')
    return secret


def write_private(path: Path, content: str) -> None:
    """Written aside as 0600 and put in place at once: never readable by others, never half written.

    A file that was there keeps its owner: a publisher that runs as somebody else must be able to read it. Raises
    UserError where it cannot be written.
    """
    with writing(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        aside = path.with_name(f"{path.name}.{os.getpid()}")
        aside.unlink(missing_ok=True)
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            _keep_owner(aside, path)
            os.replace(aside, path)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise


def _keep_owner(aside: Path, path: Path) -> None:
    if os.name == "posix" and path.exists():
        old, new = path.stat(), aside.stat()
        if old.st_uid != new.st_uid:
            os.chown(aside, old.st_uid, old.st_gid)


def _read(path: Path) -> str:
    try:
        with path.open(encoding="ascii") as file:
            return file.read(4096)
    except FileNotFoundError as error:
        raise UserError(f"there is no key file {path}: 'realtime keys new' makes one") from error
    except OSError as error:
        raise UserError(f"cannot read the key file {path} ({error.strerror}): check your rights") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not a key file: 'realtime keys new' makes one") from error


def _field(content: str, name: str, path: Path) -> str:
    found = re.search(rf'^\s*{name}\s*=\s*"([^"]*)"\s*$', content, re.MULTILINE)
    if found is None or not is_key(found[1]):
        raise UserError(f"{path} holds no {name}: 'realtime keys new' makes key files")
    return found[1]
