"""Asking for a mail with a link, which anybody can: counted, and answered alike whether the address has an account.

Nothing here looks at any account; whether there is something to send is decided when it is sent."""

from __future__ import annotations

import uuid

from sqlalchemy.orm import Session

from oidc_server.accounts.refusals import MembersWrong
from oidc_server.core.errors import Reason, Throttled
from oidc_server.core.identity import NotAnEmail, email_key
from oidc_server.core.limit_rules import MAILS_ALTOGETHER, MAILS_BY_ADDRESS, MAILS_TO_RECIPIENT
from oidc_server.core.limits import Limits, address_key
from oidc_server.messages.kinds import Kind
from oidc_server.messages.service import enqueue

INTERACTION = "interaction"  # the parameter of the message that names the app's request which waits for the person


def admit_mail_request(limits: Limits, purpose: str, email: str, address: str) -> bool:
    """Count a request for a mail to ``email``, asked for from ``address``. False: this recipient has got enough, so
    nothing is to be sent, and the caller is answered as always: who asked before is nobody else's business.

    ``purpose`` keeps one kind of mail from using up another's. Raises :class:`MembersWrong` for what is no address, and
    :class:`Throttled` when the asking address, or everybody together, asked too often."""
    key, where = recipient_key(email), address_key(address)
    if not limits.hit(MAILS_BY_ADDRESS, purpose, where):
        wait = limits.retry_after(MAILS_BY_ADDRESS, purpose, where)
        raise Throttled(Reason.MAIL_THROTTLED, "address", retry_after=wait)
    return admit_mail(limits, purpose, key)


def admit_mail(limits: Limits, purpose: str, key: str) -> bool:
    """Count a mail to the recipient with this key (:func:`recipient_key`), whoever had it sent; otherwise as above."""
    if limits.hit_all(MAILS_TO_RECIPIENT, purpose, key) is not None:
        return False
    if not limits.hit(MAILS_ALTOGETHER, purpose):
        raise Throttled(Reason.MAIL_THROTTLED, "altogether", retry_after=limits.retry_after(MAILS_ALTOGETHER, purpose))
    return True


def recipient_key(email: str) -> str:
    """The form under which every spelling of an address counts as one (attack R02). Raises :class:`MembersWrong`."""
    try:
        return email_key(email.strip())
    except NotAnEmail as error:
        raise MembersWrong({"email": [str(error)]}) from error


def request_mail(session: Session, kind: Kind, email: str, interaction_id: uuid.UUID | None = None) -> None:
    """Write down that a mail was asked for, whether or not the address has an account. The link in it leads on with the
    app's request that waits there, if the mail is opened in the same browser."""
    enqueue(session, kind=kind, recipient=email.strip(), parameters=waiting_for(interaction_id))


def waiting_for(interaction_id: uuid.UUID | None) -> dict[str, str]:
    """What a message has to hold of the app's request that waits for the person."""
    return {} if interaction_id is None else {INTERACTION: str(interaction_id)}
