"""A person goes through their account in Chromium: changes it, takes their data along, and closes it."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Arrive
from tests.browser.people import Person
from tests.browser.place import Place

pytestmark = pytest.mark.slow

NEW = "four quiet green lamps"


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_a_person_looks_after_their_account_and_closes_it(
    arrive: Arrive, place_on: Callable[[str], Place], database_kind: str, scripts: bool
) -> None:
    person = arrive(place=place_on(database_kind), java_script_enabled=scripts)
    person.open("/account")
    person.sign_in()
    assert person.heading == "Your account"
    change_the_profile(person)
    change_the_password(person)
    take_the_data_along(person)
    person.page.click("text=Your account")
    person.page.click("#close")
    person.press("close-account")
    assert person.heading == "Your account is closed"
    person.page.click("text=Take it back")
    person.page.fill("#login", person.user.email)
    person.page.fill("#password", NEW)
    person.press("continue")
    assert person.heading == "Your account"
    person.press("sign-out")
    assert person.heading == "You are signed out"


def change_the_profile(person: Person) -> None:
    person.page.click("#profile")
    person.page.get_by_label("Birthday").fill("tomorrow")
    person.page.get_by_label("A few lines about you").fill("One line.\nAnother.")
    person.press("save")
    expect(person.element("birthdate")).to_be_focused()
    expect(person.element("birthdate")).to_have_accessible_description(
        "Year, month and day, such as 1990-12-31; or the year alone."
    )
    person.page.get_by_label("Birthday").fill("1815-12-10")
    person.press("save")
    expect(person.page.get_by_role("status")).to_have_text("Your profile is saved.")
    expect(person.element("bio")).to_have_value("One line.\nAnother.")
    person.page.click("text=Your account")


def change_the_password(person: Person) -> None:
    person.page.click("#password")
    for name, autocomplete in (("current_password", "current-password"), ("new_password", "new-password")):
        expect(person.element(name)).to_have_attribute("autocomplete", autocomplete)
    person.page.fill("#current_password", person.user.password)
    person.page.fill("#new_password", NEW)
    person.press("save")
    expect(person.page.get_by_role("status")).to_contain_text("Your password is changed.")


def take_the_data_along(person: Person) -> None:
    person.page.click("#data")
    with person.page.expect_download() as downloading:
        person.page.click("#download")
    download = downloading.value
    assert download.suggested_filename.startswith("account-")
    document = json.loads(download.path().read_text())
    assert document["account"]["email"] == person.user.email
    assert document["account"]["profile"]["birthdate"] == "1815-12-10"
