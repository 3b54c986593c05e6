"""The key ring of one process: signs tokens, knows whose signatures to accept, serves the JWKS.

It looks at its store when it is used, at most once a second, and answers from memory otherwise. When the store cannot
be read it goes on with what it knows: signing for the staleness limit, publishing for as long as it lasts."""

import os
import threading
import weakref
from collections.abc import Hashable
from dataclasses import replace
from datetime import timedelta
from math import inf
from typing import Any

from flask import current_app

from oidc_server.core import clock
from oidc_server.core.crypto import Sealer
from oidc_server.core.database import Database
from oidc_server.core.errors import Reason, Unavailable
from oidc_server.core.logs import get_logger
from oidc_server.core.memory import Document
from oidc_server.core.metrics import KEY_STORE_FAILURES
from oidc_server.core.settings import Settings
from oidc_server.keys import service
from oidc_server.keys.database_store import DatabaseStore
from oidc_server.keys.directory_store import DirectoryStore
from oidc_server.keys.lifecycle import NOTICE_BOUND, STALENESS_LIMIT, SWITCH_DELAY, Policy
from oidc_server.keys.store import KeyStore, KeyStoreError, StoredKey
from oidc_server.keys.view import VerificationKey, View, build

EXTENSION = "oidc_server.keys"
LOOK_INTERVAL = 1.0  # seconds; with the second that a look may last, it makes the notice bound
_FAILED_STORE_SECONDS = 0.5
_NOTICE_SECONDS = NOTICE_BOUND.total_seconds()
_STALENESS_SECONDS = STALENESS_LIMIT.total_seconds()
_RETRY_SECONDS = int(SWITCH_DELAY.total_seconds())


class KeyRing:
    """Safe to use from many threads, and in processes forked from the one that made it."""

    def __init__(self, store: KeyStore, policy: Policy, signing_alg: str) -> None:
        self.store = store
        self.policy = policy
        self.signing_alg = signing_alg
        self._max_age = int(policy.jwks_max_age.total_seconds())
        self._looking = threading.Lock()
        self._began = inf  # when the look began that is going on
        self._next_look = -inf
        self._seen_at = -inf
        self._fingerprint: Hashable = None
        self._failure: KeyStoreError | None = None
        self._keys: tuple[StoredKey, ...] = ()
        self._view = build((), clock.seconds(), self._max_age)
        _rings.add(self)

    def ensure_first_key(self) -> None:
        """See that a key signs, making the first one of an empty store; processes that start together agree on one.

        Raises :class:`KeyStoreError`: a server does not start beside a store that it cannot read."""
        service.ensure_first_key(self.store, self.policy, self.signing_alg)
        with self._looking:
            self._read(clock.monotonic())
        self.store.close()  # a server that forks after this shares no connection with its workers

    def sign(self, claims: dict[str, Any], *, typ: str, alg: str | None = None) -> str:
        """A compact JWS of ``claims`` under ``{alg, typ, kid}``, by the present signer of ``alg``.

        Raises :class:`Unavailable` when the store has not been readable for the staleness limit, and in the seconds
        after the revocation of a signer that had no successor."""
        view = self._current()
        if clock.monotonic() - self._seen_at > _STALENESS_SECONDS:
            raise self._unreadable()
        signer = view.signers.get(alg or self.signing_alg)
        if signer is None:
            raise self._no_signer(alg or self.signing_alg)
        return signer.compact(claims, typ)

    def verification_key(self, kid: object) -> VerificationKey | None:
        """The published key of this id; None for every other value, also one that is no text."""
        return self._current().verification_keys.get(kid) if isinstance(kid, str) else None

    def jwks(self) -> Document:
        """The JWKS. While the store cannot be read, copies are good for less and less, so that none outlives the
        announcement of a key that this process cannot know of. Raises :class:`Unavailable` before the first look."""
        view = self._current()
        if self._seen_at == -inf:
            raise self._unreadable()
        age = clock.monotonic() - self._seen_at
        if age <= _NOTICE_SECONDS:
            return view.jwks
        return replace(view.jwks, max_age=max(0, self._max_age - int(age)))

    def signing_algorithms(self) -> tuple[str, ...]:
        """The algorithms that can be asked of :meth:`sign`; the configured one is always promised, and comes first."""
        return (self.signing_alg, *sorted(self._current().signers.keys() - {self.signing_alg}))

    def check(self) -> None:
        """For readiness. Raises :class:`Unavailable` when the store cannot be read or nothing signs."""
        view = self._current()
        if self._failure is not None:
            raise self._unreadable()
        if self.signing_alg not in view.signers:
            raise self._no_signer(self.signing_alg)

    def close(self) -> None:
        """Let go of the store's connections."""
        self.store.close()

    def _unreadable(self) -> Unavailable:
        detail = str(self._failure or "the key store was not read in time")
        return Unavailable(Reason.KEY_STORE_UNREADABLE, detail, retry_after=_RETRY_SECONDS)

    @staticmethod
    def _no_signer(alg: str) -> Unavailable:
        return Unavailable(Reason.NO_SIGNING_KEY, f"no key signs with {alg}", retry_after=_RETRY_SECONDS)

    def _current(self) -> View:
        """What is true now, after a look at the store if one is due."""
        if clock.monotonic() >= self._next_look:
            self._look()
        view = self._view
        seconds = clock.seconds()
        keys = self._keys
        if view.keys is not keys or not view.since <= seconds < view.until:
            view = self._view = build(keys, seconds, self._max_age)
        return view

    def _look(self) -> None:
        """Let one thread look. Others use what is there, unless the process has been idle: then it may be too old.

        After a look that failed, the next may take long and fail too: nobody waits for it, nor for one that hangs."""
        now = clock.monotonic()
        hangs = now - self._began > LOOK_INTERVAL
        idle = self._failure is None and not hangs and now - self._seen_at > _NOTICE_SECONDS
        if not self._looking.acquire(blocking=idle, timeout=LOOK_INTERVAL if idle else -1):
            return
        if self._failure is None:
            self._look_and_release()
            return
        look = threading.Thread(target=self._look_and_release, name="key-store-look", daemon=True)
        look.start()
        look.join(_FAILED_STORE_SECONDS)

    def _look_and_release(self) -> None:
        try:
            self._began = started = clock.monotonic()
            if started >= self._next_look:
                self._read(started)
        except KeyStoreError as error:
            KEY_STORE_FAILURES.inc()
            if self._failure is None:
                get_logger().error("key_store_unreadable", problem=str(error))
            self._failure = error
            self._next_look = clock.monotonic() + LOOK_INTERVAL
        finally:
            self._began = inf
            self._looking.release()

    def _read(self, started: float) -> None:
        fingerprint = self.store.fingerprint()
        if fingerprint != self._fingerprint:
            keys = self.store.load()
            if self._keys and not keys:
                # No command empties a store: its disk was unmounted, or its table restored without rows.
                raise KeyStoreError("The key store is empty, although it held keys: see what became of it.")
            self._keys = keys
            self._fingerprint = fingerprint
        self._seen_at = started
        self._next_look = started + LOOK_INTERVAL
        if self._failure is not None:
            self._failure = None
            get_logger().info("key_store_readable_again")

    def after_fork(self) -> None:
        """Called in a forked child: a lock that another thread of the parent held would never be released here."""
        self._looking = threading.Lock()
        self._began = inf
        self.store.after_fork()


_rings: "weakref.WeakSet[KeyRing]" = weakref.WeakSet()


def _after_fork() -> None:
    for ring in list(_rings):
        ring.after_fork()


os.register_at_fork(after_in_child=_after_fork)


def make_policy(settings: Settings) -> Policy:
    """What the settings say about keys."""
    days = settings.key_rotation_days
    return Policy(
        jwks_max_age=timedelta(seconds=settings.jwks_max_age),
        token_lifetime=settings.token_lifetime,
        rotation_period=timedelta(days=days) if days else None,
        rsa_key_size=settings.rsa_key_size,
        clock_skew=timedelta(seconds=settings.clock_skew_bound if settings.key_store == "database" else 0),
    )


def make_key_store(settings: Settings, database: Database) -> KeyStore:
    """The store that the settings name."""
    if settings.key_store == "database":
        return DatabaseStore(database, Sealer(settings.master_key, settings.master_key_previous))
    return DirectoryStore(settings.key_directory, settings.key_passphrase)


def make_key_ring(settings: Settings, database: Database) -> KeyRing:
    """The ring of an application; it does not touch the store before its first use."""
    return KeyRing(make_key_store(settings, database), make_policy(settings), settings.signing_alg)


def current_key_ring() -> KeyRing:
    """The key ring of the current application."""
    ring: KeyRing = current_app.extensions[EXTENSION]
    return ring
