"""Removing what has expired, in bounded batches, so that no table grows for ever and no sweep holds a lock for long.

Expiry is enforced when a row is read; a sweep that does not run costs space and nothing else."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CursorResult, delete, select
from sqlalchemy.orm import InstrumentedAttribute

from oidc_server.authorizations.models import Authorization, RefreshToken, RevokedAccessToken
from oidc_server.clients.models import UsedAssertion
from oidc_server.core import clock
from oidc_server.core.database import Base, Database
from oidc_server.core.limits import RateLimitCounter
from oidc_server.sessions.models import LoginSession

BATCH = 1000
# A revoked authorization is kept for a while, so that a token of it is answered with its true reason.
KEPT_AFTER_END = timedelta(days=7)


def _targets(
    now: datetime,
) -> Iterator[tuple[type[Base], InstrumentedAttribute[Any], InstrumentedAttribute[datetime], datetime]]:
    """What is swept: the table, its key, the instant that counts, and how late it must be."""
    # A used refresh token stays until its own end: until then it can still tell a thief.
    yield RefreshToken, RefreshToken.id, RefreshToken.expires_at, now
    yield Authorization, Authorization.id, Authorization.expires_at, now - KEPT_AFTER_END
    yield RevokedAccessToken, RevokedAccessToken.jti, RevokedAccessToken.expires_at, now
    yield UsedAssertion, UsedAssertion.jti_digest, UsedAssertion.expires_at, now
    yield RateLimitCounter, RateLimitCounter.key, RateLimitCounter.expires_at, now
    yield LoginSession, LoginSession.id, LoginSession.expires_at, now - KEPT_AFTER_END


def sweep(database: Database, *, batches: int = 50) -> dict[str, int]:
    """Delete expired rows, ``BATCH`` a transaction and ``batches`` a table at most; the number deleted, by table."""
    removed: dict[str, int] = {}
    for model, key, instant, before in _targets(clock.now()):
        total = 0
        for _ in range(batches):
            with database.transaction() as session:
                keys = select(key).where(instant <= before).order_by(instant).limit(BATCH)
                result = session.execute(
                    delete(model).where(key.in_(keys)).execution_options(synchronize_session=False)
                )
                assert isinstance(result, CursorResult)  # noqa: S101 - narrows the type of a bulk delete's result
                total += result.rowcount
            if result.rowcount < BATCH:
                break
        removed[model.__tablename__] = total
    return removed
