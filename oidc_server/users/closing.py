"""Closing an account: it waits for its erasure, and signing in until then takes it back."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import CursorResult, delete
from sqlalchemy.orm import Session

from oidc_server.audit.catalogue import Event
from oidc_server.audit.service import Actor, record
from oidc_server.core import clock
from oidc_server.users.models import Closure, User


def close(session: Session, user: User, *, actor: Actor, grace: timedelta) -> Closure:
    """Mark the account for erasure after ``grace``; closing it twice does not make that later. Its sessions and
    authorizations are the caller's to end."""
    closure = session.get(Closure, user.id)
    if closure is None:
        now = clock.now()
        closure = Closure(user_id=user.id, closed_at=now, erase_at=now + grace)
        session.add(closure)
        session.flush()
        record(
            session, Event.USER_CLOSED, actor=actor, subject=str(user.id), user_id=user.id,
            detail={"erase_at": closure.erase_at.isoformat()},
        )  # fmt: skip
    return closure


def reopen(session: Session, user: User, *, actor: Actor | None = None) -> bool:
    """Take a closing back, because the person has signed in, or an admin (``actor``) says so; whether there was one."""
    result = session.execute(delete(Closure).where(Closure.user_id == user.id))
    assert isinstance(result, CursorResult)  # noqa: S101 - narrows the type of a bulk delete's result
    if result.rowcount == 0:
        return False
    actor = actor or Actor("user", str(user.id))
    record(session, Event.USER_REOPENED, actor=actor, subject=str(user.id), user_id=user.id)
    return True
