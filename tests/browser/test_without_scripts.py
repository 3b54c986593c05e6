"""A browser that runs no scripts, as that of some people and of the certification suite."""

from __future__ import annotations

import pytest

from tests.browser.conftest import Arrive
from tests.browser.people import Person

pytestmark = pytest.mark.slow


@pytest.fixture
def person(arrive: Arrive) -> Person:
    """Somebody whose browser runs no scripts."""
    return arrive(java_script_enabled=False)


def test_everything_works_without_scripts(person: Person) -> None:
    person.ask()
    person.sign_in(password="wrong")
    assert "The name or the password is wrong." in person.words
    person.sign_in()
    person.press("allow")
    assert "code" in person.answer
    person.ask(prompt="select_account")
    person.press("continue")
    assert "code" in person.answer
    person.ask_to_sign_out()
    person.press("logout")
    assert person.answer == {"state": person.app.state}


def test_a_button_posts_the_answer_to_the_app(person: Person) -> None:
    person.ask(response_mode="form_post")
    person.sign_in()
    person.press("allow")
    assert person.heading == "Back to the app"
    assert "press the button" in person.words
    person.press("continue")
    assert person.arrival().method == "POST"
    assert "code" in person.answer
