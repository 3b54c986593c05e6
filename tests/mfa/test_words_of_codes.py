"""What is said in the messages that tell a code: to whom, in which language, and how browsers find it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path

import pytest
from sqlalchemy import update

from oidc_server.core import clock
from oidc_server.users.models import Profile, User
from tests.mfa.code_post import LOGIN, CodePost, code_post
from tests.relying_party import Server, TestUser
from tests.second_factors import enrol_email, enrol_sms

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
# The basic characters of GSM 03.38: in others a message has room for 70 characters, not 160.
GSM = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)


@pytest.fixture
def post(server: Server, tmp_path: Path) -> Iterator[CodePost]:
    with code_post(server, tmp_path / "outbox") as made:
        yield made


def speaks(server: Server, user: TestUser, language: str, name: str = "Ada") -> None:
    with server.database.transaction() as session:
        session.merge(Profile(user_id=user.id, locale=language, name=name, updated_at=clock.now()))


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "is your code for oidc-server. Tell it to nobody."), ("de", "ist Ihr Code für oidc-server. Sagen Sie ihn")],
)
def test_a_text_message_is_one_message_and_its_last_line_is_for_browsers(
    post: CodePost, language: str, words: str
) -> None:
    user = post.server.user()
    speaks(post.server, user, language)
    code = post.code(user, enrol_sms(post.server, user))
    first, empty, last = post.last().text.split("\n")
    assert first.startswith(f"{code} {words}")
    assert (empty, last) == ("", f"@login.example.com #{code}")
    assert len(post.last().text) <= 160
    assert set(post.last().text) <= GSM


def test_a_mail_tells_the_code_until_when_and_who_asked(post: CodePost) -> None:
    user = post.server.user()
    speaks(post.server, user, "en")
    post.address = "192.0.2.7"
    code = post.code(user, enrol_email(post.server, user))
    mail = post.last()
    assert mail.subject == "Your code"
    assert mail.text.startswith("Hello Ada,\n")
    assert f"\n\n{code}\n\n" in mail.text
    for words in (mail.text, unescape(re.sub(r"<[^>]+>", " ", mail.html))):
        assert code in words
        assert "The code works once, and for 10 minutes." in words
        assert "Address: 192.0.2.7" in words
        assert "tell it to nobody" in words
    assert code not in mail.subject, "it stays off a locked screen"


def test_an_address_that_nobody_confirmed_is_sent_no_words_of_whoever_typed_it_g24(post: CodePost) -> None:
    user = post.server.user()
    speaks(post.server, user, "en", name="You have won")
    with post.server.database.transaction() as session:
        session.execute(update(User).where(User.id == user.id).values(email_verified_at=None))
    post.code(user, enrol_email(post.server, user))
    assert "won" not in post.last().text + post.last().html


def test_a_template_of_the_deployment_cannot_take_the_line_for_browsers_away(
    make_server: Callable[..., Server], tmp_path: Path
) -> None:
    folder = tmp_path / "templates" / "messages"
    folder.mkdir(parents=True)
    (folder / "mfa_code_by_sms.txt").write_text("{{ site }}: {{ code }}\n@evil.example #000000\n")
    server = make_server(template_directory=str(folder.parent))
    with code_post(server, tmp_path / "outbox") as post:
        user = server.user()
        code = post.code(user, enrol_sms(server, user), LOGIN)
        assert post.last().text.split("\n") == [
            f"oidc-server: {code} @evil.example #000000", "", f"@login.example.com #{code}",
        ]  # fmt: skip
