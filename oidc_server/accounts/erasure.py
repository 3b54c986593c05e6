"""Erasing closed accounts when their time is over: their rows go, and the audit log keeps an id that leads nowhere.

In small transactions: an account that was used for years has many rows, and no statement may hold up the others."""

from __future__ import annotations

import uuid
from typing import cast

from sqlalchemy import CursorResult, Select, delete, exists, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from oidc_server.audit.catalogue import Event
from oidc_server.audit.service import SYSTEM, record
from oidc_server.authorizations.models import Authorization, AuthorizationCode, RefreshToken
from oidc_server.core import clock
from oidc_server.core.database import Database
from oidc_server.messages.kinds import Kind
from oidc_server.messages.models import Message
from oidc_server.messages.service import enqueue
from oidc_server.sessions.models import LoginSession
from oidc_server.users.models import Closure, Link, Profile, User

BATCH = 1000


def erase_due(database: Database, *, accounts: int = 100) -> int:
    """Erase up to ``accounts`` whose grace is over; how many there were. Several workers may do this at once."""
    due = select(Closure.user_id).where(Closure.erase_at <= clock.now()).order_by(Closure.erase_at).limit(accounts)
    with database.glance() as connection:
        user_ids = connection.scalars(due).all()
    return sum(_erase_one(database, user_id) for user_id in user_ids)


def erase(session: Session, user: User) -> None:
    """Erase a user whose row is locked, with everything that belongs to it by the foreign keys."""
    record(session, Event.USER_ERASED, actor=SYSTEM, subject=str(user.id), user_id=user.id)
    session.delete(user)
    session.flush()


def _erase_one(database: Database, user_id: uuid.UUID) -> bool:
    """The lock on the account closes the race with its owner, who signs in at this moment and keeps it. What is deleted
    before that lock had ended when the account was closed, and is of no use to them."""
    closed = (Closure.user_id == user_id, Closure.erase_at <= clock.now())
    for key, rows in _numerous(user_id):
        # In one snapshot: while the account is closed, nothing is there that was begun after it was opened again.
        rows_of_closed = rows.where(exists().where(*closed))
        while _delete_batch(database, key, rows_of_closed):
            continue
    still_due = select(User).join(Closure, Closure.user_id == User.id).where(*closed)
    with database.transaction() as session:
        user = session.scalar(still_due.with_for_update(skip_locked=True))
        if user is None:
            return False
        language = session.scalar(select(Profile.locale).where(Profile.user_id == user_id))
        enqueue(session, kind=Kind.ACCOUNT_ERASED, recipient=user.email, language=language)
        erase(session, user)
        return True


def _numerous(user_id: uuid.UUID) -> list[tuple[InstrumentedAttribute[uuid.UUID], Select[uuid.UUID]]]:
    """The rows of which a person can have many, those that hang off others first: the key, and which they are."""
    theirs = select(Authorization.id).where(Authorization.user_id == user_id)
    return [
        (RefreshToken.id, select(RefreshToken.id).where(RefreshToken.authorization_id.in_(theirs))),
        (AuthorizationCode.id, select(AuthorizationCode.id).where(AuthorizationCode.authorization_id.in_(theirs))),
        (Authorization.id, theirs),
        (LoginSession.id, select(LoginSession.id).where(LoginSession.user_id == user_id)),
        (Message.id, select(Message.id).where(Message.user_id == user_id)),
        (Link.id, select(Link.id).where(Link.user_id == user_id)),
    ]


def _delete_batch(database: Database, key: InstrumentedAttribute[uuid.UUID], rows: Select[uuid.UUID]) -> bool:
    """Delete up to ``BATCH`` of the rows; whether there may be more."""
    with database.transaction() as session:
        batch = session.scalars(rows.limit(BATCH).with_for_update(skip_locked=True)).all()
        result = session.execute(delete(key.class_).where(key.in_(batch)).execution_options(synchronize_session=False))
    return cast("CursorResult[object]", result).rowcount == BATCH
