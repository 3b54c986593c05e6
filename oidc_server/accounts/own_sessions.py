"""A person's sessions: on which device each began, which apps were used in it, and ending them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from oidc_server.audit.service import Actor
from oidc_server.authorizations.ending import end_sessions
from oidc_server.authorizations.models import Authorization
from oidc_server.authorizations.running import is_running, last_use
from oidc_server.clients.models import Client
from oidc_server.sessions.models import LoginSession
from oidc_server.sessions.programs import program_of
from oidc_server.users.models import User

if TYPE_CHECKING:
    from oidc_server.protocol.server import AuthorizationServer


@dataclass(frozen=True)
class OwnSession:
    """A session as its owner sees it. ``device`` is what they called the device, ``browser`` and ``system`` are what
    the program said of itself, and ``address`` is where they signed in from."""

    id: uuid.UUID
    browser: str | None
    system: str | None
    device: str | None
    address: str | None
    first_seen_at: datetime
    last_seen_at: datetime
    amr: list[str]
    remembered: bool
    apps: list[str]
    current: bool


@dataclass(frozen=True)
class _Use:
    """An app in a session, and when it was used there last."""

    app: str
    at: datetime


def list_sessions(
    session: Session,
    server: AuthorizationServer,
    *,
    user_id: uuid.UUID,
    current: uuid.UUID | None,
    limit: int,
    after: uuid.UUID | None = None,
) -> list[OwnSession]:
    """The sessions with which somebody could do something now, ``limit`` at most: those that began last come first, and
    only those that began before the one with the id ``after``. ``current`` is the one that asks."""
    query = (
        select(LoginSession)
        .join(User, User.id == LoginSession.user_id)
        .where(LoginSession.user_id == user_id, _is_running(server))
        .order_by(LoginSession.id.desc())
        .limit(limit)
    )
    if after is not None:
        query = query.where(LoginSession.id < after)
    found = session.scalars(query).all()
    uses = _uses(session, [login.id for login in found])
    return [_shown(login, uses.get(login.id, []), current) for login in found]


def end_other_sessions(
    session: Session, server: AuthorizationServer, *, user_id: uuid.UUID, current: uuid.UUID | None
) -> int:
    """End all the person's sessions but the ``current`` one, with everything that was granted in them; how many."""
    query = (
        select(LoginSession.id)
        .join(User, User.id == LoginSession.user_id)
        .where(LoginSession.user_id == user_id, LoginSession.id.is_distinct_from(current), _is_running(server))
    )
    return end_sessions(session, session.scalars(query).all(), user_id=user_id, actor=Actor("user", str(user_id)))


def _is_running(server: AuthorizationServer) -> ColumnElement[bool]:
    return is_running(server.session_policy, timedelta(seconds=server.settings.access_token_lifetime))


def _uses(session: Session, session_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[_Use]]:
    """The apps that were used in each session, also those whose access has ended, the latest first."""
    query = (
        select(Authorization.session_id, Client.client_name, func.max(last_use()).label("at"))
        .join(Client, Client.client_id == Authorization.client_id)
        .where(Authorization.session_id.in_(session_ids))
        .group_by(Authorization.session_id, Client.client_name)
    )
    found: dict[uuid.UUID, list[_Use]] = {}
    for row in sorted(session.execute(query), key=lambda row: row.at, reverse=True):
        found.setdefault(row.session_id, []).append(_Use(row.client_name, row.at))
    return found


def _shown(login: LoginSession, uses: Iterable[_Use], current: uuid.UUID | None) -> OwnSession:
    program = program_of(login.user_agent)
    return OwnSession(
        id=login.id,
        browser=program.browser,
        system=program.system,
        device=login.device_name,
        address=login.address,
        first_seen_at=login.created_at,
        last_seen_at=max([login.last_seen_at, *(use.at for use in uses)]),
        amr=login.amr,
        remembered=login.remembered,
        apps=[use.app for use in uses],
        current=login.id == current,
    )
