"""API keys as services send them in ``X-API-Key``: proved by one look-up of the digest, kept in process a few seconds.

A revoked key, or one that a rotation ended, stops within that bound; one that expires stops at its instant."""

import threading
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from cachetools import TTLCache
from flask import current_app
from sqlalchemy import Table, bindparam, or_, select, update
from sqlalchemy.exc import SQLAlchemyError

from oidc_server.clients.api_key_format import KEY, Network, is_within, parse_network
from oidc_server.clients.models import ApiKey
from oidc_server.core import clock, crypto, logs
from oidc_server.core.database import Database
from oidc_server.core.errors import Reason, Refusal
from oidc_server.core.limit_rules import UNKNOWN_API_KEYS
from oidc_server.core.limits import Limits, address_key
from oidc_server.core.statements import HotStatement

EXTENSION = "oidc_server.api_keys"
USE_WRITTEN_EVERY = timedelta(minutes=1)
_KEYS_AT_MOST = 5000

_KEY = cast("Table", ApiKey.__table__)
# One parameter that stands twice: two of one name would be converted twice.
_GIVEN = bindparam("digest", type_=_KEY.c.digest.type)
_BY_DIGEST = HotStatement(
    "api_key_by_digest",
    select(
        *(_KEY.c[name] for name in (
            "id", "prefix", "digest", "previous_expires_at", "scope", "networks", "expires_at", "revoked_at",
            "last_used_at",
        ))
    ).where(or_(_KEY.c.digest == _GIVEN, _KEY.c.previous_digest == _GIVEN)),
)  # fmt: skip

log = logs.get_logger()


class ApiKeyRefused(Refusal):
    """The key does not prove who calls; with ``retry_after``, in seconds, after too many that nobody has."""

    def __init__(self, reason: Reason, detail: str | None = None, *, retry_after: int | None = None) -> None:
        super().__init__(reason, detail, retry_after=retry_after)
        self.status = 401 if retry_after is None else 429


@dataclass(frozen=True, slots=True)
class ProvenKey:
    """The key that a request was made with."""

    id: uuid.UUID
    prefix: str
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Known:
    """A key by one of its secrets, at one moment; ``expires_at`` is when that secret ends."""

    key: ProvenKey
    networks: Sequence[Network]
    expires_at: datetime | None
    revoked: bool
    last_used_at: datetime | None

    def fault(self, address: str) -> Reason | None:
        """Why a request from this address may not use it, or None when it may."""
        if self.revoked:
            return Reason.API_KEY_REVOKED
        if self.expires_at is not None and self.expires_at <= clock.now():
            return Reason.API_KEY_EXPIRED
        if self.networks and not is_within(address, self.networks):
            return Reason.API_KEY_NETWORK
        return None


def _known(row: Any, digest: bytes) -> _Known:
    ends = [row.expires_at] if row.digest == digest else [row.expires_at, row.previous_expires_at]
    return _Known(
        key=ProvenKey(row.id, row.prefix, frozenset(row.scope.split())),
        networks=tuple(map(parse_network, row.networks)),
        expires_at=min((end for end in ends if end is not None), default=None),
        revoked=row.revoked_at is not None,
        last_used_at=row.last_used_at,
    )


class ApiKeys:
    """Proves keys; what it knows of one is at most ``seconds`` old."""

    def __init__(self, database: Database, limits: Limits, seconds: int) -> None:
        self._database = database
        self._limits = limits
        self._lock = threading.Lock()
        self._remembered: TTLCache[bytes, _Known] = TTLCache(_KEYS_AT_MOST, seconds, timer=clock.seconds)
        self._written: TTLCache[uuid.UUID, None] = TTLCache(
            _KEYS_AT_MOST, USE_WRITTEN_EVERY.total_seconds(), timer=clock.seconds
        )

    def prove(self, secret: str, address: str) -> ProvenKey:
        """The key that ``secret`` is, used from ``address``. Raises :class:`ApiKeyRefused`.

        A good key always passes: it has 256 bits and cannot be guessed, so the limit on unknown keys never stands in
        the way of a service that has the same address as who guesses."""
        if not secret:
            raise ApiKeyRefused(Reason.API_KEY_MISSING)
        shape = KEY.fullmatch(secret)
        known = None if shape is None else self._find(crypto.digest(secret))
        if known is None:
            # The first characters are shown in lists; whatever else was sent might be another secret.
            raise self._unknown(address, None if shape is None else shape["prefix"])
        reason = known.fault(address)
        if reason is not None:
            raise ApiKeyRefused(reason, known.key.prefix)
        self._note_use(known)
        return known.key

    def _find(self, digest: bytes) -> _Known | None:
        """Unknown ones are not remembered: strangers could fill the memory."""
        with self._lock:
            known = self._remembered.get(digest)
        if known is not None:
            return known
        row = self._database.ask(_BY_DIGEST, digest=digest)
        if row is None:
            return None
        known = _known(row, digest)
        with self._lock:
            self._remembered[digest] = known
        return known

    def _unknown(self, address: str, prefix: str | None) -> ApiKeyRefused:
        where = address_key(address)
        if self._limits.hit(UNKNOWN_API_KEYS, where):
            return ApiKeyRefused(Reason.API_KEY_UNKNOWN, prefix)
        retry_after = self._limits.retry_after(UNKNOWN_API_KEYS, where)
        return ApiKeyRefused(Reason.API_KEY_THROTTLED, prefix, retry_after=retry_after)

    def _note_use(self, known: _Known) -> None:
        """Write down that a key is used, unless this process or another one has within the last minute. So what is
        shown lags behind by little more than a minute, and nothing waits in memory to be lost."""
        now = clock.now()
        if known.last_used_at is not None and known.last_used_at > now - USE_WRITTEN_EVERY:
            return
        with self._lock:
            if known.key.id in self._written:
                return
            self._written[known.key.id] = None
        outdated = or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at <= now - USE_WRITTEN_EVERY)
        try:
            with self._database.transaction() as session:
                session.execute(
                    update(ApiKey).where(ApiKey.id == known.key.id, outdated).values(last_used_at=now),
                    execution_options={"synchronize_session": False},
                )
        except SQLAlchemyError as error:  # the request needs no write: it is answered all the same
            log.warning("api_key_use_not_written", api_key=known.key.prefix, error=type(error).__name__)


def current_api_keys() -> ApiKeys:
    """The keys of the current application."""
    keys: ApiKeys = current_app.extensions[EXTENSION]
    return keys
