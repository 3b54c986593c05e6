"""The ``directory`` key store: one file per key, ``<kid>.pem``, mode 0600 in a folder of mode 0700; for a single host.

Files appear whole or not at all, changes are made under ``flock``, a store that cannot be read in full is refused."""

import errno
import fcntl
import os
import secrets
import stat
import time
from collections.abc import Hashable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from oidc_server.keys import key_file
from oidc_server.keys.store import KeyStoreError, StoredKey

_SUFFIX = ".pem"
_TEMPORARY = ".tmp"
_LOCK = ".lock"
_LOCK_SECONDS = 10.0
_MAX_BYTES = 65536
_OPEN_TO_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class DirectoryStore:
    """Keys as files. ``passphrase`` encrypts what is written, and opens what is encrypted."""

    def __init__(self, folder: Path, passphrase: str = "") -> None:
        self.folder = folder
        self._passphrase = passphrase
        self._known: dict[tuple[str, bytes], StoredKey] = {}

    def fingerprint(self) -> Hashable:
        """The contents of all key files: they are small, and their times are too coarse to tell every change."""
        return frozenset((name, mode, sha256(content).digest()) for name, mode, content in self._scan())

    def load(self) -> tuple[StoredKey, ...]:
        """Every key. What was read before is not deciphered again."""
        files = self._scan()
        keys = {}
        for name, _mode, content in files:
            keys[name, content] = self._known.get((name, content)) or self._read(name, content)
        self._known = keys
        return tuple(keys.values())

    def _scan(self) -> list[tuple[str, int, bytes]]:
        """Name, mode and content of every key file, in the order of their names."""
        with self._failures(self.folder):
            names = sorted(name for name in os.listdir(self.folder) if name.endswith(_SUFFIX))  # noqa: PTH208
            if names and self.folder.stat().st_mode & _OPEN_TO_OTHERS:
                raise KeyStoreError(f"The key directory {self.folder} is open to others: chmod 700 {self.folder}")
        files = []
        for name in names:
            path = self.folder / name
            with self._failures(path), suppress(FileNotFoundError):  # deleted since it was listed
                descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
                with os.fdopen(descriptor, "rb") as file:
                    status = os.fstat(descriptor)
                    _refuse_unsafe(path, status)
                    files.append((name, status.st_mode, file.read()))
        return files

    def _read(self, name: str, content: bytes) -> StoredKey:
        path = self.folder / name
        try:
            key = key_file.read(content, self._passphrase)
        except key_file.KeyFileError as error:
            raise KeyStoreError(f"The key file {path} {error}") from error
        if name != key.record.kid + _SUFFIX:
            raise KeyStoreError(f"The key file {path} holds another key: rename it to {key.record.kid}{_SUFFIX}")
        return key

    @contextmanager
    def changing(self) -> Iterator["_DirectoryChanges"]:
        """Make the folder if need be, and hold its lock."""
        with self._failures(self.folder):
            self._prepare()
            lock = os.open(self.folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            with self._failures(self.folder / _LOCK):
                self._give_to_owner(lock)
                _acquire(lock, self.folder)
            yield _DirectoryChanges(self)
        finally:
            os.close(lock)

    def _prepare(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        holds_keys = any(name.endswith(_SUFFIX) for name in os.listdir(self.folder))  # noqa: PTH208
        # A folder that holds keys already is judged by load(): a person must find out who could read them.
        if not holds_keys and self.folder.stat().st_mode & _OPEN_TO_OTHERS:
            self.folder.chmod(0o700)

    def write(self, key: StoredKey) -> None:
        """Write one file atomically: beside its place, to the disk, then by renaming."""
        path = self.folder / (key.record.kid + _SUFFIX)
        temporary = self.folder / f".{key.record.kid}.{secrets.token_hex(8)}{_TEMPORARY}"
        content = key_file.write(key.record, key.material, self._passphrase)
        with self._failures(path):
            try:
                descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
                with os.fdopen(descriptor, "wb") as file:
                    self._give_to_owner(descriptor)
                    file.write(content)
                    file.flush()
                    os.fsync(descriptor)
                temporary.rename(path)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
            self._sync()

    def remove(self, kid: str) -> None:
        """Delete one file."""
        path = self.folder / (kid + _SUFFIX)
        with self._failures(path):
            path.unlink(missing_ok=True)
            self._sync()

    def sweep(self) -> int:
        """Delete temporary files: under the lock, nobody is writing them."""
        with self._failures(self.folder):
            leftovers = [path for path in self.folder.glob(f".*{_TEMPORARY}") if path.is_file()]
            for path in leftovers:
                path.unlink(missing_ok=True)
        return len(leftovers)

    def _give_to_owner(self, descriptor: int) -> None:
        """What root writes belongs to the folder's owner, or the server could not read it."""
        if os.geteuid() == 0:
            owner = self.folder.stat()
            os.fchown(descriptor, owner.st_uid, owner.st_gid)

    def _sync(self) -> None:
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    @contextmanager
    def _failures(self, path: Path) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise KeyStoreError(f"{path} cannot be used: {error.strerror}.{_mend(error, self.folder)}") from error

    def after_fork(self) -> None:
        """Nothing is shared with the parent."""

    def close(self) -> None:
        """Nothing is held open."""


class _DirectoryChanges:
    """The store while its lock is held."""

    def __init__(self, store: DirectoryStore) -> None:
        self._store = store

    def load(self) -> tuple[StoredKey, ...]:
        return self._store.load()

    def save(self, key: StoredKey) -> None:
        self._store.write(key)

    def delete(self, kid: str) -> None:
        self._store.remove(kid)

    def sweep(self) -> int:
        return self._store.sweep()


def _refuse_unsafe(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode) or status.st_size > _MAX_BYTES:
        raise KeyStoreError(f"The key file {path} is not a key file of this server: move it elsewhere")
    if status.st_mode & _OPEN_TO_OTHERS:
        raise KeyStoreError(f"The key file {path} is open to others: chmod 600 {path}, and rotate if it was read")


def _acquire(lock: int, folder: Path) -> None:
    """Wait for the lock, but not for ever: its holder may hang on a broken disk."""
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise KeyStoreError(
                    f"Another process has been changing the keys in {folder} for {_LOCK_SECONDS:.0f} seconds: end it"
                ) from None
            time.sleep(0.02)


def _mend(error: OSError, folder: Path) -> str:
    if error.errno == errno.ENOENT:
        return " Make it, or see that what holds it is mounted."
    if error.errno in {errno.EACCES, errno.EPERM}:
        return f" Give {folder} and its files to the user that runs this server."
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return " Make room on the disk; no file was changed halfway."
    return ""
