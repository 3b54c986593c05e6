"""The way to the mail server: TLS wherever it is offered, certificates that count, and no password in clear."""

from __future__ import annotations

import ssl
import uuid
from pathlib import Path

import pytest

from oidc_server.messages.mail import Mail
from oidc_server.messages.smtp import SmtpTransport
from oidc_server.messages.transports import Away, Outgoing, Refused
from tests.certificates import self_signed
from tests.commands.mail_server import MailServer
from tests.mailbox import Mailbox
from tests.messages.post_office import transport_to

MAIL = Mail("ada@example.com", "Words", "Words\n", "<p>Words</p>")


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """What a server needs, and the file of its certificate."""
    return self_signed(tmp_path_factory.mktemp("tls"))


def send(transport: SmtpTransport, mail: Mail = MAIL) -> None:
    with transport.connection() as hand_over:
        hand_over(Outgoing(uuid.uuid4(), mail))


def with_user(url: str, user: str) -> str:
    return url.replace("://", f"://{user}@")


def test_starttls_is_used_where_it_is_offered_and_the_user_logs_in_under_it(tls: tuple[ssl.SSLContext, Path]) -> None:
    with Mailbox(starttls=tls[0], password="pass:word") as mailbox:
        url = with_user(mailbox.url, "ada:pass%3Aword")
        send(transport_to(url, ca_bundle=str(tls[1])))
        assert mailbox.only().recipient == "ada@example.com"
        with pytest.raises(Away, match="SMTPAuthenticationError"):
            send(transport_to(with_user(mailbox.url, "ada:wrong"), ca_bundle=str(tls[1])))


def test_a_certificate_that_nobody_knows_keeps_the_mail_here(tls: tuple[ssl.SSLContext, Path]) -> None:
    with Mailbox(starttls=tls[0]) as mailbox:
        with pytest.raises(Away, match="CERTIFICATE_VERIFY_FAILED"):
            send(transport_to(mailbox.url))
        assert mailbox.letters == []


def test_smtps_is_tls_from_the_first_byte(tls: tuple[ssl.SSLContext, Path]) -> None:
    with Mailbox(tls=tls[0]) as mailbox:
        send(transport_to(mailbox.url.replace("smtp://", "smtps://"), ca_bundle=str(tls[1])))
        assert mailbox.only().recipient == "ada@example.com"


def test_a_password_never_travels_in_clear() -> None:
    with MailServer(extensions=("AUTH PLAIN",)) as server, pytest.raises(Away, match="no TLS"):
        send(transport_to(f"smtp://ada:hunter2@127.0.0.1:{server.port}"))
    assert not any(command.upper().startswith("AUTH") for command in server.commands)


def test_an_address_that_the_server_has_no_characters_for_is_refused_for_good() -> None:
    with MailServer() as server, pytest.raises(Refused, match="SMTPNotSupportedError"):
        send(transport_to(f"smtp://127.0.0.1:{server.port}"), Mail("jörg@example.com", "Words", "", ""))


def test_addresses_outside_of_ascii_are_written_to(mailbox: Mailbox) -> None:
    send(transport_to(mailbox.url), Mail("jörg@bücher.example", "Grüße", "Grüße\n", "<p>Grüße</p>"))
    letter = mailbox.only()
    assert letter.recipient == "jörg@xn--bcher-kva.example"
    assert (letter.subject, letter.text) == ("Grüße", "Grüße\n")


def test_a_port_that_is_no_number_is_a_server_that_cannot_be_used() -> None:
    for url in ("smtp://127.0.0.1:99999", "smtp://ada:hunter/2@mail.example.com"):
        with pytest.raises(Away, match="not a number") as away:
            send(transport_to(url))
        assert "hunter" not in str(away.value)
