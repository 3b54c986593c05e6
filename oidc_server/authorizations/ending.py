"""Ending what a person has begun: one session, all others, or everything; each with what was granted in it."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import cast

from sqlalchemy import CursorResult, update
from sqlalchemy.orm import Session

from oidc_server.audit.catalogue import Event
from oidc_server.audit.service import Actor, record
from oidc_server.authorizations.models import Authorization
from oidc_server.authorizations.service import revoke
from oidc_server.core import clock
from oidc_server.core.errors import Reason
from oidc_server.sessions.models import LoginSession


def end_session(session: Session, session_id: uuid.UUID, *, user_id: uuid.UUID, actor: Actor) -> bool:
    """End one session of the user and everything that was granted in it, also what would outlive a sign-out; False when
    the user has no such session, or it had ended."""
    return end_sessions(session, (session_id,), user_id=user_id, actor=actor) == 1


def end_sessions(session: Session, session_ids: Collection[uuid.UUID], *, user_id: uuid.UUID, actor: Actor) -> int:
    """End these sessions of the user as :func:`end_session` ends one; the number of those that had not ended before."""
    statement = (
        update(LoginSession)
        .where(LoginSession.id.in_(session_ids), LoginSession.user_id == user_id, LoginSession.ended_at.is_(None))
        .values(ended_at=clock.now())
        .returning(LoginSession.id)
        .execution_options(synchronize_session=False)
    )
    ended = session.scalars(statement).all()
    if ended:
        granted = Authorization.session_id.in_(ended)
        revoke(session, actor=actor, reason=Reason.AUTHORIZATION_REVOKED, user_id=user_id, also=granted)
    for session_id in ended:
        record(
            session, Event.USER_SESSION_ENDED, actor=actor, subject=str(user_id), user_id=user_id,
            detail={"sid": str(session_id)},
        )  # fmt: skip
    return len(ended)


def end_all(
    session: Session, *, user_id: uuid.UUID, actor: Actor, reason: Reason, except_session: uuid.UUID | None = None
) -> int:
    """End every session of the user, and everything that was granted to any app, except in ``except_session``; the
    number of sessions that ended. Whoever changes what proves a person calls this (ASVS 7.4.3)."""
    running = update(LoginSession).where(LoginSession.user_id == user_id, LoginSession.ended_at.is_(None))
    elsewhere = None
    if except_session is not None:
        running = running.where(LoginSession.id != except_session)
        elsewhere = Authorization.session_id.is_distinct_from(except_session)
    revoke(session, actor=actor, reason=reason, user_id=user_id, also=elsewhere)
    return cast("CursorResult[object]", session.execute(running.values(ended_at=clock.now()))).rowcount
