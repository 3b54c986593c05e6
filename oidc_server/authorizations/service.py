"""Granting and revoking. Whatever ends a grant (logout, replay, suspension, withdrawal) is one call to
:func:`revoke`."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from oidc_server.audit.catalogue import Event
from oidc_server.audit.service import Actor, record
from oidc_server.authorizations.models import Authorization, RefreshToken, RevokedAccessToken
from oidc_server.core import clock
from oidc_server.core.errors import Reason
from oidc_server.sessions.epochs import ended_by_epoch


@dataclass(frozen=True)
class Terms:
    """What is granted: a scope, resources (RFC 8707), claims by where they go, and whether it outlives the session.

    ``acr`` is the level that the client is told, which the session reaches; by default that of the session."""

    scope: str
    resource: list[str]
    claims: dict[str, list[str]] = field(default_factory=dict)
    offline: bool = False
    acr: str | None = None


class Login(Protocol):
    """The session in which a person grants, and how they have signed in to it."""

    @property
    def id(self) -> uuid.UUID: ...
    @property
    def user_id(self) -> uuid.UUID: ...
    @property
    def auth_time(self) -> datetime: ...
    @property
    def amr(self) -> list[str]: ...
    @property
    def acr(self) -> str: ...


def grant(session: Session, login: Login, *, client_id: str, terms: Terms, lifetime: timedelta) -> Authorization:
    """Record that the client may act for the user, on these terms, for ``lifetime`` at most."""
    now = clock.now()
    authorization = Authorization(
        client_id=client_id,
        user_id=login.user_id,
        session_id=login.id,
        auth_time=login.auth_time,
        amr=login.amr,
        acr=terms.acr or login.acr,
        scope=terms.scope,
        resource=terms.resource,
        claims=terms.claims,
        offline=terms.offline,
        created_at=now,
        expires_at=now + lifetime,
    )
    session.add(authorization)
    session.flush()
    return authorization


def revoke(
    session: Session,
    *,
    actor: Actor,
    reason: Reason,
    authorization_id: uuid.UUID | None = None,
    client_id: str | None = None,
    user_id: uuid.UUID | None = None,
    session_id: uuid.UUID | None = None,
    also: ColumnElement[bool] | None = None,
) -> int:
    """End the authorizations that fit every given condition, and ``also``; the number of those that were alive.

    Everything that hangs off them is dead with the transaction's commit."""
    conditions = [
        column == value
        for column, value in (
            (Authorization.id, authorization_id),
            (Authorization.client_id, client_id),
            (Authorization.user_id, user_id),
            (Authorization.session_id, session_id),
        )
        if value is not None
    ]
    if also is not None:
        conditions.append(also)
    if not conditions:
        raise ValueError("revoke() needs to know which authorizations")
    statement = (
        update(Authorization)
        .where(Authorization.revoked_at.is_(None), *conditions)
        .values(revoked_at=clock.now(), revoked_reason=reason.value)
        .returning(Authorization.id, Authorization.client_id, Authorization.user_id)
        .execution_options(synchronize_session=False)
    )
    ended = session.execute(statement).all()
    for row in ended:
        record(
            session, Event.AUTHORIZATION_REVOKED, actor=actor, subject=str(row.id), client_id=row.client_id,
            user_id=row.user_id, detail={"reason": reason.value},
        )  # fmt: skip
    return len(ended)


def revoke_access_token(session: Session, *, actor: Actor, jti: str, expires_at: datetime, client_id: str) -> None:
    """Put one access token on the deny list until it would have expired anyway. Doing it twice is doing it once; the
    primary key closes the race of two that do it at the same time."""
    try:
        with session.begin_nested():
            session.add(RevokedAccessToken(jti=jti, expires_at=expires_at))
    except IntegrityError:
        return
    record(session, Event.ACCESS_TOKEN_REVOKED, actor=actor, subject=jti, client_id=client_id)


def is_alive() -> ColumnElement[bool]:
    """Neither revoked nor expired, nor ended by an epoch."""
    return and_(
        Authorization.revoked_at.is_(None),
        Authorization.expires_at > clock.now(),
        ~ended_by_epoch(Authorization.created_at),
    )


def count_alive(session: Session, *, client_id: str | None = None, user_id: uuid.UUID | None = None) -> int:
    """How many authorizations of a client or a user are alive."""
    query = select(func.count()).select_from(Authorization).where(is_alive())
    if client_id is not None:
        query = query.where(Authorization.client_id == client_id)
    if user_id is not None:
        query = query.where(Authorization.user_id == user_id)
    return session.scalar(query) or 0


def count_issued_between(session: Session, start: datetime, end: datetime) -> int:
    """How many living authorizations had a token issued in this time, and so may hold one signed by a key that signed
    then."""
    issued = or_(
        and_(Authorization.created_at >= start, Authorization.created_at <= end),
        select(RefreshToken.id)
        .where(
            RefreshToken.authorization_id == Authorization.id,
            RefreshToken.created_at >= start,
            RefreshToken.created_at <= end,
        )
        .exists(),
    )
    query: Any = select(func.count()).select_from(Authorization).where(is_alive(), issued)
    return int(session.scalar(query))
