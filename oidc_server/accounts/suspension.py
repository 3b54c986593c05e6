"""Suspending, locking and letting in again, with everything that follows from it; for the JSON API and the commands."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy.orm import Session

from oidc_server.audit.catalogue import Event
from oidc_server.audit.service import Actor, record
from oidc_server.authorizations.service import revoke
from oidc_server.core.errors import Reason
from oidc_server.sessions.service import end_sessions
from oidc_server.users import service
from oidc_server.users.models import User


class Ended(NamedTuple):
    """How many sessions and authorizations were alive and are no more."""

    sessions: int
    authorizations: int


def suspend_account(
    session: Session, user: User, *, actor: Actor, until: datetime | None = None, note: str = ""
) -> Ended:
    """Suspend the account, or lock it ``until`` an instant; ``note`` says why. Every session ends, and everything that
    was granted to any app (ASVS 7.4.2)."""
    service.suspend(session, user, actor=actor, until=until, note=note)
    return _end(session, user, actor, Reason.USER_SUSPENDED if until is None else Reason.USER_LOCKED)


def activate_account(session: Session, user: User, *, actor: Actor, note: str = "") -> bool:
    """End a suspension and a lock; whether there was one. What ended with it stays ended."""
    if user.suspended_at is None and user.locked_until is None:
        return False
    service.activate(session, user, actor=actor, note=note)
    return True


def unlock_account(session: Session, user: User, *, actor: Actor, note: str = "") -> bool:
    """End a lock, and leave a suspension; whether there was a lock."""
    if user.locked_until is None:
        return False
    service.unlock(session, user, actor=actor, note=note)
    return True


def sign_out_everywhere(session: Session, user: User, *, actor: Actor, note: str = "") -> Ended:
    """End every session of the person, and everything that was granted to any app."""
    ended = _end(session, user, actor, Reason.AUTHORIZATION_REVOKED)
    record(
        session, Event.USER_SIGNED_OUT_EVERYWHERE, actor=actor, subject=str(user.id), user_id=user.id,
        detail={"sessions": ended.sessions, "note": note},
    )  # fmt: skip
    return ended


def _end(session: Session, user: User, actor: Actor, reason: Reason) -> Ended:
    sessions = end_sessions(session, user_id=user.id)
    return Ended(sessions, revoke(session, actor=actor, reason=reason, user_id=user.id))
