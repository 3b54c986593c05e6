"""The messages that tell a code for a second factor, by mail or to a phone."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from sqlalchemy.orm import Session

from oidc_server.accounts.mails.addressee import Addressee, addressee_of
from oidc_server.core import clock
from oidc_server.messages.kinds import Kind
from oidc_server.messages.mail import Mail
from oidc_server.messages.models import Message
from oidc_server.messages.queue import Composer
from oidc_server.messages.rendering import compose_code_sms, compose_mail
from oidc_server.messages.transports import Sms
from oidc_server.mfa.factors import current_second_factors
from oidc_server.mfa.sent_codes import SENT_CODE, CodeToSend, code_to_send
from oidc_server.users.service import refusal_of


def mfa_code(session: Session, message: Message) -> Mail | None:
    """To the address that the account had when the code was asked for, if it has it still. An address that nobody has
    confirmed may be a stranger's, to whom nobody is to have words of their own sent: then the name is left away."""
    to, sent = _what_to_tell(session, message)
    if to is None or sent is None:
        return None
    name = to.name if to.user.email_verified_at is not None else None
    return compose_mail(
        message, recipient=sent.recipient, language=to.language, name=name, code=sent.code,
        expires_in=sent.expires_at - clock.now(), address=message.parameters.get("address"),
    )  # fmt: skip


def mfa_code_by_sms(session: Session, message: Message) -> Sms | None:
    """To the number of the method, which may be one that is only being set up."""
    to, sent = _what_to_tell(session, message)
    if to is None or sent is None:
        return None
    return compose_code_sms(message, recipient=sent.recipient, language=to.language, code=sent.code)


def _what_to_tell(session: Session, message: Message) -> tuple[Addressee | None, CodeToSend | None]:
    """The person and the code; nothing when the code is not good any more, or they may not sign in any more."""
    to = addressee_of(session, message)
    if to is None or refusal_of(to.user.suspended_at, to.user.locked_until, clock.now()) is not None:
        return None, None
    return to, code_to_send(session, current_second_factors(), uuid.UUID(message.parameters[SENT_CODE]))


COMPOSERS: Mapping[Kind, Composer] = {Kind.MFA_CODE: mfa_code, Kind.MFA_CODE_BY_SMS: mfa_code_by_sms}
