"""Pages that say that something is wrong, and what to do about it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.chromium import WHOLE, find_chromium
from tests.browser.people import Person, in_front_of
from tests.browser.place import Place

pytestmark = pytest.mark.slow


def test_an_unknown_app_gets_a_page_with_the_number_that_is_in_the_log(person: Person) -> None:
    response = person.open("/oauth/authorize?client_id=nobody&redirect_uri=https://app.example.com/")
    assert response.status == 400
    assert person.heading == "The app cannot be used"
    number = person.page.inner_text("code")
    assert number == response.headers["x-request-id"]
    assert number in person.place.running.log.read_text()


def test_an_address_that_is_not_registered_is_never_gone_to(person: Person) -> None:
    person.app.redirect_uri = "https://app.example.com/elsewhere"
    person.ask()
    assert person.heading == "The app gave a wrong address"
    assert [request for request in person.requests if not request.startswith(person.place.url)] == []


def test_a_page_that_is_over_says_so(person: Person) -> None:
    person.ask()
    address = person.page.url
    person.sign_in()
    person.press("allow")
    assert "code" in person.answer
    person.page.goto(address)
    assert person.heading == "This sign-in is over"


def test_a_form_from_elsewhere_is_refused_f04(person: Person) -> None:
    person.ask()
    person.page.eval_on_selector("input[name=csrf_token]", "field => field.value = 'another'")
    person.sign_in()
    assert person.heading == "This page was open for too long"


def test_a_browser_that_keeps_no_cookies_is_told_so(chromium: Browser, place: Place, tmp_path: Path) -> None:
    program = find_chromium(WHOLE)
    if program is None:
        pytest.skip("only a browser with settings can be told to keep no cookies: install the package chromium")
    preferences = tmp_path / "Default" / "Preferences"
    preferences.parent.mkdir()
    preferences.write_text(json.dumps({"profile": {"default_content_setting_values": {"cookies": 2}}}))
    with chromium.browser_type.launch_persistent_context(tmp_path, executable_path=program) as context:
        person = in_front_of(context, place)
        person.ask()
        assert person.heading == "This page needs cookies"
        assert "Allow cookies for this address." in person.words
        assert context.cookies() == []
