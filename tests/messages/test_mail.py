"""A mail as it travels: its head is well-formed whatever people are called, and nothing in it begins another line."""

from __future__ import annotations

import re
import uuid
from dataclasses import replace
from typing import Any

import pytest

from oidc_server.core import clock
from oidc_server.core.identity import NotAnEmail
from oidc_server.core.settings import Settings, SettingsError
from oidc_server.core.settings_checks import check, mail_sender
from oidc_server.messages.mail import Letterhead, Mail, build
from oidc_server.messages.transports import Outgoing
from tests.mailbox import Letter, Mailbox
from tests.messages.post_office import HOST, transport_to
from tests.running import ISSUER

INJECTED = "\r\nBcc: eve@evil.example\r\n\r\nWords"
GOOD = Settings(issuer=ISSUER, database_url="sqlite:///x.sqlite3")


def sent(mailbox: Mailbox, mail: Mail, **settings: Any) -> Letter:
    """A mail after its way."""
    with transport_to(mailbox.url, **settings).connection() as send:
        send(Outgoing(uuid.uuid4(), mail))
    return mailbox.only()


def test_the_head_says_who_what_when_and_that_no_robot_shall_answer(mailbox: Mailbox) -> None:
    letter = sent(mailbox, Mail("ada@example.com", "Words", "Words\n", "<p>Words</p>", "de"), theme_name="Harbour")
    head = {name: str(value) for name, value in letter.message.items()}
    assert head["From"] == "Harbour <no-reply@login.example.com>"
    assert head["To"] == "ada@example.com"
    assert head["Auto-Submitted"] == "auto-generated"
    assert head["Content-Language"] == "de"
    assert re.fullmatch(r"<[0-9a-f-]{36}@login\.example\.com>", head["Message-ID"])
    assert abs((letter.message["Date"].datetime - clock.now()).total_seconds()) < 5
    assert letter.message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in letter.message.iter_parts()] == ["text/plain", "text/html"]


def test_all_of_it_is_ascii_on_the_way_in_lines_of_bounded_length(mailbox: Mailbox) -> None:
    mail = Mail("ada@example.com", "Grüße " * 40, "Zeile äöü " * 500 + "\n.\n", "<p>ß</p>")
    letter = sent(mailbox, mail, mail_from="Hafen-Büro <büro@hafen.example>")
    assert letter.subject == ("Grüße " * 40).strip()
    assert letter.text == mail.text
    assert all(len(line) <= 998 and line.isascii() for line in letter.message.as_bytes().decode().splitlines()[5:])


@pytest.mark.parametrize("name", ["subject", "recipient"])
def test_a_line_break_in_a_subject_or_an_address_begins_no_line_of_the_head_g24(mailbox: Mailbox, name: str) -> None:
    values = {"recipient": "ada@example.com", "subject": "Words"}
    mail = Mail(**values | {name: values[name] + INJECTED}, text="Text\n", html="<p></p>")
    if name == "recipient":
        with pytest.raises(NotAnEmail):
            build(mail, uuid.uuid4(), Letterhead(mail_sender(GOOD), HOST))
        return
    letter = sent(mailbox, mail)
    assert letter.recipients == ("ada@example.com",)
    assert letter.message["Bcc"] is None
    assert letter.subject == "Words Bcc: eve@evil.example Words"
    assert letter.text == "Text\n"


@pytest.mark.parametrize(
    "recipient",
    [
        "ada@example.com, eve@evil.example", "ada@example.com;eve@evil.example", "Ada <ada@example.com>", "ada@",
        "@b.example", "a b@example.com", "\"a\"@example.com", "ada@example.com\n", "ada@example.com\x00", "ada", "",
    ],
)  # fmt: skip
def test_what_is_not_exactly_one_address_is_not_written_to_g24(recipient: str) -> None:
    with pytest.raises(NotAnEmail):
        build(Mail(recipient, "Words", "", ""), uuid.uuid4(), Letterhead(mail_sender(GOOD), HOST))


@pytest.mark.parametrize(
    ("given", "name", "address"),
    [
        ("", "oidc-server", "no-reply@login.example.com"),
        ("login@example.org", "oidc-server", "login@example.org"),
        ("Harbour, the <login@example.org>", "Harbour, the", "login@example.org"),
        ("Hafen <login@bücher.example>", "Hafen", "login@xn--bcher-kva.example"),
    ],
)
def test_the_sender_is_that_of_the_settings(given: str, name: str, address: str) -> None:
    sender = mail_sender(check(replace(GOOD, mail_from=given), production=False))
    assert (sender.display_name, sender.addr_spec) == (name, address)


@pytest.mark.parametrize(
    "wrong",
    [
        {"mail_from": "nobody"}, {"mail_from": "a@b.example, c@d.example"}, {"mail_from": f"{INJECTED} <a@b.example>"},
        {"mail_from": "Ada <a@b.example> <c@d.example>"}, {"mail_from": "Ada <a@b.example"},
        {"sms_url": "http://sms.example.com/send"}, {"sms_url": "https://user:x@sms.example.com"}, {"sms_url": "sms"},
    ],
)  # fmt: skip
def test_settings_that_no_message_could_be_sent_with_are_refused_at_the_start_g24(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsError) as refused:
        check(replace(GOOD, **wrong), production=False)
    assert [problem.variable for problem in refused.value.problems] == [f"OIDC_{name.upper()}" for name in wrong]
