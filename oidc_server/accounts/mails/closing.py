"""The last mails about an account: that it was closed, and that it was erased."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.orm import Session

from oidc_server.accounts.addresses import ACCOUNT
from oidc_server.accounts.mails.addressee import addressee_of
from oidc_server.core import clock
from oidc_server.messages.kinds import Kind
from oidc_server.messages.mail import Mail
from oidc_server.messages.models import Message
from oidc_server.messages.queue import Composer
from oidc_server.messages.rendering import compose_mail, link_to
from oidc_server.users.models import Closure


def account_closed(session: Session, message: Message) -> Mail | None:
    """How long the person can still have it back; nothing, when they have it back already."""
    to, now = addressee_of(session, message), clock.now()
    closure = None if to is None else session.get(Closure, to.user.id)
    if to is None or closure is None or closure.erase_at <= now:
        return None
    return compose_mail(
        message, recipient=message.recipient or to.user.email, language=to.language, name=to.name,
        link=link_to(ACCOUNT), when=message.created_at, expires_in=closure.erase_at - now,
    )  # fmt: skip


def account_erased(_session: Session, message: Message) -> Mail | None:
    """To the last address; nothing else is known of the person any more."""
    if message.recipient is None:
        return None
    return compose_mail(message, recipient=message.recipient, when=message.created_at)


COMPOSERS: Mapping[Kind, Composer] = {Kind.ACCOUNT_CLOSED: account_closed, Kind.ACCOUNT_ERASED: account_erased}
