"""Whether a presented token is good now: its signature, its claims, and all that can have ended it since."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from sqlalchemy import bindparam, exists, select

from oidc_server.authorizations.models import Authorization, RefreshToken, RevokedAccessToken
from oidc_server.authorizations.standing import Standing, endings_query, refusal_of_grant, standing_of, standing_query
from oidc_server.clients.registry import ClientRegistry
from oidc_server.core import clock, crypto
from oidc_server.core.database import Database, UtcDateTime
from oidc_server.core.errors import Reason
from oidc_server.core.identity import parse_id
from oidc_server.core.statements import HotStatement
from oidc_server.keys.ring import KeyRing
from oidc_server.protocol.access_token import AccessToken, TokenRefused, verify_access_token
from oidc_server.sessions.epochs import ended_by_epoch

_DENIED = exists().where(RevokedAccessToken.jti == bindparam("jti"))
_ENDED_BY_EPOCH = ended_by_epoch(bindparam("issued_at", type_=UtcDateTime()))
_DENIAL = HotStatement(
    "denial_of_access_token", select(_DENIED.label("denied"), _ENDED_BY_EPOCH.label("ended_by_epoch"))
)
_ENDINGS_AND_DENIAL = HotStatement(
    "endings_of_authorization",
    endings_query(_DENIED.label("denied")).where(Authorization.id == bindparam("authorization_id")),
)
_REFRESH_TOKEN = (
    standing_query(RefreshToken.expires_at.label("token_expires_at"), RefreshToken.used_at.label("used_at"))
    .join(RefreshToken, RefreshToken.authorization_id == Authorization.id)
    .where(RefreshToken.digest == bindparam("digest"))
)


@dataclass(frozen=True, slots=True)
class LiveRefreshToken:
    """A refresh token that may still be used, and the grant behind it."""

    standing: Standing
    expires_at: float


def live_access_token(
    database: Database, ring: KeyRing, clients: ClientRegistry, issuer: str, token: str
) -> AccessToken:
    """The access token, when it is good at this moment. Raises :class:`TokenRefused` with the reason.

    A client's token for itself depends on the client, which may be as old as the client cache."""
    access_token = verify_access_token(ring, issuer, token)
    if access_token.authorization_id is None:
        _check_own_token(database, clients, access_token)
    else:
        _check_granted_token(database, access_token, parse_id(access_token.authorization_id))
    return access_token


def _check_own_token(database: Database, clients: ClientRegistry, token: AccessToken) -> None:
    client = clients.find(token.client_id)
    if client is None:
        raise TokenRefused(Reason.CLIENT_UNKNOWN)
    if client.disabled:
        raise TokenRefused(Reason.CLIENT_DISABLED)
    row = database.ask(_DENIAL, jti=token.jti, issued_at=token.issued_at)
    if row.denied:
        raise TokenRefused(Reason.TOKEN_REVOKED)
    if row.ended_by_epoch:
        raise TokenRefused(Reason.EPOCH_OVER)


def _check_granted_token(database: Database, token: AccessToken, authorization_id: uuid.UUID | None) -> None:
    row = database.ask(_ENDINGS_AND_DENIAL, authorization_id=authorization_id, jti=token.jti)
    if row is None:
        raise TokenRefused(Reason.AUTHORIZATION_REVOKED, "no such authorization")
    if row.denied:
        raise TokenRefused(Reason.TOKEN_REVOKED)
    if (reason := refusal_of_grant(row, clock.now())) is not None:
        raise TokenRefused(reason)


def live_refresh_token(database: Database, token: str) -> LiveRefreshToken:
    """The refresh token, when it could be redeemed at this moment. Raises :class:`TokenRefused` with the reason."""
    with database.glance() as connection:
        row = connection.execute(_REFRESH_TOKEN, {"digest": crypto.digest(token)}).one_or_none()
    if row is None:
        raise TokenRefused(Reason.REFRESH_TOKEN_UNKNOWN)
    now, standing = clock.now(), standing_of(row)
    if (reason := standing.refusal(now)) is not None:
        raise TokenRefused(reason)
    if row.used_at is not None:
        raise TokenRefused(Reason.REFRESH_TOKEN_SUPERSEDED)
    if row.token_expires_at <= now:
        raise TokenRefused(Reason.REFRESH_TOKEN_EXPIRED)
    return LiveRefreshToken(standing, row.token_expires_at.timestamp())
