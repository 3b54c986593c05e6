"""Closing one's account: it can be had back by signing in until its grace is over, and is erased then."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from oidc_server.accounts.refusals import AccountGone
from oidc_server.audit.service import Actor
from oidc_server.authorizations.ending import end_all
from oidc_server.core import clock
from oidc_server.core.errors import Reason
from oidc_server.messages.kinds import Kind
from oidc_server.messages.models import Message
from oidc_server.messages.service import enqueue
from oidc_server.users.closing import close
from oidc_server.users.links import OVERTAKEN_BY_PASSWORD, Purpose, cancel_links
from oidc_server.users.models import User


def close_account(session: Session, user_id: uuid.UUID, *, actor: Actor, grace: timedelta) -> datetime:
    """Close the account, with every session, grant and pending link, and tell the person; when it will be erased.

    That is after ``grace``, and later when the address was changed lately: whoever can take that back must find an
    account. Raises ``AccountGone``."""
    user = session.get(User, user_id, with_for_update=True)
    if user is None:
        raise AccountGone
    closure = close(session, user, actor=actor, grace=_time_to_return(session, user_id, grace))
    end_all(session, user_id=user_id, actor=actor, reason=Reason.ACCOUNT_CLOSED)
    cancel_links(session, user_id, OVERTAKEN_BY_PASSWORD)
    enqueue(session, kind=Kind.ACCOUNT_CLOSED, user_id=user_id, recipient=user.email)
    return closure.erase_at


def would_be_erased_at(session: Session, user_id: uuid.UUID, *, grace: timedelta) -> datetime:
    """When the account would be erased if it were closed now."""
    return clock.now() + _time_to_return(session, user_id, grace)


def _time_to_return(session: Session, user_id: uuid.UUID, grace: timedelta) -> timedelta:
    return max(grace, _time_to_undo(session, user_id))


def _time_to_undo(session: Session, user_id: uuid.UUID) -> timedelta:
    """For how long the latest change of the address can still be taken back. The notice of it is in the transaction of
    the change, and its link is made only when it is sent."""
    changed = func.max(Message.created_at).label("changed_at")
    notices = select(changed).where(Message.user_id == user_id, Message.kind == Kind.EMAIL_CHANGE_NOTICE.value)
    changed_at = session.scalar(notices)
    if changed_at is None:
        return timedelta(0)
    return max(timedelta(0), changed_at + Purpose.UNDO_EMAIL_CHANGE.lifetime - clock.now())
