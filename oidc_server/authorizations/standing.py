"""Whether a grant still stands: one query reads everything that can end it, one function decides.

Issuing, introspecting and accepting a token all ask here, every time."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Row, Select, func, select

from oidc_server.authorizations.models import Authorization
from oidc_server.clients.models import Client
from oidc_server.core.errors import Reason
from oidc_server.sessions.epochs import ended_by_epoch
from oidc_server.sessions.models import LoginSession
from oidc_server.users.models import User
from oidc_server.users.service import refusal_of

_ENDED_BY_EPOCH = ended_by_epoch(Authorization.created_at).label("ended_by_epoch")
ENDINGS = (
    Authorization.expires_at.label("authorization_expires_at"),
    Authorization.revoked_at.label("revoked_at"),
    Client.disabled_at.label("client_disabled_at"),
    User.suspended_at.label("suspended_at"),
    User.locked_until.label("locked_until"),
    LoginSession.ended_at.label("session_ended_at"),
    Authorization.offline.label("offline"),
    _ENDED_BY_EPOCH,
)
COLUMNS = (
    Authorization.id.label("authorization_id"),
    Authorization.client_id.label("client_id"),
    Authorization.user_id.label("user_id"),
    Authorization.session_id.label("session_id"),
    Authorization.scope.label("granted_scope"),
    Authorization.resource.label("granted_resource"),
    Authorization.expires_at.label("authorization_expires_at"),
    Authorization.revoked_at.label("revoked_at"),
    Client.disabled_at.label("client_disabled_at"),
    Client.scope.label("client_scope"),
    User.suspended_at.label("suspended_at"),
    User.locked_until.label("locked_until"),
    # What the version before has granted says nothing of this itself.
    func.coalesce(Authorization.auth_time, LoginSession.auth_time).label("auth_time"),
    func.coalesce(Authorization.amr, LoginSession.amr).label("amr"),
    func.coalesce(Authorization.acr, LoginSession.acr).label("acr"),
    LoginSession.ended_at.label("session_ended_at"),
    Authorization.offline.label("offline"),
    Authorization.claims.label("claims"),
    User.email.label("email"),
    _ENDED_BY_EPOCH,
    User.second_factors.label("second_factors"),
    User.second_factor_due_at.label("second_factor_due_at"),
    User.second_factor_forced_at.label("second_factor_forced_at"),
    User.password_set_by_mail_at.label("password_set_by_mail_at"),
    User.mfa_policy.label("mfa_policy"),
)


@dataclass(frozen=True, slots=True)
class Standing:
    """A grant and all that it depends on, as one transaction read them."""

    authorization_id: uuid.UUID
    client_id: str
    user_id: uuid.UUID
    session_id: uuid.UUID | None
    granted_scope: str
    granted_resource: list[str]
    authorization_expires_at: datetime
    revoked_at: datetime | None
    client_disabled_at: datetime | None
    client_scope: str
    suspended_at: datetime | None
    locked_until: datetime | None
    auth_time: datetime | None
    amr: list[str] | None
    acr: str | None
    session_ended_at: datetime | None
    offline: bool
    claims: dict[str, list[str]]
    email: str
    ended_by_epoch: bool
    second_factors: list[str] | None
    second_factor_due_at: datetime | None
    second_factor_forced_at: datetime | None
    password_set_by_mail_at: datetime | None
    mfa_policy: dict[str, Any] | None

    def refusal(self, now: datetime) -> Reason | None:
        """Why nothing may be issued or accepted under this grant any more, or None when it stands."""
        return refusal_of_grant(self, now)


class Endings(Protocol):
    """All that can end a grant: a :class:`Standing`, or a row of :func:`endings_query`."""

    @property
    def revoked_at(self) -> datetime | None: ...
    @property
    def session_ended_at(self) -> datetime | None: ...
    @property
    def authorization_expires_at(self) -> datetime: ...
    @property
    def client_disabled_at(self) -> datetime | None: ...
    @property
    def suspended_at(self) -> datetime | None: ...
    @property
    def locked_until(self) -> datetime | None: ...
    @property
    def offline(self) -> bool: ...
    @property
    def ended_by_epoch(self) -> bool: ...


def refusal_of_grant(grant: Endings, now: datetime) -> Reason | None:
    """Why nothing may be issued or accepted under a grant any more, or None when it stands."""
    # OpenID Connect Core §11: with offline_access it outlives the session in which it was granted.
    if grant.revoked_at is not None or (grant.session_ended_at is not None and not grant.offline):
        return Reason.AUTHORIZATION_REVOKED
    if grant.ended_by_epoch:
        return Reason.EPOCH_OVER
    if grant.authorization_expires_at <= now:
        return Reason.AUTHORIZATION_EXPIRED
    if grant.client_disabled_at is not None:
        return Reason.CLIENT_DISABLED
    return refusal_of(grant.suspended_at, grant.locked_until, now)


def standing_query(*more_columns: Any) -> Select[Any]:
    """The query for standings; the caller adds what it looks for."""
    return _query(*COLUMNS, *more_columns)


def endings_query(*more_columns: Any) -> Select[Any]:
    """The query for all that can end a grant and nothing else, for where only that is asked, and often."""
    return _query(*ENDINGS, *more_columns)


def _query(*columns: Any) -> Select[Any]:
    return (
        select(*columns)
        .select_from(Authorization)
        .join(Client, Client.client_id == Authorization.client_id)
        .join(User, User.id == Authorization.user_id)
        .outerjoin(LoginSession, LoginSession.id == Authorization.session_id)
    )


def standing_of(row: Row[Any]) -> Standing:
    """The standing in the first columns of a row of :func:`standing_query`."""
    return Standing(*row[: len(COLUMNS)])
