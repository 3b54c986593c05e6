"""A server's messages, who composes them, and the mailbox to which they go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from oidc_server.core.settings import Settings
from oidc_server.core.settings_checks import mail_sender
from oidc_server.messages.delivery import Delivered
from oidc_server.messages.kinds import Kind
from oidc_server.messages.mail import Letterhead, Mail
from oidc_server.messages.models import Message
from oidc_server.messages.service import enqueue
from oidc_server.messages.smtp import SmtpTransport
from tests.mailbox import Mailbox, deliver
from tests.relying_party import Server
from tests.running import ISSUER

HOST = ISSUER.removeprefix("https://")


@dataclass
class PostOffice:
    """A server that sends to the mailbox what ``composers`` make, which a test may change."""

    server: Server
    mailbox: Mailbox
    composers: dict[Kind, Any]

    def wait_for(self, recipient: str = "ada@example.com", **facts: Any) -> Message:
        """Have a message wait."""
        with self.server.app.app_context(), self.server.database.transaction() as session:
            return enqueue(session, kind=facts.pop("kind", Kind.RESET_PASSWORD), recipient=recipient, **facts)

    def deliver(self) -> Delivered:
        """Send what is due."""
        return deliver(self.server)

    def messages(self) -> list[Message]:
        """Every row, oldest first."""
        with self.server.database.reading() as session:
            return list(session.scalars(select(Message).order_by(Message.id)))

    def only(self) -> Message:
        """The one row."""
        (message,) = self.messages()
        return message


def to_the_recipient(_session: Session, message: Message) -> Mail | None:
    """A composer: a few words to whom the row names, and a link that follows from the row alone."""
    assert message.recipient is not None
    return Mail(message.recipient, "Words", f"Words: {ISSUER}/page?token={message.id.hex}\n", "<p>Words</p>")


def transport_to(url: str, timeout: float = 0.3, **given: Any) -> SmtpTransport:
    """Hands over to a mail server, for which it waits a third of a second at most."""
    settings = Settings(issuer=ISSUER, smtp_url=url, **given)
    return SmtpTransport(settings, Letterhead(mail_sender(settings), HOST), timeout)
