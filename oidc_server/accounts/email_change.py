"""Changing the email address: proven at the new one, told to the old one, and taken back from there for seven days.

Nothing changes until the new address is proven (ASVS 6.4.1), and whoever loses an account because a thief changed its
address gets it back by the mail that the thief does not read."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from oidc_server.accounts.mail_requests import admit_mail_request, recipient_key
from oidc_server.accounts.password_change import prove_current
from oidc_server.accounts.refusals import AccountGone, EmailTaken, MembersWrong
from oidc_server.audit.catalogue import Event
from oidc_server.audit.service import Actor, record
from oidc_server.core import clock
from oidc_server.core.database import reading, transaction
from oidc_server.core.errors import Reason
from oidc_server.messages.kinds import Kind
from oidc_server.messages.service import enqueue
from oidc_server.pages.languages import gettext
from oidc_server.users.links import (
    OVERTAKEN_BY_PASSWORD,
    LinkRefused,
    Purpose,
    cancel_links,
    find_link,
    redeem_link,
)
from oidc_server.users.models import User

if TYPE_CHECKING:
    from oidc_server.protocol.server import AuthorizationServer


def request_email_change(
    server: AuthorizationServer, *, user_id: uuid.UUID, email: str, address: str, password: str | None = None
) -> None:
    """Have a link sent to the new address; asked for from the network ``address`` by the person who is signed in, whose
    ``password`` is checked when it is given.

    A new address that somebody else has is answered alike: there it ends when the mail would be composed (attack G17).
    Raises ``MembersWrong`` and ``Throttled``; it opens its own transaction."""
    email = email.strip()
    key = recipient_key(email)
    with reading() as session:
        user = session.get(User, user_id)
    if user is None:
        raise AccountGone
    if key == user.email_key:
        raise MembersWrong({"email": [gettext("This is your email address already.")]})
    if password is not None:
        prove_current(server, user, password, address)
    is_sent = admit_mail_request(server.limits, Purpose.CHANGE_EMAIL, email, address)
    with transaction() as session:
        cancel_links(session, user_id, (Purpose.CHANGE_EMAIL,))
        message = enqueue(session, kind=Kind.CHANGE_EMAIL, user_id=user_id, recipient=email)
        if not is_sent:  # for the person it waits like any other: who else asked is nobody's business
            message.next_attempt_at, message.dropped_at = None, clock.now()
        record(
            session, Event.USER_EMAIL_CHANGE_REQUESTED, actor=Actor("user", str(user_id)), subject=str(user_id),
            user_id=user_id,
        )  # fmt: skip


def confirm_email_change(session: Session, token: str, *, user_id: uuid.UUID) -> str:
    """Take the address that the link with this ``token`` proves, for the person who is signed in; the new address.

    Raises ``LinkRefused``, also for the link of another account, which stays good (attack G15), and ``EmailTaken`` when
    another account has the address by now. The unique index closes the race of two that confirm one address at once."""
    _, owner = find_link(session, token, Purpose.CHANGE_EMAIL)
    if owner.id != user_id:
        raise LinkRefused(Reason.LINK_UNKNOWN, "it is another account's")
    link, user = redeem_link(session, token, Purpose.CHANGE_EMAIL)
    before, actor = user.email, Actor("user", str(user.id))
    move_to(session, user, link.email, link.email_key)
    cancel_links(session, user.id, OVERTAKEN_BY_PASSWORD)
    record(session, Event.USER_EMAIL_CHANGED, actor=actor, subject=str(user.id), user_id=user.id)
    enqueue(
        session, kind=Kind.EMAIL_CHANGE_NOTICE, user_id=user.id, recipient=before,
        parameters={"new_email": user.email},
    )  # fmt: skip
    return user.email


def move_to(session: Session, user: User, email: str, key: str) -> None:
    """Give the account an address that was just proven. Raises ``EmailTaken``."""
    taken = session.scalar(select(User.id).where(User.email_key == key, User.id != user.id))
    if taken is not None:
        raise EmailTaken
    now = clock.now()
    user.email, user.email_key, user.email_verified_at, user.updated_at = email, key, now, now
    try:
        session.flush()
    except IntegrityError as error:
        raise EmailTaken from error
