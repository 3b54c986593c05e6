"""Refresh tokens: one successor each, the same one for a retry, and the end of the authorization for a thief.

A successor's secret is ``HMAC(pepper, presented secret)``: a retry inside the grace window finds it again although
nothing secret is stored (RFC 9700 §4.14)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from flask import current_app
from sqlalchemy import Row, Table, bindparam, insert, select, update
from sqlalchemy.orm import Session

from oidc_server.audit.catalogue import Event
from oidc_server.audit.service import Actor, record
from oidc_server.authorizations.models import Authorization, RefreshToken
from oidc_server.authorizations.service import revoke
from oidc_server.authorizations.standing import Standing, standing_of, standing_query
from oidc_server.core import clock, crypto
from oidc_server.core.errors import Reason
from oidc_server.core.identity import new_id
from oidc_server.core.statements import HotStatement

EXTENSION = "oidc_server.refresh_policy"


@dataclass(frozen=True)
class RefreshPolicy:
    """How long refresh tokens live and may be sent again, and the peppers of their successors, newest first."""

    idle_lifetime: timedelta
    grace: timedelta
    peppers: tuple[bytes, ...]


@dataclass(frozen=True)
class Rotation:
    """A rotation that may go on: the standing of the grant, the successor's secret, and what it is for."""

    standing: Standing
    refresh_token: str
    scope: str
    resource: list[str]


@dataclass(frozen=True)
class RotationRefused:
    """A refusal. Return it out of the transaction: what it wrote, such as a revocation after a replay, must stay."""

    reason: Reason


_TOKEN_COLUMNS = (
    RefreshToken.id.label("token_id"),
    RefreshToken.generation.label("generation"),
    RefreshToken.expires_at.label("token_expires_at"),
    RefreshToken.used_at.label("used_at"),
)
_LOCKED_BY_DIGEST = HotStatement(
    "lock_refresh_token",
    standing_query(*_TOKEN_COLUMNS)
    .join(RefreshToken, RefreshToken.authorization_id == Authorization.id)
    .where(RefreshToken.digest == bindparam("digest"))
    .with_for_update(of=RefreshToken),
)
# Written to the table, not to the mapped class: the ORM would look for objects to keep in step, and there are none.
_TABLE = cast("Table", RefreshToken.__table__)
_MARK_USED = HotStatement(
    "mark_refresh_token_used",
    update(_TABLE).where(_TABLE.c.id == bindparam("token_id")).values(used_at=bindparam("now")),
)
_NAMES = ("id", "authorization_id", "digest", "generation", "scope", "resource", "created_at", "expires_at")
_INSERT = HotStatement("insert_refresh_token", insert(_TABLE).values({name: bindparam(name) for name in _NAMES}))
_SUCCESSOR = select(RefreshToken).where(
    RefreshToken.authorization_id == bindparam("authorization_id"), RefreshToken.generation == bindparam("generation")
)


def first_refresh_token(
    session: Session, policy: RefreshPolicy, standing: Standing, *, scope: str, resource: list[str]
) -> str:
    """Begin an authorization's chain; the secret is returned once, stored as a digest."""
    secret = crypto.new_secret()
    _insert(session, policy, secret, standing.authorization_id, 0, scope, resource, standing.authorization_expires_at)
    return secret


def rotate(
    session: Session, policy: RefreshPolicy, presented: str, *, client_id: str, scope: str | None, resource: list[str]
) -> Rotation | RotationRefused:
    """Redeem a refresh token for its one successor (RFC 6749 §6).

    ``scope`` and ``resource`` are what this request asks for (None and empty: what was granted). The row lock closes
    the race of two requests with one token: the second sees what the first did, and gets the same successor."""
    row = _LOCKED_BY_DIGEST.one_or_none(session.connection(), digest=crypto.digest(presented))
    if row is None:
        return RotationRefused(Reason.REFRESH_TOKEN_UNKNOWN)
    standing = standing_of(row)
    if standing.client_id != client_id:
        return RotationRefused(Reason.TOKEN_OF_ANOTHER_CLIENT)
    asked_scope = scope if scope is not None else standing.granted_scope
    asked_resource = resource or standing.granted_resource
    now = clock.now()
    if row.used_at is not None:
        return _again(session, policy, presented, row, standing, asked_scope, asked_resource, now)
    if row.token_expires_at <= now:
        return RotationRefused(Reason.REFRESH_TOKEN_EXPIRED)
    if (reason := standing.refusal(now)) is not None:
        return RotationRefused(reason)
    if not set(asked_scope.split()) <= set(standing.granted_scope.split()):
        return RotationRefused(Reason.SCOPE_NOT_ALLOWED)
    if not set(asked_resource) <= set(standing.granted_resource):
        return RotationRefused(Reason.RESOURCE_UNKNOWN)
    secret = _successor_secret(policy.peppers[0], presented)
    _MARK_USED.execute(session.connection(), token_id=row.token_id, now=now)
    _insert(
        session, policy, secret, standing.authorization_id, row.generation + 1, asked_scope, asked_resource,
        standing.authorization_expires_at,
    )  # fmt: skip
    return Rotation(standing, secret, asked_scope, asked_resource)


def _again(
    session: Session,
    policy: RefreshPolicy,
    presented: str,
    row: Row[tuple[object, ...]],
    standing: Standing,
    scope: str,
    resource: list[str],
    now: datetime,
) -> Rotation | RotationRefused:
    """A used token came back: a retry, two tabs at once, or a thief."""
    if standing.revoked_at is not None:
        return RotationRefused(Reason.AUTHORIZATION_REVOKED)
    if now - row.used_at > policy.grace:
        _revoke_replayed(session, standing)
        return RotationRefused(Reason.REFRESH_TOKEN_REPLAYED)
    if (reason := standing.refusal(now)) is not None:
        return RotationRefused(reason)
    successor = session.scalar(
        _SUCCESSOR, {"authorization_id": standing.authorization_id, "generation": row.generation + 1}
    )
    if successor is None or successor.used_at is not None:
        return RotationRefused(Reason.REFRESH_TOKEN_SUPERSEDED)
    if successor.scope != scope or successor.resource != resource:
        return RotationRefused(Reason.REFRESH_TOKEN_SUPERSEDED)
    for pepper in policy.peppers:
        secret = _successor_secret(pepper, presented)
        if crypto.same(crypto.digest(secret), successor.digest):
            return Rotation(standing, secret, scope, resource)
    return RotationRefused(Reason.REFRESH_TOKEN_SUPERSEDED)


def _revoke_replayed(session: Session, standing: Standing) -> None:
    actor = Actor("client", standing.client_id)
    record(
        session, Event.REFRESH_TOKEN_REPLAYED, actor=actor, subject=str(standing.authorization_id),
        client_id=standing.client_id, user_id=standing.user_id,
    )  # fmt: skip
    revoke(session, actor=actor, reason=Reason.REFRESH_TOKEN_REPLAYED, authorization_id=standing.authorization_id)


def _successor_secret(pepper: bytes, presented: str) -> str:
    return crypto.urlsafe(crypto.keyed_digest(pepper, presented))


def _insert(
    session: Session,
    policy: RefreshPolicy,
    secret: str,
    authorization_id: uuid.UUID,
    generation: int,
    scope: str,
    resource: list[str],
    end: datetime,
) -> None:
    now = clock.now()
    _INSERT.execute(
        session.connection(),
        id=new_id(),
        authorization_id=authorization_id,
        digest=crypto.digest(secret),
        generation=generation,
        scope=scope,
        resource=resource,
        created_at=now,
        expires_at=min(now + policy.idle_lifetime, end),
    )


def current_refresh_policy() -> RefreshPolicy:
    """The refresh policy of the current application."""
    policy: RefreshPolicy = current_app.extensions[EXTENSION]
    return policy
