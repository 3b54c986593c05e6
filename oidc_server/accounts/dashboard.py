"""How an account stands, at one look: who it is, how safe it is, what happened lately, and where it is signed in."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from oidc_server.accounts.activity import ClientName, activity_of, events_about
from oidc_server.accounts.own_sessions import list_sessions
from oidc_server.accounts.view import account_of, accounts_query
from oidc_server.authorizations.running import is_running
from oidc_server.core import clock
from oidc_server.mfa.methods import methods_of
from oidc_server.mfa.recovery_codes import count_left
from oidc_server.mfa.trusted_devices import trusted_devices_of
from oidc_server.sessions.models import LoginSession
from oidc_server.users.models import User

if TYPE_CHECKING:
    from oidc_server.protocol.server import AuthorizationServer

SHOWN = 10


def dashboard_of(
    session: Session,
    server: AuthorizationServer,
    user_id: uuid.UUID,
    *,
    current: uuid.UUID | None,
    client_name: ClientName,
    for_admin: bool,
) -> dict[str, Any] | None:
    """Everything about one account, or None when there is no such account. ``current`` is the session that asks."""
    now = clock.now()
    row = session.execute(accounts_query().add_columns(*_PROOFS).where(User.id == user_id)).one_or_none()
    if row is None:
        return None
    account = account_of(row, now)
    events = events_about(session, user_id, limit=SHOWN, before=None)
    sessions = list_sessions(session, server, user_id=user_id, current=current, limit=SHOWN)
    return {
        "account": account,
        "security": {
            "is_active": account["is_active"],
            "is_verified": account["is_verified"],
            "has_password": row.has_password,
            "password_changed_at": row.password_changed_at,
            "locked_until": account["locked_until"] if not account["is_active"] else None,
            "sessions": _count_sessions(session, server, user_id),
            "known_devices": _count_devices(session, user_id),
            "second_factors": len(methods_of(session, user_id)),
            "recovery_codes": count_left(session, user_id),
            "trusted_browsers": len(trusted_devices_of(session, user_id)),
        },
        "activity": [activity_of(event, client_name, for_admin=for_admin) for event in events],
        "sessions": [asdict(one) for one in sessions],
    }


_PROOFS = (User.password_hash.is_not(None).label("has_password"), User.password_changed_at)


def _count_sessions(session: Session, server: AuthorizationServer, user_id: uuid.UUID) -> int:
    running = is_running(server.session_policy, timedelta(seconds=server.settings.access_token_lifetime))
    of_user = select(func.count()).select_from(LoginSession).join(User, User.id == LoginSession.user_id)
    return session.scalar(of_user.where(LoginSession.user_id == user_id, running)) or 0


def _count_devices(session: Session, user_id: uuid.UUID) -> int:
    """From how many programs, as they describe themselves, sessions came that are still remembered: the others are new
    to ``sessions.arrivals``, which tells the person of them."""
    device = (LoginSession.user_agent, LoginSession.device_name)
    devices = select(*device).where(LoginSession.user_id == user_id).distinct().subquery()
    return session.scalar(select(func.count()).select_from(devices)) or 0
