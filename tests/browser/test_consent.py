"""The questions after signing in: may this app have that, and which account is meant."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Arrive
from tests.browser.people import PHONE, Person
from tests.browser.place import APP_NAME

pytestmark = pytest.mark.slow

CLAIMS = '{"userinfo": {"birthdate": null}}'


def allowed(person: Person) -> list[str]:
    """The lines of the consent page."""
    return person.page.locator(".scopes li").all_inner_texts()


def test_the_consent_page_says_who_asks_for_what_and_for_how_long(known: Person) -> None:
    known.ask(scope="openid email notes:write offline_access", claims=CLAIMS)
    assert APP_NAME in known.page.inner_text(".client")
    assert "The name of this app has not been verified." in known.page.inner_text(".client")
    assert allowed(known) == [
        "know that it is you",
        "see your email address",
        "use: notes:write",
        "keep this access while you are not there",
        "see your birthday",
    ]
    assert "up to 180 days, also when you are signed out" in known.words


def test_what_is_new_is_marked_when_an_app_asks_for_more(known: Person) -> None:
    known.ask(scope="openid email")
    expect(known.page.locator(".tag")).to_have_count(0)
    known.press("allow")
    known.ask(scope="openid email phone")
    assert allowed(known) == ["know that it is you", "see your email address", "see your phone number new"]
    known.press("allow")
    assert "code" in known.answer


def test_a_person_who_denies_is_sent_back_without_a_code(known: Person) -> None:
    known.ask()
    known.press("deny")
    assert known.answer["error"] == "access_denied"
    assert "code" not in known.answer
    known.ask()
    assert known.heading == "Allow access?"


def test_an_app_of_our_own_asks_nothing_and_is_not_called_unverified(person: Person) -> None:
    person.app = person.place.app(first_party=True)
    person.ask()
    assert "not been verified" not in person.words
    person.sign_in()
    assert "code" in person.answer


def test_what_an_app_says_of_itself_opens_beside_the_page(person: Person) -> None:
    person.app = person.place.app(
        client_uri="https://notes.example/", policy_uri="https://notes.example/p", tos_uri="https://notes.example/t"
    )
    person.ask()
    for words in ("About this app", "Privacy policy", "Terms of service"):
        link = person.page.get_by_role("link", name=f"{words} (opens in a new tab)")
        expect(link).to_have_attribute("rel", "noreferrer noopener")
        expect(link).to_have_attribute("target", "_blank")


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "שלום 📓", "W" * 200])
def test_whatever_an_app_calls_itself_is_shown_as_a_name(arrive: Arrive, name: str) -> None:
    person = arrive(viewport=PHONE)
    person.app = person.place.app(client_name=name)
    person.ask()
    assert person.page.inner_text(".client .name") == name
    assert person.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_the_account_that_is_signed_in_can_be_chosen(known: Person) -> None:
    known.ask()
    known.press("allow")
    known.ask(prompt="select_account")
    assert known.heading == "Choose an account"
    assert known.user.email in known.words
    known.press("continue")
    assert "code" in known.answer


def test_another_account_can_be_used(person: Person) -> None:
    person.ask()
    person.sign_in()
    person.press("allow")
    other = person.place.user()
    person.ask(prompt="select_account")
    person.press("other")
    assert person.heading == "Sign in"
    person.user = other
    person.sign_in()
    assert other.email in person.words
    person.press("allow")
    tokens = person.app.redeem(person.answer["code"]).json
    assert tokens is not None
    assert person.app.id_token(tokens)["sub"] == str(other.id)
