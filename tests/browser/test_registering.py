"""Making an account and getting back into it, as somebody at a browser does it, with the mail that comes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Arrive
from tests.browser.people import Person
from tests.browser.place import APP_NAME, Place
from tests.browser.public_views import (
    NEW_PASSWORD,
    ask_for_mail,
    change_address,
    confirm_elsewhere,
    fill_in_registration,
    new_address,
    reset_password,
)
from tests.relying_party import PASSWORD

pytestmark = pytest.mark.slow


def test_a_person_registers_for_an_app_confirms_the_address_and_gets_in(
    arrive: Arrive, place_on: Callable[[str], Place], database_kind: str
) -> None:
    person, email = arrive(place=place_on(database_kind)), new_address()
    person.ask(prompt="create", scope="openid email")
    assert person.heading == "Create an account"
    assert APP_NAME in person.words
    fill_in_registration(person, email)
    assert person.heading == "Look into your mail"
    person.open(person.place.link(email))
    assert email in person.words
    person.press("continue")
    assert person.element("notice").inner_text() == "Your email address is confirmed."
    assert APP_NAME in person.words
    person.sign_in(email)
    person.press("allow")
    tokens = person.app.redeem(person.answer["code"]).get_json()
    claims = person.app.userinfo(tokens["access_token"]).get_json()
    assert (claims["email"], claims["email_verified"]) == (email, True)


def test_registering_works_without_scripts_and_from_the_sign_in_page(arrive: Arrive) -> None:
    person, email = arrive(java_script_enabled=False), new_address()
    person.ask()
    person.press("register")
    fill_in_registration(person, email, "short")
    assert "A password has at least 8 characters." in person.words
    person.page.fill("#password", PASSWORD)
    person.press("continue")
    person.press("sign-in")
    person.sign_in(email)
    person.press("allow")
    assert "code" in person.answer


def test_what_is_wrong_is_told_beside_its_field_which_has_the_focus(person: Person) -> None:
    person.open("/register")
    expect(person.element("email")).to_be_focused()
    expect(person.element("password")).to_have_accessible_description(
        "At least 8 characters. A few words that only you put together are easy to keep in mind."
    )
    fill_in_registration(person, "ada@example.com", "password")
    assert person.page.title().startswith("Error: Create an account")
    password = person.element("password")
    expect(password).to_be_focused()
    expect(password).to_have_value("")
    expect(password).to_have_accessible_description(
        "This password is one of those that are guessed first. Choose another."
    )
    expect(person.element("email")).to_have_value("ada@example.com")
    expect(person.element("full_name")).to_have_value("Ada Lovelace")


def test_the_fields_are_those_that_a_password_manager_looks_for(person: Person) -> None:
    person.open("/register")
    for label, purpose in (
        ("Email address", "email"),
        ("Password", "new-password"),
        ("Name (optional)", "name"),
        ("Username (optional)", "username"),
    ):
        expect(person.page.get_by_label(label, exact=True)).to_have_attribute("autocomplete", purpose)
    reset_password(person)
    expect(person.page.get_by_label("Email address")).to_have_attribute("autocomplete", "username")
    expect(person.page.get_by_label("New password")).to_have_attribute("autocomplete", "new-password")


def test_a_forgotten_password_is_replaced_on_the_way_to_the_app(person: Person) -> None:
    person.ask()
    person.press("forgotten")
    assert APP_NAME in person.words
    person.page.fill("#email", person.user.email)
    person.page.keyboard.press("Enter")
    person.page.wait_for_url("**/forgot-password/sent?*")
    person.open(person.place.link(person.user.email))
    expect(person.page.get_by_label("Email address")).to_have_value(person.user.email)
    expect(person.element("password")).to_be_focused()
    person.page.fill("#password", NEW_PASSWORD)
    person.press("continue")
    assert person.element("notice").inner_text() == "Your new password is set. Sign in with it."
    assert "token=" not in person.page.url
    person.sign_in(password=person.user.password)
    assert "The name or the password is wrong." in person.words
    person.sign_in(password=NEW_PASSWORD)
    person.press("allow")
    assert "code" in person.answer


def test_whoever_did_not_register_with_their_address_takes_the_account_over_g18(person: Person) -> None:
    confirm_elsewhere(person)
    person.page.fill("#password", "a wrong password")
    person.press("continue")
    expect(person.element("password")).to_have_accessible_description("The password is wrong.")
    assert "token=" not in person.page.url
    person.press("new-password")
    email = person.element("account").input_value()
    person.page.fill("#password", NEW_PASSWORD)
    person.press("continue")
    person.sign_in(email, NEW_PASSWORD)
    assert person.page.url.endswith("/account")


def test_the_former_address_takes_a_change_back(arrive: Arrive) -> None:
    person, owner = arrive(), arrive()
    before = person.user.email
    change_address(person)
    person.press("continue")
    assert person.element("notice").inner_text().startswith("Your email address is changed.")
    owner.open(owner.place.link(before))
    owner.press("continue")
    assert owner.heading == "Look into your mail"
    person.page.reload()
    assert person.heading == "Sign in"
    owner.open(owner.place.link(before))
    owner.page.fill("#password", NEW_PASSWORD)
    owner.press("continue")
    owner.sign_in(before, NEW_PASSWORD)
    assert before in owner.words


def test_a_link_tells_no_other_site_that_it_was_followed_f23(person: Person) -> None:
    """Nor does the page after it ask anybody for anything."""
    ask_for_mail(person, "/forgot-password", person.user.email)
    person.open(person.place.link(person.user.email))
    assert [request for request in person.requests if not request.startswith(f"{person.place.url}/")] == []
    assert person.page.evaluate("document.referrer") == ""
