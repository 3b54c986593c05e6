"""Password hashing behind a gate.

The stored form is ``bcrypt-sha256$<bcrypt of base64(SHA-256(NFC password))>``: the pre-hash keeps bcrypt's 72-byte
truncation and its stop at NUL from mattering, and the prefix lets other schemes be verified and upgraded at sign-in.

Other schemes take other times. So that time does not tell an imported account from one that does not exist, an attempt
at the latter costs what it costs at some account that does, always the same for the same name (``stand_ins.py``): over
all names, attempts at missing accounts take as long as attempts at real ones."""

import base64
import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from flask import current_app

from oidc_server.core import metrics
from oidc_server.core.crypto import derive, keyed_digest
from oidc_server.core.errors import Reason, Unavailable
from oidc_server.core.settings import Settings
from oidc_server.users import password_schemes as schemes

EXTENSION = "oidc_server.passwords"
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

    def __init__(self, rounds: int, gate: HashingGate, stand_in_key: bytes = b"") -> None:
        self._rounds = rounds
        self._gate = gate
        self._stand_in_key = stand_in_key or secrets.token_bytes(32)
        self._decoy: str | None = None

    def admission(self) -> AbstractContextManager[None]:
        """A context for all that is done about one password: who could not be served is refused before it is begun.

        Raises :class:`Unavailable` when the gate is full."""
        return self._gate.admit()

    def hash(self, password: str, *, rounds_at_most: int | None = None) -> str:
        """The stored form of a password; ``rounds_at_most`` is for what is no password but random, and so cannot be
        guessed however quickly it is hashed. Raises :class:`Unavailable` when the gate is full."""
        rounds = self._rounds if rounds_at_most is None else min(self._rounds, rounds_at_most)
        with self._gate.enter():
            return schemes.make(password, rounds)

    def verify(self, password: str, stored: str | None, stand_in: str | None = None) -> bool:
        """Whether ``password`` is the one behind ``stored``.

        When there is nothing to compare with, it costs what it would cost with ``stand_in``, the hash of some other
        account, or else with a hash of ours, so that time does not tell whether an account exists.
        Raises :class:`Unavailable` when the gate is full."""
        with self._gate.enter():
            compared = next((h for h in (stored, stand_in) if h and schemes.is_known(h)), None) or self._decoy_hash()
            matches = schemes.matches(password, compared)
        return matches and compared == stored

    def needs_upgrade(self, stored: str) -> bool:
        """Whether ``stored`` is of another scheme or was made at another cost than a new hash would be."""
        return not stored.startswith(f"{schemes.OURS}$$2b${self._rounds:02d}$")

    def stand_in_point(self, login: str) -> str:
        """Where to look for the account that stands in for ``login``: a text that nobody else can foretell, so that
        nobody can choose whose times they see."""
        return base64.b32encode(keyed_digest(self._stand_in_key, login)[:10]).decode().lower()

    def _decoy_hash(self) -> str:
        if self._decoy is None:
            self._decoy = schemes.make("no password has this hash", self._rounds)
        return self._decoy


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
    # From the secret key, because every process has to choose the same account.
    key = derive(settings.secret_key, "oidc-server/password-stand-in")
    return Passwords(settings.password_hash_rounds, HashingGate(concurrency, settings.hash_waiters), key)
