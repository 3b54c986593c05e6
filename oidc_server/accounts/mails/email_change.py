"""Mails about another email address: the link that proves the new one, and the one that takes the old one back."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from oidc_server.accounts.addresses import CONFIRM_EMAIL, UNDO_EMAIL_CHANGE
from oidc_server.accounts.mails.addressee import addressee_of, one_time_link
from oidc_server.core import clock
from oidc_server.core.identity import email_key
from oidc_server.messages.kinds import Kind
from oidc_server.messages.mail import Mail
from oidc_server.messages.models import Message
from oidc_server.messages.queue import Composer
from oidc_server.messages.rendering import compose_mail
from oidc_server.users.links import Purpose
from oidc_server.users.models import User
from oidc_server.users.service import refusal_of


def change_email(session: Session, message: Message) -> Mail | None:
    """To the new address, unless somebody has it, which nobody is told (attack G17), or the person has asked for yet
    another one since. The greeting has no name: who reads it may be a stranger to the person."""
    to, email = addressee_of(session, message), message.recipient
    if to is None or email is None or refusal_of(to.user.suspended_at, to.user.locked_until, clock.now()) is not None:
        return None
    key = email_key(email)
    taken = select(User.id).where(User.email_key == key)
    newer = select(Message.id).where(
        Message.user_id == to.user.id, Message.kind == message.kind, Message.created_at > message.created_at
    )
    if session.scalar(taken) is not None or session.scalar(newer.limit(1)) is not None:
        return None
    link = one_time_link(session, message, to.user, Purpose.CHANGE_EMAIL, CONFIRM_EMAIL, about=(email, key))
    if link is None:
        return None
    return compose_mail(
        message, recipient=email, language=to.language, link=link, new_email=email,
        expires_in=message.created_at + Purpose.CHANGE_EMAIL.lifetime - clock.now(),
    )  # fmt: skip


def email_change_notice(session: Session, message: Message) -> Mail | None:
    """To the address before, whatever the account's is by now."""
    to, email = addressee_of(session, message), message.recipient
    if to is None or email is None:
        return None
    about = (email, email_key(email))
    link = one_time_link(session, message, to.user, Purpose.UNDO_EMAIL_CHANGE, UNDO_EMAIL_CHANGE, about=about)
    if link is None:
        return None
    return compose_mail(
        message, recipient=email, language=to.language, name=to.name, link=link, old_email=email,
        new_email=message.parameters["new_email"], when=message.created_at,
        expires_in=message.created_at + Purpose.UNDO_EMAIL_CHANGE.lifetime - clock.now(),
    )  # fmt: skip


COMPOSERS: Mapping[Kind, Composer] = {
    Kind.CHANGE_EMAIL: change_email,
    Kind.EMAIL_CHANGE_NOTICE: email_change_notice,
}
