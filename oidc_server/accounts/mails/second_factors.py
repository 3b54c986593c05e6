"""Mails about second factors: that one was added or removed, about recovery codes, and that an admin removed all."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.orm import Session

from oidc_server.accounts.addresses import ACCOUNT_SECURITY
from oidc_server.accounts.factor_words import KIND_WORDS
from oidc_server.accounts.mails.addressee import addressee_of
from oidc_server.messages.kinds import Kind
from oidc_server.messages.mail import Mail
from oidc_server.messages.models import Message
from oidc_server.messages.queue import Composer
from oidc_server.messages.rendering import compose_mail, link_to
from oidc_server.mfa.kinds import FactorKind
from oidc_server.pages import languages


def second_factors_changed(session: Session, message: Message) -> Mail | None:
    """To the address that the account had when it happened: whoever did it may have changed that since. Of a factor its
    kind is told, and not what its owner calls it."""
    to = addressee_of(session, message)
    if to is None:
        return None
    told = message.parameters
    method = None
    if "kind" in told:
        with languages.speaking(to.language):
            method = str(KIND_WORDS[FactorKind(told["kind"])])
    return compose_mail(
        message, recipient=message.recipient or to.user.email, language=to.language, name=to.name,
        link=link_to(ACCOUNT_SECURITY), when=message.created_at, address=told.get("address"), method=method,
        codes_left=told.get("left"),
    )  # fmt: skip


COMPOSERS: Mapping[Kind, Composer] = {
    Kind.MFA_METHOD_ADDED: second_factors_changed,
    Kind.MFA_METHOD_REMOVED: second_factors_changed,
    Kind.MFA_RECOVERY_CODES: second_factors_changed,
    Kind.MFA_RESET: second_factors_changed,
}
