"""The page that hands the answer to the app by a form (Form Post Response Mode)."""

from __future__ import annotations

import pytest

from tests.browser.people import Person

pytestmark = pytest.mark.slow


def test_the_answer_is_posted_to_the_app_by_itself_w12(person: Person) -> None:
    person.ask(response_mode="form_post")
    person.sign_in()
    person.press("allow")
    arrival = person.arrival()
    assert arrival.method == "POST"
    assert "code" in arrival.parameters
    assert "code" not in person.page.url


def test_a_refusal_is_posted_too(person: Person) -> None:
    person.ask(response_mode="form_post")
    person.sign_in()
    person.press("deny")
    assert person.arrival().method == "POST"
    assert person.answer["error"] == "access_denied"
