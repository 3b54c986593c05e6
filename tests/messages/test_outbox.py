"""A development server catches its mail in a folder and shows it; no other server has such a page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from oidc_server import create_app
from oidc_server.core import clock
from oidc_server.core.database import EXTENSION as DATABASE
from oidc_server.core.settings import Settings
from oidc_server.messages.delivery import EXTENSION, Delivery
from oidc_server.messages.kinds import Kind
from oidc_server.messages.rendering import compose_mail, link_to
from oidc_server.messages.service import enqueue
from oidc_server.messages.transports import Sms
from tests.mailbox import deliver
from tests.relying_party import Server

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


@pytest.fixture
def development(app: object, settings: Settings, tmp_path: Path) -> Iterator[Server]:
    """A server that catches mail, and the mail server that it must not use."""
    made = create_app(replace(settings, smtp_url="smtp://127.0.0.1:1"), catch_messages_in=tmp_path / "outbox")
    delivery: Delivery = made.extensions[EXTENSION]
    delivery.composers = {
        Kind.RESET_PASSWORD: lambda _session, message: compose_mail(
            message, recipient=str(message.recipient),
            link=link_to("/reset-password", token=message.id.hex, and_="<&>"),
            expires_in=timedelta(hours=1),
        ),
        Kind.NEW_DEVICE: lambda _session, message: Sms(str(message.recipient), "Somebody signed in <b>"),
    }  # fmt: skip
    yield Server(made, made.test_client())
    made.extensions[DATABASE].dispose()


def tell(server: Server, recipient: str, kind: Kind = Kind.RESET_PASSWORD, channel: str = "mail") -> str:
    """Have somebody told; the number of the message."""
    with server.database.transaction() as session:
        return str(enqueue(session, kind=kind, recipient=recipient, channel=channel).id)


def test_what_would_have_been_sent_is_shown_newest_first_and_its_links_can_be_followed(development: Server) -> None:
    assert "Nothing yet" in development.http.get("/dev/outbox").text
    number = tell(development, "ada@example.com").replace("-", "")
    clock.travel(timedelta(seconds=1))
    tell(development, "+442079460123", Kind.NEW_DEVICE, "sms")
    assert deliver(development) == (2, 0, 0)
    page = development.http.get("/dev/outbox")
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert page.text.index("+442079460123") < page.text.index("ada@example.com")
    link = f"https://login.example.com/reset-password?token={number}&amp;and_=%3C%26%3E"
    assert f'<a href="{link}">{link}</a>' in page.text
    assert "Somebody signed in &lt;b&gt;" in page.text


def test_a_mail_is_shown_as_html_in_which_nothing_runs(development: Server) -> None:
    number = tell(development, "ada@example.com")
    deliver(development)
    assert f"/dev/outbox/{number}" in development.http.get("/dev/outbox").text
    shown = development.http.get(f"/dev/outbox/{number}")
    assert shown.status_code == 200
    assert "<h1" in shown.text
    assert "sandbox" in shown.headers["Content-Security-Policy"]
    assert "script-src" not in shown.headers["Content-Security-Policy"]
    assert development.http.get("/dev/outbox/01890000-0000-7000-8000-000000000000").status_code == 404


def test_it_is_in_files_of_the_owner_that_are_thrown_away_after_a_day(development: Server, tmp_path: Path) -> None:
    tell(development, "ada@example.com")
    deliver(development)
    folder = tmp_path / "outbox"
    (file,) = folder.iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert json.loads(file.read_text())["recipient"] == "ada@example.com"
    (folder / "damaged.json").write_text("{")
    clock.travel(timedelta(days=1))
    assert "Nothing yet" in development.http.get("/dev/outbox").text
    tell(development, "bob@example.com")
    deliver(development)
    assert not file.exists()
    assert "bob@example.com" in development.http.get("/dev/outbox").text


def test_an_address_that_no_mail_could_be_sent_to_is_dropped_here_too(development: Server) -> None:
    tell(development, "nobody")
    assert deliver(development) == (0, 1, 0)


def test_no_other_server_has_it(server: Server) -> None:
    assert server.http.get("/dev/outbox").status_code == 404
