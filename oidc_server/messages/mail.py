"""A mail as text and HTML, and as what travels (RFC 5322, RFC 2046 §5.1.4).

Only the subject and the addresses come from outside into its head: each is checked or encoded, and none can begin
another line."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from oidc_server.core import clock
from oidc_server.core.identity import email_key

# Everything outside of ASCII is encoded: no mail server on the way has to know 8BITMIME (RFC 6152).
_POLICY = policy.SMTP.clone(cte_type="7bit")


@dataclass(frozen=True)
class Mail:
    """What is told to one person; ``language`` is the BCP 47 tag of its words."""

    recipient: str
    subject: str
    text: str
    html: str
    language: str = "en"


@dataclass(frozen=True)
class Letterhead:
    """What every mail of this server says of where it comes from."""

    sender: Address
    host: str


def address_of(recipient: str) -> Address:
    """An address as it is written to: as it was typed, with its domain in A-labels (RFC 5891).

    Raises :class:`~oidc_server.core.identity.NotAnEmail` for everything that is not exactly one address."""
    domain = email_key(recipient).rpartition("@")[2]
    return Address(username=recipient.rpartition("@")[0], domain=domain)


def build(mail: Mail, message_id: uuid.UUID, letterhead: Letterhead) -> EmailMessage:
    """The mail as it travels. What is sent a second time has the same Message-ID, so that readers can drop it.

    Raises :class:`~oidc_server.core.identity.NotAnEmail`."""
    message = EmailMessage(policy=_POLICY)
    message["From"] = letterhead.sender
    message["To"] = address_of(mail.recipient)
    message["Subject"] = " ".join(mail.subject.split())
    message["Date"] = format_datetime(clock.now())
    message["Message-ID"] = f"<{message_id}@{letterhead.host}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834 §5: no robot answers it
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    message["Content-Language"] = mail.language  # RFC 3282; of the whole, so it is said when there is one
    return message
