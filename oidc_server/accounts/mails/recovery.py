"""Mails about the password: a link to set a new one, and that it was changed."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.orm import Session

from oidc_server.accounts.addresses import FORGOT_PASSWORD, RESET_PASSWORD
from oidc_server.accounts.mails.addressee import addressee_of, one_time_link
from oidc_server.core import clock
from oidc_server.messages.kinds import Kind
from oidc_server.messages.mail import Mail
from oidc_server.messages.models import Message
from oidc_server.messages.queue import Composer
from oidc_server.messages.rendering import compose_mail, link_to
from oidc_server.users.links import Purpose
from oidc_server.users.service import refusal_of


def reset_password(session: Session, message: Message) -> Mail | None:
    """To the address that the account has, not to the one that was typed (attack G13). An account that may not sign in
    gets none; one that was closed does, since signing in opens it again."""
    to = addressee_of(session, message)
    if to is None or refusal_of(to.user.suspended_at, to.user.locked_until, clock.now()) is not None:
        return None
    link = one_time_link(session, message, to.user, Purpose.RESET_PASSWORD, RESET_PASSWORD)
    if link is None:
        return None
    return compose_mail(
        message, recipient=to.user.email, language=to.language, name=to.name, link=link,
        expires_in=message.created_at + Purpose.RESET_PASSWORD.lifetime - clock.now(),
    )  # fmt: skip


def password_changed(session: Session, message: Message) -> Mail | None:
    """To the address that the account had when it happened: whoever changed the password may have changed it since."""
    to = addressee_of(session, message)
    if to is None:
        return None
    return compose_mail(
        message, recipient=message.recipient or to.user.email, language=to.language, name=to.name,
        link=link_to(FORGOT_PASSWORD), when=message.created_at, address=message.parameters.get("address"),
    )  # fmt: skip


COMPOSERS: Mapping[Kind, Composer] = {Kind.RESET_PASSWORD: reset_password, Kind.PASSWORD_CHANGED: password_changed}
