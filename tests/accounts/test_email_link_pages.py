"""The pages to which the mails about another address lead: one to take it, one to take that back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from oidc_server.core import clock
from oidc_server.protocol.access_classes import RECENT
from tests.accounts.json_client import JsonClient
from tests.accounts.people import ADA, Town
from tests.accounts.walks import NOT_GOOD, OWN, SENT, browser_at, can_sign_in, only_letter
from tests.browsing import Browser, Visit
from tests.relying_party import PASSWORD, TestUser

NEW = "ada@example.org"


@pytest.fixture
def browser(town: Town) -> Browser:
    return browser_at(town)


@pytest.fixture
def ada(town: Town) -> TestUser:
    return town.server.user(ADA)


@pytest.fixture
def link(town: Town, ada: TestUser) -> str:
    """The link in the mail to the address that Ada has asked for."""
    assert town.app.login(ada).post("/auth/change-email", email=NEW).status_code == 202
    return only_letter(town, NEW).link


def sign_in(browser: Browser, user: TestUser, **typed: str) -> Visit:
    return browser.sign_in(browser.open("/sign-in"), user.email, user.password, **typed)


def test_the_new_address_is_taken_by_who_is_signed_in(town: Town, browser: Browser, ada: TestUser, link: str) -> None:
    sign_in(browser, ada)
    page = browser.open(link)
    assert NEW in page.words
    assert can_sign_in(town, PASSWORD)
    done = browser.press(page, "continue")
    assert done.path == "/account"
    assert "Your email address is changed." in done.words
    assert NEW in done.words
    assert not can_sign_in(town, PASSWORD)
    assert can_sign_in(town, PASSWORD, NEW)
    assert only_letter(town).subject == "Your email address was changed"
    assert NOT_GOOD in browser.open(link).words


def test_whoever_is_not_signed_in_signs_in_and_comes_back_f18(browser: Browser, ada: TestUser, link: str) -> None:
    page = browser.open(link)
    assert page.path.startswith("/sign-in?")
    assert ada.email not in page.words  # who reads the mail of the new address may be a stranger
    back = browser.sign_in(page, ada.email, ada.password)
    assert back.path == link.removeprefix("https://login.example.com")
    assert browser.press(back, "continue").path == "/account"


def test_whoever_signed_in_a_while_ago_does_so_again_f18(
    town: Town, browser: Browser, ada: TestUser, link: str
) -> None:
    sign_in(browser, ada, remember="1")
    page = browser.open(link)
    clock.travel(RECENT + timedelta(seconds=1))
    asked = browser.press(page, "continue")
    assert asked.path.startswith("/sign-in?")
    assert can_sign_in(town, PASSWORD)
    back = browser.press(asked, "continue", password=ada.password)
    assert back.path == link.removeprefix("https://login.example.com")
    assert browser.press(back, "continue").path == "/account"
    assert can_sign_in(town, PASSWORD, NEW)


def test_the_link_is_no_good_to_another_account_and_stays_good_g15(
    town: Town, browser: Browser, ada: TestUser, link: str
) -> None:
    eve, mine = browser_at(town), browser
    sign_in(mine, ada)
    form = mine.open(link).form
    sign_in(eve, town.server.user("eve@example.com"))
    page = eve.open(link)
    assert (page.status, NOT_GOOD in page.words) == (400, True)
    assert "eve@example.com" in page.words
    assert ada.email not in page.words
    assert eve.post("/change-email/confirm", form.fields).status == 403
    assert mine.press(mine.open(link), "continue").path == "/account"


def test_an_address_that_became_somebody_else_s_is_not_taken_g17(
    town: Town, browser: Browser, ada: TestUser, link: str
) -> None:
    sign_in(browser, ada)
    page = browser.open(link)
    town.server.user(NEW)
    refused = browser.press(page, "continue")
    assert refused.status == 409
    assert "Another account has this email address by now." in refused.words
    assert town.app.get("/auth/me").get_json()["email"] == ADA


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_opening_the_links_changes_nothing_g12(
    town: Town, browser: Browser, ada: TestUser, link: str, method: str
) -> None:
    sign_in(browser, ada)
    browser.http.open(link.removeprefix("https://login.example.com"), method=method)
    assert town.app.get("/auth/me").get_json()["email"] == ADA
    browser.press(browser.open(link), "continue")
    undo = only_letter(town).link
    for http in (browser.http, browser_at(town).http):
        assert http.open(undo.removeprefix("https://login.example.com"), method=method).status_code == 200
    assert town.app.get("/auth/me").get_json()["email"] == NEW


def test_the_former_address_takes_the_account_back(town: Town, browser: Browser, ada: TestUser, link: str) -> None:
    """A thief knows the password and is signed in; the owner has nothing but the mail of the former address."""
    sign_in(browser, ada)
    browser.press(browser.open(link), "continue")
    owner = browser_at(town)
    page = owner.open(only_letter(town).link)
    assert ADA in page.words
    done = owner.press(page, "continue")
    assert done.path == "/change-email/undone"
    assert SENT in done.words
    assert browser.open("/account").path.startswith("/sign-in")
    assert JsonClient(town.server).post("/auth/login", email=ADA, password=PASSWORD).status_code == 401
    assert JsonClient(town.server).post("/auth/login", email=NEW, password=PASSWORD).status_code == 401
    again = owner.press(owner.open(only_letter(town).link), "continue", password=OWN)
    assert owner.sign_in(again, ADA, OWN).path == "/account"
    assert NOT_GOOD in owner.press(page, "continue").words


def test_an_address_that_somebody_has_proven_since_is_not_taken_back(
    town: Town, browser: Browser, ada: TestUser, link: str
) -> None:
    sign_in(browser, ada)
    browser.press(browser.open(link), "continue")
    page = browser.open(only_letter(town).link)
    town.server.user(ADA)
    refused = browser.press(page, "continue")
    assert refused.status == 409
    assert "Another account has this email address by now." in refused.words
