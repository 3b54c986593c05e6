"""Removing what has expired, in bounded batches, so that no table grows for ever and no sweep holds a lock for long.

Expiry is enforced when a row is read; a sweep that does not run costs space and nothing else."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, delete, exists, false, select
from sqlalchemy.orm import InstrumentedAttribute

from oidc_server.authorizations.models import (
    Authorization,
    AuthorizationCode,
    Interaction,
    RefreshToken,
    RevokedAccessToken,
)
from oidc_server.clients.models import UsedAssertion
from oidc_server.core import clock
from oidc_server.core.database import Base, Database
from oidc_server.core.limits import RateLimitCounter
from oidc_server.messages.models import Message
from oidc_server.mfa.models import Method, PendingLogin, SentCode, TrustedDevice, UsedChallenge
from oidc_server.sessions.models import LoginSession
from oidc_server.users.models import Link

BATCH = 1000
# A revoked authorization is kept for a while, so that a token of it is answered with its true reason.
KEPT_AFTER_END = timedelta(days=7)

# From when it was written; it is sent or dropped within three days.
MESSAGES_KEPT = timedelta(days=33)


class Target(NamedTuple):
    """What is swept: the table, its key, the instant that counts, how late it must be, and what is kept in spite."""

    model: type[Base]
    key: InstrumentedAttribute[Any]
    instant: InstrumentedAttribute[datetime] | InstrumentedAttribute[datetime | None]
    before: datetime
    unless: ColumnElement[bool] = false()


def _targets(now: datetime) -> Iterator[Target]:
    # A used refresh token stays until its own end: until then it can still tell a thief. So does a used code, a while.
    yield Target(RefreshToken, RefreshToken.id, RefreshToken.expires_at, now)
    yield Target(AuthorizationCode, AuthorizationCode.id, AuthorizationCode.expires_at, now - KEPT_AFTER_END)
    yield Target(Interaction, Interaction.id, Interaction.expires_at, now)
    yield Target(Authorization, Authorization.id, Authorization.expires_at, now - KEPT_AFTER_END)
    yield Target(RevokedAccessToken, RevokedAccessToken.jti, RevokedAccessToken.expires_at, now)
    yield Target(UsedAssertion, UsedAssertion.jti_digest, UsedAssertion.expires_at, now)
    yield Target(RateLimitCounter, RateLimitCounter.key, RateLimitCounter.expires_at, now)
    # Of methods only those expire that wait to be set up.
    yield Target(Method, Method.id, Method.expires_at, now)
    yield Target(SentCode, SentCode.id, SentCode.expires_at, now)
    yield Target(PendingLogin, PendingLogin.id, PendingLogin.expires_at, now)
    yield Target(TrustedDevice, TrustedDevice.id, TrustedDevice.expires_at, now)
    yield Target(UsedChallenge, UsedChallenge.digest, UsedChallenge.expires_at, now)
    yield Target(Link, Link.id, Link.expires_at, now - KEPT_AFTER_END)
    waits = Message.next_attempt_at.is_not(None)
    yield Target(Message, Message.id, Message.created_at, now - MESSAGES_KEPT, waits)
    # What ended with its session would live again without it.
    ends_with_it = exists().where(Authorization.session_id == LoginSession.id, ~Authorization.offline)
    yield Target(LoginSession, LoginSession.id, LoginSession.expires_at, now - KEPT_AFTER_END, ends_with_it)


def sweep(database: Database, *, batches: int = 50) -> dict[str, int]:
    """Delete expired rows, ``BATCH`` a transaction and ``batches`` a table at most; the number deleted, by table."""
    removed: dict[str, int] = {}
    for model, key, instant, before, unless in _targets(clock.now()):
        total = 0
        for _ in range(batches):
            with database.transaction() as session:
                expired = select(key).where(instant <= before, ~unless).order_by(instant).limit(BATCH)
                # What somebody holds is left for the next time: to wait for it could make both wait for each other.
                keys = session.scalars(expired.with_for_update(skip_locked=True)).all()
                session.execute(delete(model).where(key.in_(keys)).execution_options(synchronize_session=False))
            total += len(keys)
            if len(keys) < BATCH:
                break
        removed[model.__tablename__] = total
    return removed
