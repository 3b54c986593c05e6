"""The messages that wait, as senders see them: each is claimed by one of them, and what became of it is written down.

A claim pushes the next attempt ahead: by a conditional write, so that two senders never have the same message, and for
five minutes only, so that one who is killed leaves it to be sent again."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from oidc_server.core import clock, logs
from oidc_server.core.database import Database
from oidc_server.messages.kinds import Kind
from oidc_server.messages.mail import Mail
from oidc_server.messages.models import Message
from oidc_server.messages.transports import Sms

LEASE = timedelta(minutes=5)  # longer than any hand-over takes
_ERROR_CHARACTERS = 200
# Makes a message of its row, and may write on the session; None when there is nothing to tell any more.
Composer = Callable[[Session, Message], Mail | Sms | None]

log = logs.get_logger()


@dataclass(frozen=True)
class Claimed:
    """A message that is one sender's until ``lease``. ``content`` is None when there is nothing to tell any more;
    ``fault`` says why it could not be composed."""

    id: uuid.UUID
    kind: str
    channel: str
    created_at: datetime
    attempts: int
    lease: datetime
    content: Mail | Sms | None
    fault: str | None


def claim_one(database: Database, channels: Collection[str], composers: Mapping[Kind, Composer]) -> Claimed | None:
    """Claim and compose the message of these channels that has been due for the longest; None when none is due."""
    now = clock.now()
    due = (
        select(Message)
        .where(Message.channel.in_(channels), Message.next_attempt_at <= now)
        .order_by(Message.next_attempt_at)
        .limit(1)
    )
    with database.glance() as connection:  # most of the time there is none, and SQLite's one writer is not held up
        if connection.execute(due.with_only_columns(Message.id)).first() is None:
            return None
    with database.transaction() as session:
        # What another sender claims at this moment is passed over.
        message = session.scalars(due.with_for_update(skip_locked=True)).first()
        if message is None:
            return None
        message.next_attempt_at = lease = now + LEASE
        session.flush()
        facts = (message.id, message.kind, message.channel, message.created_at, message.attempts)
        return Claimed(*facts, lease, *_compose(session, message, composers))


def _compose(
    session: Session, message: Message, composers: Mapping[Kind, Composer]
) -> tuple[Mail | Sms | None, str | None]:
    """What to send, and what went wrong; what a composer wrote before it failed is undone."""
    kind, message_id = message.kind, str(message.id)
    composer = composers.get(cast("Kind", kind))  # it may be none that is known here
    if composer is None:  # a newer server wrote it: a newer sender will know it
        log.error("message_not_composed", kind=kind, message_id=message_id)
        return None, "no composer knows its kind"
    try:
        with session.begin_nested():
            return composer(session, message), None
    except Exception as error:  # whatever it raises: the other messages have to be sent
        log.exception("message_not_composed", kind=kind, message_id=message_id)
        return None, type(error).__name__


def settle(database: Database, claimed: Claimed, **values: Any) -> None:
    """Write down what became of it, unless the lease is over and another sender has it."""
    if "last_error" in values:
        values["last_error"] = values["last_error"][:_ERROR_CHARACTERS]
    _write(database, claimed, Message.next_attempt_at == claimed.lease, **values)


def mark_sent(database: Database, claimed: Claimed) -> None:
    """It was sent, also when this took so long that another sender has claimed it meanwhile."""
    sent = {"sent_at": clock.now(), "next_attempt_at": None, "dropped_at": None, "last_error": None}
    _write(database, claimed, attempts=claimed.attempts + 1, **sent)


def _write(database: Database, claimed: Claimed, *conditions: Any, **values: Any) -> None:
    with database.transaction() as session:
        session.execute(
            update(Message)
            .where(Message.id == claimed.id, *conditions)
            .values(**values)
            .execution_options(synchronize_session=False)
        )


def drop_stale(database: Database, channels: Collection[str], before: datetime, error: str) -> list[str]:
    """Drop what waits since before an instant for any other channel than these; the kinds of what was dropped."""
    with database.transaction() as session:
        dropped = session.scalars(
            update(Message)
            .where(Message.next_attempt_at.is_not(None), Message.created_at <= before, Message.channel.not_in(channels))
            .values(next_attempt_at=None, dropped_at=clock.now(), last_error=error)
            .returning(Message.kind)
            .execution_options(synchronize_session=False)
        )
        return list(dropped)
