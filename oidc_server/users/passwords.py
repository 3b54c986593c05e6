"""Password hashing behind a gate.

The stored form is ``bcrypt-sha256$<bcrypt of base64(SHA-256(NFC password))>``: the pre-hash keeps bcrypt's 72-byte
truncation and its stop at NUL from mattering, and the prefix lets other schemes be verified and upgraded at sign-in."""

import base64
import hashlib
import os
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import bcrypt
from flask import current_app

from oidc_server.core import metrics
from oidc_server.core.errors import Reason, Unavailable
from oidc_server.core.settings import Settings

EXTENSION = "oidc_server.passwords"
_SCHEME = "bcrypt-sha256$"
_RETRY_AFTER_SECONDS = 2
_WAIT_SECONDS = 3.0


class HashingGate:
    """Admits ``concurrency`` hashings at once and lets ``waiters`` more wait; beyond that it refuses at once.

    bcrypt releases the GIL, so what is bounded here is processor time, and the threads of a worker process stay free
    for the requests that need no password."""

    def __init__(self, concurrency: int, waiters: int) -> None:
        self._admitted = threading.BoundedSemaphore(concurrency + waiters)
        self._running = threading.BoundedSemaphore(concurrency)
        self._mine = threading.local()

    @contextmanager
    def admit(self) -> Iterator[None]:
        """A place for this thread and all it hashes in the block. Raises :class:`Unavailable` when there is none."""
        if getattr(self._mine, "admitted", False):
            yield
            return
        if not self._admitted.acquire(blocking=False):
            raise Unavailable(Reason.HASHING_BUSY, retry_after=_RETRY_AFTER_SECONDS)
        self._mine.admitted = True
        try:
            yield
        finally:
            self._mine.admitted = False
            self._admitted.release()

    @contextmanager
    def enter(self) -> Iterator[None]:
        """Wait for a turn. Raises :class:`Unavailable` when too many wait already, or the turn comes too late."""
        with self.admit():
            metrics.PASSWORDS_WAITING.inc()
            try:
                its_turn = self._running.acquire(timeout=_WAIT_SECONDS)
            finally:
                metrics.PASSWORDS_WAITING.dec()
            if not its_turn:
                raise Unavailable(Reason.HASHING_BUSY, "the wait", retry_after=_RETRY_AFTER_SECONDS)
            try:
                yield
            finally:
                self._running.release()


class Passwords:
    """Makes and checks password hashes at one cost, behind one gate."""

    def __init__(self, rounds: int, gate: HashingGate) -> None:
        self._rounds = rounds
        self._gate = gate
        self._decoy: str | None = None

    def admission(self) -> AbstractContextManager[None]:
        """A context for all that is done about one password: who could not be served is refused before it is begun.

        Raises :class:`Unavailable` when the gate is full."""
        return self._gate.admit()

    def hash(self, password: str) -> str:
        """The stored form of a password. Raises :class:`Unavailable` when the gate is full."""
        with self._gate.enter():
            return _SCHEME + bcrypt.hashpw(_prehash(password), bcrypt.gensalt(self._rounds)).decode()

    def verify(self, password: str, stored: str | None) -> bool:
        """Whether ``password`` is the one behind ``stored``.

        Costs the same when there is nothing to compare with, so that time does not tell whether an account exists.
        Raises :class:`Unavailable` when the gate is full."""
        with self._gate.enter():
            known = stored is not None and stored.startswith(_SCHEME)
            matches = bcrypt.checkpw(
                _prehash(password), (stored if known and stored else self._decoy_hash())[len(_SCHEME) :].encode()
            )
        return matches and known

    def needs_upgrade(self, stored: str) -> bool:
        """Whether ``stored`` was made at another cost than a new hash would be."""
        return not stored.startswith(f"{_SCHEME}$2b${self._rounds:02d}$")

    def _decoy_hash(self) -> str:
        if self._decoy is None:
            self._decoy = _SCHEME + bcrypt.hashpw(b"no password has this hash", bcrypt.gensalt(self._rounds)).decode()
        return self._decoy


def _prehash(password: str) -> bytes:
    normal = unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
    return base64.b64encode(hashlib.sha256(normal).digest())


def current_passwords() -> Passwords:
    """The password hashing of the current application."""
    passwords: Passwords = current_app.extensions[EXTENSION]
    return passwords


def make_passwords(settings: Settings) -> Passwords:
    """Password hashing as the settings want it; by default a worker process hashes on its share of the processors.

    One thread at least stays free for the requests that need no password."""
    share = (os.cpu_count() or 1) // settings.workers
    spare_threads = settings.threads - settings.hash_waiters - 1
    concurrency = settings.hash_concurrency or max(1, min(share, spare_threads))
    return Passwords(settings.password_hash_rounds, HashingGate(concurrency, settings.hash_waiters))
