"""Signing out, with the question before it and the page after it."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.people import Person
from tests.browser.place import APP_NAME

pytestmark = pytest.mark.slow


@pytest.fixture
def signed_in(person: Person) -> Person:
    """Somebody who has signed in to the app."""
    person.ask()
    person.sign_in()
    person.press("allow")
    assert "code" in person.answer
    return person


def test_whoever_confirms_is_signed_out_and_sent_back_to_the_app_w12(signed_in: Person) -> None:
    signed_in.ask_to_sign_out()
    assert signed_in.heading == "Sign out?"
    assert APP_NAME in signed_in.words
    assert signed_in.user.email in signed_in.words
    signed_in.press("logout")
    assert signed_in.answer == {"state": signed_in.app.state}
    signed_in.open("/signed-out")
    assert signed_in.heading == "You are signed out"


def test_whoever_stays_is_still_signed_in(signed_in: Person) -> None:
    signed_in.ask_to_sign_out()
    signed_in.press("stay")
    assert signed_in.heading == "You are still signed in"
    assert signed_in.user.email in signed_in.words
    signed_in.ask()
    assert "code" in signed_in.answer


def test_without_an_app_the_page_at_the_end_says_that_it_is_done(signed_in: Person) -> None:
    signed_in.open("/oauth/logout")
    expect(signed_in.page.locator(".client")).to_have_count(0)
    signed_in.press("logout")
    assert signed_in.heading == "You are signed out"


def test_whoever_is_not_signed_in_is_told_so_at_once(person: Person) -> None:
    person.open("/oauth/logout")
    assert person.heading == "You are signed out"
