"""A real mail server (aiosmtpd) on loopback: it keeps what it gets, and fails in the ways in which mail servers do."""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, Self, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from oidc_server.messages.delivery import Delivered, current_delivery
from tests.relying_party import Server

# It would tell all that is said, and its own words are no part of what a test reads.
logging.getLogger("mail.log").setLevel(logging.WARNING)
_LINK = re.compile(r"https?://\S+")


@dataclass(frozen=True)
class Letter:
    """A mail as it arrived; ``sender`` and ``recipients`` are those of the envelope."""

    sender: str
    recipients: tuple[str, ...]
    message: EmailMessage

    @property
    def recipient(self) -> str:
        """Who it is for, when that is one person."""
        (recipient,) = self.recipients
        return recipient

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def text(self) -> str:
        return self._part("plain")

    @property
    def html(self) -> str:
        return self._part("html")

    @property
    def links(self) -> list[str]:
        """Every address in the plain text, in its order."""
        return _LINK.findall(self.text)

    @property
    def link(self) -> str:
        """The first address in the plain text: the one that the mail is about."""
        return self.links[0]

    def _part(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        assert part is not None
        return str(part.get_content()).replace("\r\n", "\n")


class Mailbox:
    """The server. What it is told to do holds until it is told otherwise."""

    def __init__(
        self, *, tls: ssl.SSLContext | None = None, starttls: ssl.SSLContext | None = None, password: str | None = None
    ) -> None:
        self.letters: list[Letter] = []
        self.connections = 0
        self._password = password
        self._refusals: dict[str, str] = {}
        self._hangs = False
        self._drops = False
        self._controller = _OnLoopback(
            self, ssl_context=tls, tls_context=starttls, authenticator=self.authenticate,
            auth_required=password is not None, auth_require_tls=tls is None,
        )  # fmt: skip

    def __enter__(self) -> Self:
        self._controller.start()
        self.connections = 0
        return self

    def __exit__(self, *_error: object) -> None:
        self._controller.stop()

    @property
    def port(self) -> int:
        return self._controller.port

    @property
    def url(self) -> str:
        """For OIDC_SMTP_URL."""
        return f"smtp://127.0.0.1:{self.port}"

    # What it is told

    def refuse_recipients(self, reply: str | None) -> None:
        """Answer RCPT so, such as ``550 5.1.1 nobody here``; None: accept."""
        self._set("RCPT", reply)

    def refuse_senders(self, reply: str | None) -> None:
        """Answer MAIL so; None: accept."""
        self._set("MAIL", reply)

    def refuse_contents(self, reply: str | None) -> None:
        """Answer so to what was sent after DATA; None: accept."""
        self._set("DATA", reply)

    def hang(self, hangs: bool = True) -> None:
        """Never answer RCPT."""
        self._hangs = hangs

    def drop_after_data(self, drops: bool = True) -> None:
        """Take the mail and close the connection without a word."""
        self._drops = drops

    def reset(self) -> None:
        """Work as it should, and forget what came."""
        self._refusals.clear()
        self._hangs = self._drops = False
        self.letters.clear()
        self.connections = 0

    def _set(self, command: str, reply: str | None) -> None:
        if reply is None:
            self._refusals.pop(command, None)
        else:
            self._refusals[command] = reply

    # What it got

    def only(self) -> Letter:
        """The one mail that came."""
        (letter,) = self.letters
        return letter

    def letters_to(self, recipient: str) -> list[Letter]:
        """What came for somebody, oldest first."""
        return [letter for letter in self.letters if recipient in letter.recipients]

    def clear(self) -> None:
        """Forget what came."""
        self.letters.clear()

    # How aiosmtpd asks

    async def handle_MAIL(  # noqa: N802 - the names and arguments are aiosmtpd's
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return self._refusals.get("MAIL", "250 OK")

    async def handle_RCPT(  # noqa: N802 - the names and arguments are aiosmtpd's
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if self._hangs:
            await asyncio.get_running_loop().create_future()
        if "RCPT" not in self._refusals:
            envelope.rcpt_tos.append(address)
        return self._refusals.get("RCPT", "250 OK")

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        if "DATA" in self._refusals:
            return self._refusals["DATA"]
        message = message_from_bytes(cast("bytes", envelope.original_content), policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.letters.append(Letter(str(envelope.mail_from), tuple(envelope.rcpt_tos), message))
        if self._drops:
            assert isinstance(server.transport, asyncio.WriteTransport)
            server.transport.abort()
        return "250 OK"

    def authenticate(self, _server: SMTP, _session: Session, _envelope: Envelope, _way: str, given: Any) -> AuthResult:
        """Whether somebody knows the password."""
        right = self._password is not None and given.password == self._password.encode()
        return AuthResult(success=right, handled=False)


class _OnLoopback(Controller):
    """aiosmtpd's server, on a free port, which counts who comes."""

    def __init__(self, box: Mailbox, **options: Any) -> None:
        self._box = box
        super().__init__(box, "127.0.0.1", 0, server_hostname="mail.example.com", **options)

    def factory(self) -> SMTP:
        self._box.connections += 1
        server: SMTP = super().factory()  # type: ignore[no-untyped-call]
        return server

    def _trigger_server(self) -> None:
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


def deliver(server: Server) -> Delivered:
    """Let a server send what is due."""
    with server.app.app_context():
        return current_delivery().deliver_due()
