"""Mail by SMTP (RFC 5321): one connection for a batch, TLS wherever it is offered (RFC 3207, RFC 8314).

Certificates are verified always; one that only this network knows is made known by OIDC_CA_BUNDLE."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import unquote, urlsplit

from oidc_server.core.identity import NotAnEmail
from oidc_server.core.settings import Settings
from oidc_server.messages.mail import Letterhead, Mail, build
from oidc_server.messages.transports import Away, NotTaken, Outgoing, Refused, Send

TIMEOUT_SECONDS = 10.0
_CLOSING = 421  # RFC 5321 §3.8


def tls_context(ca_bundle: str) -> ssl.SSLContext:
    """What trusts the system's certificates, and those of the bundle if there is one."""
    context = ssl.create_default_context()
    if ca_bundle:
        context.load_verify_locations(ca_bundle)
    return context


def connect(url: str, ca_bundle: str, timeout: float) -> smtplib.SMTP:
    """A connection to a mail server that has greeted us; nobody has logged in, and STARTTLS is the caller's.

    Raises ``OSError``, of which ``SMTPException`` is one kind, and ``ValueError`` when the port is not a number."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    # Named here, because smtplib would ask the DNS for this host's name, without any limit of time.
    own_name = socket.gethostname()
    if parts.scheme != "smtps":
        return smtplib.SMTP(host, port or smtplib.SMTP_PORT, local_hostname=own_name, timeout=timeout)
    context = tls_context(ca_bundle)
    return smtplib.SMTP_SSL(
        host, port or smtplib.SMTP_SSL_PORT, local_hostname=own_name, timeout=timeout, context=context
    )


class SmtpTransport:
    """Hands mails to the server of OIDC_SMTP_URL; ``timeout`` bounds each wait for it, in seconds."""

    def __init__(self, settings: Settings, letterhead: Letterhead, timeout: float = TIMEOUT_SECONDS) -> None:
        self._url = settings.smtp_url
        self._ca_bundle = settings.ca_bundle
        self._letterhead = letterhead
        self._timeout = timeout

    @contextmanager
    def connection(self) -> Iterator[Send]:
        """One connection, made when the first mail comes, and again after a mail that broke it."""
        open_now: list[smtplib.SMTP] = []

        def send(outgoing: Outgoing) -> None:
            if open_now and open_now[0].sock is None:
                open_now.clear()
            if not open_now:
                open_now.append(self._open())
            self._hand_over(open_now[0], outgoing)

        try:
            yield send
        finally:
            for server in open_now:
                _leave(server)

    def _open(self) -> smtplib.SMTP:
        """Raises :class:`Away`."""
        try:
            server = connect(self._url, self._ca_bundle, self._timeout)
        except OSError as error:
            raise Away(_words(error)) from error
        except ValueError:  # its text would repeat what stands in the place of the port, which may be of the password
            raise Away("the port of its address is not a number") from None
        try:
            self._secure(server)
        except OSError as error:
            server.close()
            raise Away(_words(error)) from error
        return server

    def _secure(self, server: smtplib.SMTP) -> None:
        parts = urlsplit(self._url)
        server.ehlo_or_helo_if_needed()
        encrypted = parts.scheme == "smtps"
        if not encrypted and server.has_extn("starttls"):
            server.starttls(context=tls_context(self._ca_bundle))
            server.ehlo()
            encrypted = True
        if parts.username:
            if not encrypted:
                raise smtplib.SMTPNotSupportedError("it offers no TLS: the password would travel in clear")
            server.login(unquote(parts.username), unquote(parts.password or ""))

    def _hand_over(self, server: smtplib.SMTP, outgoing: Outgoing) -> None:
        """Raises :class:`Refused`, :class:`Away` or :class:`NotTaken`."""
        assert isinstance(outgoing.content, Mail)  # noqa: S101 - narrows the type: other channels go elsewhere
        try:
            message = build(outgoing.content, outgoing.id, self._letterhead)
            sender, recipient = self._letterhead.sender.addr_spec, message["To"].addresses[0].addr_spec
            server.send_message(message, sender, [recipient])
        except (NotAnEmail, smtplib.SMTPNotSupportedError) as error:  # it knows no addresses outside of ASCII
            raise Refused(_words(error)) from error
        except smtplib.SMTPRecipientsRefused as error:
            ((code, reply),) = error.recipients.values()
            raise _kind_of(code)(f"{code} {_text(reply)}") from error
        except smtplib.SMTPDataError as error:
            raise NotTaken(f"{error.smtp_code} {_text(error.smtp_error)}") from error
        except OSError as error:
            server.close()
            raise Away(_words(error)) from error


def _kind_of(code: int) -> type[NotTaken]:
    """What a refusal of the recipient means (RFC 5321 §4.2.1). Only a lasting one of the person's address is for good:
    what else is refused, somebody may mend while the mail waits."""
    if code == _CLOSING:
        return Away
    return Refused if 500 <= code < 600 else NotTaken


def _leave(server: smtplib.SMTP) -> None:
    if server.sock is not None:
        with suppress(OSError):
            server.quit()
    server.close()


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _text(reply: bytes | str) -> str:
    return reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
