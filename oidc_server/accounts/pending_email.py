"""The email address that a person has asked for and not yet proven, for them to see."""

from __future__ import annotations

import uuid

from sqlalchemy import select
from sqlalchemy.orm import Session

from oidc_server.core import clock
from oidc_server.core.identity import email_key
from oidc_server.messages.kinds import Kind
from oidc_server.messages.models import Message
from oidc_server.users.links import Purpose
from oidc_server.users.models import User


def pending_email(session: Session, user_id: uuid.UUID) -> str | None:
    """The address, until it is proven, or a day has passed, or the password was changed since.

    It is told from what was asked for, and never from what came of it: an address that somebody else has gets no mail,
    and looks the same here (attack G17)."""
    asked = session.execute(
        select(Message.recipient, Message.created_at, User.email_key, User.password_changed_at)
        .join(User, User.id == Message.user_id)
        .where(
            Message.user_id == user_id,
            Message.kind == Kind.CHANGE_EMAIL.value,
            Message.created_at > clock.now() - Purpose.CHANGE_EMAIL.lifetime,
        )
        .order_by(Message.created_at.desc(), Message.id.desc())
        .limit(1)
    ).one_or_none()
    if asked is None or asked.recipient is None or email_key(asked.recipient) == asked.email_key:
        return None
    if asked.password_changed_at is not None and asked.password_changed_at >= asked.created_at:
        return None
    return str(asked.recipient)
