"""The page on which a signed-in person asks for another email address."""

from __future__ import annotations

from datetime import timedelta

import pytest

from oidc_server.core import clock
from tests.accounts.json_client import JsonClient
from tests.accounts.own_pages import Owner
from tests.accounts.people import ADA, Town, token_of
from tests.browsing import Visit
from tests.relying_party import PASSWORD

NEW = "ada@example.org"
PENDING = "You have asked for"


def ask(owner: Owner, email: str = NEW) -> Visit:
    return owner.browser.press(owner.open("/account/email"), "save", email=email)


def test_a_link_goes_to_the_new_address_and_until_it_is_followed_nothing_changes(town: Town, owner: Owner) -> None:
    town.mail()
    assert PENDING not in owner.open("/account/email").words
    visit = ask(owner, f" {NEW} ")
    assert (visit.path, "a mail with a link is on its way" in visit.words) == ("/account/email", True)
    assert f"{PENDING} {NEW}" in visit.words
    assert f"Your email address is {ADA}" in visit.words
    (letter,) = town.mail()
    assert letter.recipient == NEW
    assert town.server.audit("user.email_change_requested", str(owner.user.id))
    app = JsonClient(town.server).login(owner.user)
    assert app.post("/auth/change-email/confirm", token=token_of(letter)).status_code == 200
    visit = owner.open("/account/email")
    assert f"Your email address is {NEW}" in visit.words
    assert PENDING not in visit.words


def test_an_address_that_somebody_has_looks_the_same_g17(town: Town, owner: Owner) -> None:
    """Before and after the mail is sent, or is not."""
    town.server.user("eve@example.com")
    town.mail()
    seen = {}
    for email in ("free@example.com", "eve@example.com"):
        at_once = ask(owner, email)
        sent = len(town.mail())
        later = owner.open("/account/email")
        seen[sent] = [visit.words.replace(email, "") for visit in (at_once, later)]
        clock.travel(timedelta(seconds=2))
    assert set(seen) == {0, 1}
    assert seen[0] == seen[1]
    assert PENDING in seen[0][1]


def test_what_was_asked_for_is_forgotten_when_it_is_overtaken(owner: Owner) -> None:
    ask(owner)
    assert f"{PENDING} other@example.org" in ask(owner, "other@example.org").words
    change = owner.open("/account/password")
    owner.browser.press(change, "save", current_password=PASSWORD, new_password="four quiet green lamps")
    assert PENDING not in owner.open("/account/email").words


def test_what_was_asked_for_is_forgotten_after_a_day(owner: Owner) -> None:
    ask(owner)
    clock.travel(timedelta(days=1, seconds=1))
    visit = owner.browser.open("/account/email")
    assert PENDING not in owner.browser.sign_in(visit, ADA, PASSWORD).words


@pytest.mark.parametrize(
    ("email", "words"),
    [
        ("", "Enter your email address."),
        ("ada", "Enter an email address, such as ada@example.com."),
        ("ADA@example.com", "This is your email address already."),
        ("a" * 330, "Enter at most 320 characters."),
    ],
)
def test_what_can_be_no_new_address_is_said_beside_the_field(town: Town, owner: Owner, email: str, words: str) -> None:
    town.mail()
    visit = ask(owner, email)
    assert (visit.status, words in visit.words) == (422, True), visit.words
    assert visit.form_with("save").fields["email"] == email
    assert town.mail() == []


def test_the_page_and_the_json_api_share_a_count_r04_g25(town: Town, owner: Owner) -> None:
    """Nobody's address is flooded by going both ways."""
    app = JsonClient(town.server, "192.0.2.9").login(owner.user)
    town.mail()
    sent = 0
    for number in range(5):
        if number % 2:
            assert app.post("/auth/change-email", email="stranger@example.net").status_code == 202
        else:
            assert ask(owner, "stranger@example.net").path == "/account/email"
        sent += len(town.mail())
        clock.travel(timedelta(seconds=1))
    assert sent == 3
