"""The mail about a sign-in from a device that the person has not used before."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.orm import Session

from oidc_server.accounts.addresses import ACCOUNT
from oidc_server.accounts.mails.addressee import addressee_of
from oidc_server.messages.kinds import Kind
from oidc_server.messages.mail import Mail
from oidc_server.messages.models import Message
from oidc_server.messages.queue import Composer
from oidc_server.messages.rendering import compose_mail, link_to
from oidc_server.pages import languages
from oidc_server.sessions.programs import in_words, program_of


def new_device(session: Session, message: Message) -> Mail | None:
    """Which program, under what name, from where and when; the link leads to where sessions are ended and the password
    is changed. It is no secret of a link: whoever follows it signs in first.

    What the program and the device call themselves was sent along by whoever signed in."""
    to = addressee_of(session, message)
    if to is None:
        return None
    told = message.parameters
    with languages.speaking(to.language):
        program = in_words(program_of(told.get("user_agent")))
    name = told.get("device_name")
    device = f"{name} ({program})" if name and program else name or program
    return compose_mail(
        message, recipient=to.user.email, language=to.language, name=to.name, link=link_to(ACCOUNT),
        device=device, address=told.get("address"), when=message.created_at,
    )  # fmt: skip


COMPOSERS: Mapping[Kind, Composer] = {Kind.NEW_DEVICE: new_device}
