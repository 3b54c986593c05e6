"""The apps that a person has given access: what each may do, since when, and taking that back."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, and_, delete, func, or_, select
from sqlalchemy.orm import Session

from oidc_server.audit.catalogue import Event
from oidc_server.audit.service import Actor, record
from oidc_server.authorizations.models import Authorization, Consent
from oidc_server.authorizations.running import last_use
from oidc_server.authorizations.service import is_alive, revoke
from oidc_server.clients import account_client
from oidc_server.clients.logos import logo_path
from oidc_server.clients.metadata import CLIENT_ID
from oidc_server.clients.models import Client, ClientLogo
from oidc_server.core.errors import Reason
from oidc_server.sessions.models import LoginSession


@dataclass(frozen=True)
class App:
    """An app with access. ``scopes`` and ``claims`` are their names, in an order that is always the same; ``logo`` is
    its path on this server. ``remembered``: it may have this again without asking."""

    client_id: str
    name: str
    logo: str | None
    client_uri: str | None
    first_party: bool
    scopes: list[str]
    claims: list[str]
    granted_at: datetime
    last_used_at: datetime | None
    remembered: bool


@dataclass
class _Access:
    """What one app has, as it is put together."""

    scopes: set[str] = field(default_factory=set)
    claims: set[str] = field(default_factory=set)
    instants: list[datetime] = field(default_factory=list)
    last_used_at: datetime | None = None
    remembered: bool = False

    def add(self, scope: str, claims: Iterable[str], granted_at: datetime) -> None:
        self.scopes |= set(scope.split())
        self.claims |= set(claims)
        self.instants.append(granted_at)

    def note_use(self, at: datetime) -> None:
        self.last_used_at = at if self.last_used_at is None else max(at, self.last_used_at)


def apps_of(session: Session, user_id: uuid.UUID) -> list[App]:
    """Every app that can act for the person now, or may again without asking; in the order of their ``client_id``.

    The client of our own JSON API is none: whoever signs in there sees that among their sessions."""
    accesses: dict[str, _Access] = {}
    for row in _grants(session, user_id):
        access = accesses.setdefault(row.client_id, _Access())
        access.note_use(row.last_used_at)
        if row.stands:
            access.add(row.scope, (name for names in row.claims.values() for name in names), row.granted_at)
    for consent in session.scalars(select(Consent).where(Consent.user_id == user_id)):
        access = accesses.setdefault(consent.client_id, _Access())
        access.add(consent.scope, consent.claims, consent.granted_at)
        access.remembered = True
    accesses = {client_id: access for client_id, access in accesses.items() if access.instants}
    return [_app(row, accesses[row.client_id]) for row in _clients(session, accesses)]


def withdraw_access(session: Session, *, user_id: uuid.UUID, client_id: str) -> bool:
    """Take back everything that the person has granted an app, and forget what they allowed it, so that it has to ask
    again; False when there was nothing. ``client_id`` may be any text."""
    if not CLIENT_ID.fullmatch(client_id) or client_id == account_client.CLIENT_ID:
        return False
    actor = Actor("user", str(user_id))
    ended = revoke(session, actor=actor, reason=Reason.AUTHORIZATION_REVOKED, user_id=user_id, client_id=client_id)
    consents = delete(Consent).where(Consent.user_id == user_id, Consent.client_id == client_id)
    forgotten = cast("CursorResult[object]", session.execute(consents)).rowcount
    if not ended and not forgotten:
        return False
    record(
        session, Event.USER_CONSENT_WITHDRAWN, actor=actor, subject=str(user_id), client_id=client_id,
        user_id=user_id, detail={"authorizations": ended},
    )  # fmt: skip
    return True


def _grants(session: Session, user_id: uuid.UUID) -> Iterable[Any]:
    """What was granted, alike together: an app that often sends people here has many authorizations. Those that have
    ended are among them, as long as they are kept, for when the app was used last."""
    lasts = or_(Authorization.offline, LoginSession.ended_at.is_(None))
    each = (
        select(
            Authorization.client_id, Authorization.scope, Authorization.claims, Authorization.created_at,
            and_(is_alive(), lasts).label("stands"), last_use().label("used_at"),
        )
        .outerjoin(LoginSession, LoginSession.id == Authorization.session_id)
        .where(Authorization.user_id == user_id, Authorization.client_id != account_client.CLIENT_ID)
        .subquery()
    )  # fmt: skip
    alike = (each.c.client_id, each.c.scope, each.c.claims, each.c.stands)
    granted_at, last_used_at = func.min(each.c.created_at), func.max(each.c.used_at)
    return session.execute(
        select(*alike, granted_at.label("granted_at"), last_used_at.label("last_used_at")).group_by(*alike)
    ).all()


def _clients(session: Session, client_ids: Iterable[str]) -> Iterable[Any]:
    query = (
        select(Client.client_id, Client.client_name, Client.client_uri, Client.first_party, ClientLogo.digest)
        .outerjoin(ClientLogo, ClientLogo.client_id == Client.client_id)
        .where(Client.client_id.in_(list(client_ids)))
    )
    return sorted(session.execute(query), key=lambda row: row.client_id)  # each database has an order of its own


def _app(row: Any, access: _Access) -> App:
    return App(
        client_id=row.client_id,
        name=row.client_name,
        logo=None if row.digest is None else logo_path(row.client_id, row.digest),
        client_uri=row.client_uri,
        first_party=row.first_party,
        scopes=sorted(access.scopes),
        claims=sorted(access.claims),
        granted_at=min(access.instants),
        last_used_at=access.last_used_at,
        remembered=access.remembered,
    )
