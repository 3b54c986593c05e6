"""Initiating User Registration via OpenID Connect 1.0: an app sends somebody to make an account, and gets them back."""

from __future__ import annotations

import pytest

from tests.accounts.conftest import MakeTown
from tests.accounts.people import ADA, Town
from tests.accounts.walks import browser_at, fill_in, follow, only_letter
from tests.app_login import App, make_app
from tests.browsing import Browser
from tests.relying_party import PASSWORD

APP = "Harbour Notes"


@pytest.fixture
def web(town: Town) -> App:
    return make_app(town.server, client_name=APP)


@pytest.fixture
def browser(town: Town) -> Browser:
    return browser_at(town)


def test_a_person_registers_for_an_app_and_goes_on_with_it(town: Town, web: App, browser: Browser) -> None:
    page = web.open(browser, prompt="create", login_hint=ADA, scope="openid email")
    assert page.path.startswith("/register?interaction=")
    assert APP in page.words
    assert page.form.fields["email"] == ADA
    sent = fill_in(browser, page)
    assert f"Sign in to {APP}" in sent.words
    signed_in = browser.sign_in(follow(browser, sent, "sign-in"), ADA, PASSWORD)
    claims = web.userinfo(web.tokens(browser.press(signed_in, "allow"))["access_token"]).get_json()
    assert (claims["email"], claims["email_verified"]) == (ADA, False)
    confirmed = browser.press(browser.open(only_letter(town).link), "continue")
    assert confirmed.path == "/account"  # the request of the app is over
    assert "Your email address is confirmed." in confirmed.words


def test_the_link_in_the_mail_leads_on_to_the_app_in_the_same_browser_alone(
    town: Town, web: App, browser: Browser
) -> None:
    fill_in(browser, web.open(browser, prompt="create"))
    link = only_letter(town).link
    elsewhere = browser_at(town)
    assert APP not in browser.press(elsewhere.open(link), "continue", password="wrong").words
    confirmed = browser.press(browser.open(link), "continue")
    assert confirmed.path.startswith("/sign-in?interaction=")
    assert "Your email address is confirmed." in confirmed.words
    assert APP in confirmed.words
    assert web.tokens(browser.press(browser.sign_in(confirmed, ADA, PASSWORD), "allow"))


def test_a_forgotten_password_does_not_lose_the_app(town: Town, web: App, browser: Browser) -> None:
    town.server.user(ADA)
    page = web.open(browser, login_hint=ADA)
    asking = follow(browser, page, "forgotten")
    assert asking.form.fields["email"] == ADA
    browser.press(asking, "continue")
    done = browser.press(browser.open(only_letter(town).link), "continue", password="some other four words")
    assert done.path == page.path
    assert "Your new password is set." in done.words
    consent = browser.sign_in(done, ADA, "some other four words")
    assert web.tokens(browser.press(consent, "allow"))


def test_whoever_has_an_account_already_signs_in_instead(town: Town, web: App, browser: Browser) -> None:
    ada = town.server.user(ADA)
    page = web.open(browser, prompt="create")
    consent = browser.sign_in(follow(browser, page, "sign-in"), ada.email, ada.password)
    assert web.tokens(browser.press(consent, "allow"))


def test_whoever_is_signed_in_is_shown_the_page_all_the_same(town: Town, web: App, browser: Browser) -> None:
    """And who then signs in with the new account gets in with that one."""
    web.tokens(web.log_in(browser, town.server.user("eve@example.com")))
    page = web.open(browser, prompt="create")
    assert page.path.startswith("/register")
    assert browser.open(page.path.replace("/register", "/oauth/authorize/continue")).path == page.path
    sent = fill_in(browser, page)
    consent = browser.sign_in(follow(browser, sent, "sign-in"), ADA, PASSWORD)
    assert ADA in consent.words
    assert web.tokens(browser.press(consent, "allow"))


def test_create_is_on_offer_where_people_can_register_and_stands_not_beside_none(web: App, browser: Browser) -> None:
    assert "create" in web.metadata["prompt_values_supported"]
    assert web.error(web.open(browser, prompt="create none")) == "invalid_request"
    assert web.open(browser, prompt="create consent login").path.startswith("/register")


def test_where_nobody_can_register_no_app_asks_for_it_g27(make_town: MakeTown) -> None:
    town = make_town(registration="closed")
    web, browser = make_app(town.server), browser_at(town)
    assert "create" not in web.metadata["prompt_values_supported"]
    assert web.error(web.open(browser, prompt="create")) == "invalid_request"
    assert "Create an account" not in web.open(browser).words
