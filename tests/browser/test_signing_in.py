"""Signing in to an app, as somebody at a browser does it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Arrive
from tests.browser.people import Person
from tests.browser.place import APP_NAME, Place
from tests.relying_party import body_of

pytestmark = pytest.mark.slow


def test_a_person_signs_in_allows_access_and_signs_out_again(
    arrive: Arrive, place_on: Callable[[str], Place], database_kind: str
) -> None:
    person = arrive(place=place_on(database_kind))
    person.ask(scope="openid email offline_access")
    assert person.heading == "Sign in"
    assert APP_NAME in person.words
    person.sign_in()
    assert person.heading == "Allow access?"
    assert person.user.email in person.words
    person.press("allow")
    response = person.app.redeem(person.answer["code"])
    assert response.status_code == 200, response.json
    tokens = body_of(response)
    assert person.app.id_token(tokens)["sub"] == str(person.user.id)
    person.ask_to_sign_out()
    assert person.heading == "Sign out?"
    person.press("logout")
    assert person.answer == {"state": person.app.state}
    person.ask()
    assert person.heading == "Sign in"


def test_whoever_has_allowed_everything_comes_back_without_a_question(person: Person) -> None:
    person.ask(scope="openid email")
    person.sign_in()
    person.press("allow")
    assert "code" in person.answer
    person.ask(scope="openid email")
    assert "code" in person.answer


def test_the_first_field_has_the_focus_and_the_password_has_it_when_the_name_is_known(person: Person) -> None:
    person.ask()
    expect(person.element("login")).to_be_focused()
    person.ask(login_hint=person.user.email)
    expect(person.element("login")).to_have_value(person.user.email)
    expect(person.element("password")).to_be_focused()


def test_a_wrong_password_is_told_beside_the_field(person: Person) -> None:
    person.ask()
    person.page.check("#remember")
    person.sign_in(password="wrong")
    assert person.page.title().startswith("Error: Sign in")
    expect(person.element("login")).to_have_value(person.user.email)
    expect(person.element("login")).not_to_have_attribute("aria-invalid", "true")
    expect(person.element("remember")).to_be_checked()
    password = person.element("password")
    expect(password).to_have_value("")
    expect(password).to_have_attribute("aria-invalid", "true")
    expect(password).to_have_accessible_description("The name or the password is wrong.")
    expect(person.element("password")).to_be_focused()
    field, message = password.bounding_box(), person.element("password-error").bounding_box()
    assert field is not None
    assert message is not None
    assert 0 <= message["y"] - (field["y"] + field["height"]) < 16
    person.sign_in()
    assert person.heading == "Allow access?"


def test_empty_fields_are_told_one_by_one_and_the_first_has_the_focus(person: Person) -> None:
    person.ask()
    person.press("continue")
    expect(person.element("login")).to_have_accessible_description("Enter your email or username.")
    expect(person.element("password")).to_have_accessible_description("Enter your password.")
    expect(person.element("login")).to_be_focused()
    person.sign_in(password="")
    expect(person.element("login")).to_have_accessible_description("")
    expect(person.element("login")).to_have_value(person.user.email)
    expect(person.element("password")).to_be_focused()


def test_an_unknown_name_is_told_like_a_wrong_password(person: Person) -> None:
    person.ask()
    person.sign_in(password="wrong")
    wrong = person.words
    person.ask()
    person.sign_in(login=f"no-{person.user.email}")
    assert person.words == wrong


def test_the_fields_are_those_that_a_password_manager_looks_for(person: Person) -> None:
    person.ask()
    login, password = person.page.get_by_label("Email or username"), person.page.get_by_label("Password")
    expect(login).to_have_attribute("name", "login")
    expect(login).to_have_attribute("autocomplete", "username webauthn")
    expect(password).to_have_attribute("name", "password")
    expect(password).to_have_attribute("type", "password")
    expect(password).to_have_attribute("autocomplete", "current-password")


def test_the_keyboard_alone_is_enough(person: Person) -> None:
    person.ask()
    keyboard = person.page.keyboard
    expect(person.element("login")).to_be_focused()
    keyboard.type(person.user.email)
    keyboard.press("Tab")
    keyboard.type(person.user.password)
    keyboard.press("Tab")
    expect(person.element("remember")).to_be_focused()
    keyboard.press("Tab")
    expect(person.element("continue")).to_be_focused()
    keyboard.press("Enter")
    person.page.wait_for_url("**/consent?*")
    keyboard.press("Tab")
    expect(person.element("allow")).to_be_focused()
    keyboard.press("Enter")
    assert "code" in person.answer


def test_going_back_after_signing_in_does_not_break_anything(person: Person) -> None:
    person.ask()
    person.sign_in()
    person.page.go_back()
    person.sign_in()
    person.press("allow")
    assert "code" in person.answer


def test_two_tabs_of_one_browser_each_get_their_own_answer_f22(person: Person) -> None:
    other = person.place.app(client_name="Another app")
    person.ask()
    in_other_tab = replace(person, page=person.page.context.new_page(), app=other)
    in_other_tab.ask()
    person.sign_in()
    in_other_tab.sign_in()
    assert "Another app" in in_other_tab.words
    assert APP_NAME in person.words
    in_other_tab.press("allow")
    assert "code" in in_other_tab.answer
    person.press("allow")
    assert "code" in person.answer
