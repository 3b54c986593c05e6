"""A person sets up an authenticator app in Chromium, keeps the recovery codes, and removes it."""

from __future__ import annotations

import uuid

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Arrive
from tests.browser.own_views import own
from tests.browser.people import Person
from tests.second_factors import Totp

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_a_person_sets_up_an_authenticator_app_and_removes_it(arrive: Arrive, scripts: bool) -> None:
    person = arrive(java_script_enabled=scripts)
    own(person, "/account")
    person.page.click("#security")
    person.page.click("#add")
    person.page.click("#add-totp")
    person.page.get_by_label("Name (optional)").fill("My phone")
    person.press("begin")
    expect(person.page.get_by_role("img", name="QR code")).to_be_visible()
    set_up(person)
    expect(person.page.get_by_role("status")).to_have_text("The second factor is set up.")
    expect(person.page.locator("#codes code")).to_have_count(10)
    person.page.click("#kept")
    expect(person.page.locator("#methods li")).to_contain_text("My phone")
    person.page.click("#change-1")
    person.press("remove")
    expect(person.page.get_by_role("status")).to_have_text("The second factor is removed.")


def set_up(person: Person) -> None:
    """Mistype the code of an app to which the page's key was told, and then type it."""
    app = Totp(uuid.UUID(int=0), person.page.inner_text("#secret"))
    field = person.page.get_by_role("textbox", name="Code")
    for name, value in (("inputmode", "numeric"), ("autocomplete", "one-time-code")):
        expect(field).to_have_attribute(name, value)
    field.fill(app.wrong_code())
    person.press("confirm")
    expect(field).to_be_focused()
    expect(field).to_have_accessible_description("The code is wrong or too old. Wait for the next one, and enter that.")
    field.fill(app.code())
    person.press("confirm")


def test_without_scripts_the_page_about_passkeys_says_so_and_the_other_kinds_are_one_step_away(arrive: Arrive) -> None:
    person = arrive(java_script_enabled=False)
    own(person, "/account/security/add?kind=webauthn")
    assert "This needs JavaScript." in person.words
    person.press("begin")
    expect(person.page.locator("[data-without-passkeys]")).to_be_visible()
    expect(person.element("passkey")).not_to_be_visible()
    person.page.click("text=Begin again")
    person.page.click("text=Choose another kind")
    expect(person.element("add-totp")).to_be_visible()
