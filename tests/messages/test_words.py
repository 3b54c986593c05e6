"""The words of every mail, in both languages, as text and as HTML, under a deployment's own name and templates."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from oidc_server.messages.kinds import Kind
from oidc_server.messages.rendering import Rendered, link_to, render_mail
from tests.relying_party import Server
from tests.running import ISSUER

VALUES: dict[str, Any] = {
    "link": f"{ISSUER}/somewhere?token=secret&x=1",
    "expires_in": timedelta(hours=48),
    "old_email": "before@example.com",
    "new_email": "after@example.com",
    "code": "012345",
    "method": "Authenticator app",
}
MAILS = [kind for kind in Kind if kind is not Kind.MFA_CODE_BY_SMS]


def words(server: Server, kind: Kind, language: str | None = None, **given: Any) -> Rendered:
    """A mail with what it needs, and what else is given."""
    needed = {name: value for name, value in VALUES.items() if name in kind.needs}
    with server.app.app_context():
        return render_mail(kind, language, **needed | given)


def shown(html: str) -> str:
    """What is read of HTML."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


@pytest.mark.parametrize("kind", MAILS)
def test_every_mail_says_the_same_in_text_and_html_in_every_language(server: Server, kind: Kind) -> None:
    subjects = set()
    for language, greeting in (("en", "Hello Ada,"), ("de-AT", "Guten Tag Ada,")):
        mail = words(server, kind, language, name="Ada", when=datetime(2026, 11, 22, 13, 5, tzinfo=UTC))
        read = shown(mail.html)
        for line in filter(None, map(str.strip, mail.text.splitlines())):
            assert line == "--" or " ".join(line.split()) in read, line
        assert mail.text.startswith(f"{greeting}\n\n")
        assert "2026-11-22, 13:05 UTC" in mail.text
        assert mail.html.count(VALUES["link"].replace("&", "&amp;")) == (3 if "link" in kind.needs else 0)
        assert mail.text.count(VALUES["link"]) == (1 if "link" in kind.needs else 0)
        assert not re.search(r"None|{|}|\n\n\n", mail.text)
        assert f'<html lang="{mail.language}">' in mail.html
        subjects.add(mail.subject)
    assert len(subjects) == 2


def test_a_time_is_told_in_words_and_in_the_time_zone_of_the_person(server: Server) -> None:
    when = datetime(2026, 7, 1, 12, 0, tzinfo=UTC).astimezone(ZoneInfo("Europe/Berlin"))
    mail = words(server, Kind.RESET_PASSWORD, "de", when=when)
    assert "2 Tage lang" in mail.text
    assert "2026-07-01, 14:00 CEST" in mail.text


def test_a_value_that_is_missing_or_unknown_and_a_link_to_elsewhere_are_faults(server: Server) -> None:
    with server.app.app_context():
        with pytest.raises(TypeError, match="expires_in"):
            render_mail(Kind.RESET_PASSWORD, "en", link=VALUES["link"])
        with pytest.raises(TypeError, match="nickname"):
            render_mail(Kind.ACCOUNT_ERASED, "en", nickname="Ada")
        for link in ("https://login.example.com.evil.example/x", "http://login.example.com/x", "javascript:x", ISSUER):
            with pytest.raises(ValueError, match="somewhere else"):
                render_mail(Kind.RESET_PASSWORD, "en", link=link, expires_in=timedelta(hours=1))


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "localhost"},
        {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http", "X-Forwarded-Port": "81"},
        {"X-Forwarded-Prefix": "/evil", "Forwarded": "host=evil.example;proto=http"},
    ],
)
def test_links_come_from_the_settings_whatever_a_request_says_g05(server: Server, headers: dict[str, str]) -> None:
    with server.app.test_request_context(
        "http://evil.example/forgot?redirect_uri=https://evil.example", headers=headers
    ):
        link = link_to("/reset-password", token="a b")
        assert link == f"{ISSUER}/reset-password?token=a+b"
        mail = render_mail(Kind.RESET_PASSWORD, None, link=link, expires_in=timedelta(hours=1))
    assert set(re.findall(r"https?://[^\s\"<]+", mail.text + mail.html)) == {link, ISSUER}


@pytest.mark.parametrize(
    "name",
    [
        "You have won: https://evil.example", "Call www.evil.example", "evil.example", "a@evil.example",
        "<a href='//evil.example'>here</a>", "\r\nBcc: eve@evil.example",
    ],
)  # fmt: skip
def test_a_name_cannot_bring_a_link_or_a_line_or_markup_into_a_mail_g24(server: Server, name: str) -> None:
    mail = words(server, Kind.VERIFY_EMAIL, name=name, device=name)
    assert mail.text.startswith("Hello,\n\n")
    assert "evil" not in mail.text + mail.html


def test_markup_and_template_code_in_values_stay_literal_g24_w15(server: Server) -> None:
    markup = "{{ 7*7 }} <b>Ada</b> & \u202eeve\x00"
    mail = words(server, Kind.EMAIL_CHANGE_NOTICE, name=markup, address=markup, new_email=markup)
    assert mail.text.count("{{ 7*7 }} <b>Ada</b> & eve") == 3
    assert mail.html.count("{{ 7*7 }} &lt;b&gt;Ada&lt;/b&gt; &amp; eve") == 3
    assert "49" not in mail.text


def test_names_of_many_kinds_are_greeted(server: Server) -> None:
    for name in ("J. R. R. Tolkien", "Dr. Ada Lovelace", "O’Neil", "李小龍", "José 🙂", "J.R.R. Tolkien"):
        assert words(server, Kind.VERIFY_EMAIL, name=name).text.startswith(f"Hello {name},\n")
    assert words(server, Kind.VERIFY_EMAIL, name="A" * 500).text.startswith(f"Hello {'A' * 59}…,\n")


def test_the_theme_is_that_of_the_deployment(make_server: Callable[..., Server]) -> None:
    server = make_server(theme_name="Harbour <&>", theme_color="#0f766e")
    mail = words(server, Kind.VERIFY_EMAIL)
    assert "An account at Harbour <&> was made" in mail.text
    assert "An account at Harbour &lt;&amp;&gt; was made" in mail.html
    assert "background:#0f766e" in mail.html


def test_a_deployment_has_words_of_its_own_and_a_broken_template_falls_back_to_ours(
    make_server: Callable[..., Server], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "messages"
    folder.mkdir()
    (folder / "verify_email.txt").write_text(
        '{% extends "oidc_server/messages/verify_email.txt" %}{% block subject %}Welcome{% endblock %}'
    )
    (folder / "invitation.txt").write_text("{{ nothing.here }}")
    server = make_server(template_directory=str(tmp_path))
    mail = words(server, Kind.VERIFY_EMAIL)
    assert mail.subject == "Welcome"
    assert "<h1" in mail.html
    assert "Welcome</h1>" in mail.html
    assert "Confirm that the address is yours" in mail.text
    assert words(server, Kind.INVITATION).subject == "An account was made for you"
    assert '"event":"mail_template_broken"' in capsys.readouterr().err
