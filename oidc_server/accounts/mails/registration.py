"""Mails about registering: a link that confirms the address, and that there is an account already."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from oidc_server.accounts.addresses import ACCOUNT, VERIFY_EMAIL
from oidc_server.accounts.mails.addressee import addressee_of, one_time_link
from oidc_server.accounts.registration import BROWSER
from oidc_server.core import clock
from oidc_server.messages.kinds import Kind
from oidc_server.messages.mail import Mail
from oidc_server.messages.models import Message
from oidc_server.messages.queue import Composer
from oidc_server.messages.rendering import compose_mail, link_to
from oidc_server.users.links import Purpose
from oidc_server.users.models import Link, User
from oidc_server.users.service import refusal_of


def verify_email(session: Session, message: Message) -> Mail | None:
    """To the address that the account has, until it is confirmed. The name is left away: nobody has proven yet that
    they did not type somebody else's address, to have their words sent there."""
    to = addressee_of(session, message)
    if to is None or to.user.email_verified_at is not None:
        return None
    if refusal_of(to.user.suspended_at, to.user.locked_until, clock.now()) is not None:
        return None
    link = one_time_link(
        session, message, to.user, Purpose.VERIFY_EMAIL, VERIFY_EMAIL,
        browser_digest=_browser_digest(session, message, to.user),
    )  # fmt: skip
    if link is None:
        return None
    return compose_mail(
        message, recipient=to.user.email, language=to.language, link=link,
        expires_in=message.created_at + Purpose.VERIFY_EMAIL.lifetime - clock.now(),
    )  # fmt: skip


def _browser_digest(session: Session, message: Message, user: User) -> bytes | None:
    """The browser in which the person registered. A mail that was asked for again is about the same one, whoever asked
    for it: the one that asks is no proof of having registered (attack G18)."""
    if message.user_id is not None:
        digest = message.parameters.get(BROWSER)
        return None if digest is None else bytes.fromhex(digest)
    earlier = (
        select(Link.browser_digest)
        .where(Link.user_id == user.id, Link.purpose == Purpose.VERIFY_EMAIL.value, Link.email_key == user.email_key)
        .order_by(Link.created_at)
        .limit(1)
    )
    return session.scalar(earlier)


def already_registered(session: Session, message: Message) -> Mail | None:
    """To the owner of the address. As above, the name of an account that was never confirmed is left away."""
    to = addressee_of(session, message)
    if to is None:
        return None
    name = to.name if to.user.email_verified_at is not None else None
    return compose_mail(
        message, recipient=to.user.email, language=to.language, name=name, link=link_to(ACCOUNT)
    )  # fmt: skip


COMPOSERS: Mapping[Kind, Composer] = {
    Kind.VERIFY_EMAIL: verify_email,
    Kind.ALREADY_REGISTERED: already_registered,
}
