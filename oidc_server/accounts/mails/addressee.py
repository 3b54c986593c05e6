"""Whom a mail is for, as the account is when the mail is sent; and the links that it may hold."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from oidc_server.accounts.mail_requests import INTERACTION
from oidc_server.core import crypto
from oidc_server.messages.models import Message
from oidc_server.messages.rendering import link_to
from oidc_server.protocol.server import current_server
from oidc_server.users.links import KEYS_PURPOSE, Place, Purpose, make_link
from oidc_server.users.models import Profile, User
from oidc_server.users.service import find_by_login


class Addressee(NamedTuple):
    """A person, how to greet them, and the language to write in: that of the request, or of their profile."""

    user: User
    name: str | None
    language: str | None


def addressee_of(session: Session, message: Message) -> Addressee | None:
    """Whom the message is for: its account, or the one that has the address it was asked for; None when there is none
    any more."""
    if message.user_id is not None:
        user = session.get(User, message.user_id)
    else:
        user = find_by_login(session, message.recipient or "")
    if user is None:
        return None
    profile = session.execute(select(Profile.name, Profile.locale).where(Profile.user_id == user.id)).one_or_none()
    name, locale = profile or (None, None)
    return Addressee(user, name, message.language or locale)


def one_time_link(
    session: Session, message: Message, user: User, purpose: Purpose, page: str, *,
    about: tuple[str, str] | None = None, browser_digest: bytes | None = None,
) -> str | None:  # fmt: skip
    """The address of a page, with the message's one-time link in it; None when something has overtaken it.

    ``about`` is the address, and its key, that the link is about; by default that of the account. ``browser_digest``
    names the browser in which the person registered."""
    email, key = about or (user.email, user.email_key)
    keys = crypto.derive_each(current_server().settings.secret_keys, KEYS_PURPOSE)
    place = Place(message.id, message.created_at, email, key, browser_digest)
    secret = make_link(session, keys, user, purpose, place)
    if secret is None:
        return None
    waiting = message.parameters.get(INTERACTION)
    return link_to(page, token=secret) if waiting is None else link_to(page, token=secret, interaction=waiting)
