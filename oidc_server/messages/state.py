"""How it stands with the messages: whether they get out, and how many wait."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, and_, func, or_, select

from oidc_server.core import clock
from oidc_server.messages.models import Message

# How the error of a message begins that waits because nothing can be handed over at all.
AWAY = "away: "
_LATE = timedelta(minutes=5)


def is_late(connection: Connection) -> bool:
    """Whether a message has waited for more than five minutes, or none could be handed over at the last attempt."""
    late = or_(Message.created_at <= clock.now() - _LATE, Message.last_error.startswith(AWAY))
    waiting = select(Message.id).where(and_(Message.next_attempt_at.is_not(None), late)).limit(1)
    return connection.execute(waiting).first() is not None


def count_waiting(connection: Connection) -> dict[str, int]:
    """How many messages wait, by kind."""
    waiting = select(Message.kind, func.count()).where(Message.next_attempt_at.is_not(None)).group_by(Message.kind)
    return dict(connection.execute(waiting).all())
