"""The mail that invites a person into an account that an admin made for them."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.orm import Session

from oidc_server.accounts.addresses import INVITATION
from oidc_server.accounts.mails.addressee import addressee_of, one_time_link
from oidc_server.core import clock
from oidc_server.messages.kinds import Kind
from oidc_server.messages.mail import Mail
from oidc_server.messages.models import Message
from oidc_server.messages.queue import Composer
from oidc_server.messages.rendering import compose_mail
from oidc_server.users.links import Purpose
from oidc_server.users.service import refusal_of


def invitation(session: Session, message: Message) -> Mail | None:
    """To the address that the account has now; none to who has a password already, or may not sign in."""
    to = addressee_of(session, message)
    if to is None or to.user.password_hash is not None:
        return None
    if refusal_of(to.user.suspended_at, to.user.locked_until, clock.now()) is not None:
        return None
    link = one_time_link(session, message, to.user, Purpose.INVITATION, INVITATION)
    if link is None:
        return None
    return compose_mail(
        message, recipient=to.user.email, language=to.language, name=to.name, link=link,
        expires_in=message.created_at + Purpose.INVITATION.lifetime - clock.now(),
    )  # fmt: skip


COMPOSERS: Mapping[Kind, Composer] = {Kind.INVITATION: invitation}
