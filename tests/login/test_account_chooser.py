"""``prompt=select_account``: the person says which account an app is to know (OpenID Connect Core §3.1.2.1)."""

from __future__ import annotations

import pytest

from tests.app_login import App, make_app
from tests.browsing import Browser
from tests.relying_party import Server, TestUser
from tests.stolen_cookies import is_signed_in


@pytest.fixture
def web(server: Server) -> App:
    return make_app(server, first_party=True)


@pytest.fixture
def user(server: Server) -> TestUser:
    return server.user("ada@example.com")


@pytest.fixture
def browser(web: App, user: TestUser) -> Browser:
    """A browser in which the person is signed in."""
    made = Browser(web.server.app)
    web.log_in(made, user)
    return made


def test_the_account_that_is_signed_in_is_offered_by_its_name(web: App, browser: Browser, user: TestUser) -> None:
    visit = web.open(browser, prompt="select_account")
    assert visit.path.startswith("/choose-account")
    assert user.email in visit.words
    assert {"continue", "other"} <= set(visit.form.buttons)
    tokens = web.tokens(browser.press(visit, "continue"))
    assert web.id_token(tokens)["sub"] == str(user.id)


def test_it_is_asked_each_time_and_only_when_an_app_wants_it(web: App, browser: Browser) -> None:
    for _ in range(2):
        visit = web.open(browser, prompt="select_account")
        assert visit.path.startswith("/choose-account")
        assert web.code(browser.press(visit, "continue"))
    assert web.code(web.open(browser))


def test_another_account_signs_in_and_is_the_one_that_the_app_knows(web: App, browser: Browser, user: TestUser) -> None:
    other = web.server.user()
    visit = browser.press(web.open(browser, prompt="select_account"), "other")
    assert visit.path.startswith("/sign-in")
    tokens = web.tokens(browser.sign_in(visit, other.email, other.password))
    assert web.id_token(tokens)["sub"] == str(other.id)
    assert web.id_token(web.tokens(web.open(browser)))["sub"] == str(other.id)


def test_until_another_one_has_signed_in_the_first_stays(web: App, browser: Browser, user: TestUser) -> None:
    """Somebody who changes their mind has lost nothing."""
    browser.press(web.open(browser, prompt="select_account"), "other")
    assert is_signed_in(web, browser)
    assert web.id_token(web.tokens(web.open(browser)))["sub"] == str(user.id)


def test_who_wants_another_account_cannot_go_on_with_this_one(web: App, browser: Browser, user: TestUser) -> None:
    """Not by going back to the continuation, and not by a sign-in that came before they said so."""
    chooser = web.open(browser, prompt="select_account")
    again = make_app(web.server, first_party=True)
    assert again.code(browser.sign_in(again.open(browser, prompt="login"), user.email, user.password))
    chooser = browser.open(chooser.path)
    visit = browser.press(chooser, "other")
    assert visit.path.startswith("/sign-in")
    continued = browser.open(visit.path.replace("/sign-in", "/oauth/authorize/continue"))
    assert continued.path.startswith("/sign-in")


def test_a_person_may_choose_this_account_after_all(web: App, browser: Browser, user: TestUser) -> None:
    chooser = web.open(browser, prompt="select_account")
    browser.press(chooser, "other")
    tokens = web.tokens(browser.sign_in(browser.open(chooser.path.replace("/choose-account", "/sign-in")),
                                        user.email, user.password))  # fmt: skip
    assert web.id_token(tokens)["sub"] == str(user.id)


def test_where_nobody_is_signed_in_signing_in_is_choosing(web: App, user: TestUser) -> None:
    browser = Browser(web.server.app)
    visit = web.open(browser, prompt="select_account")
    assert visit.path.startswith("/sign-in")
    assert web.code(browser.sign_in(visit, user.email, user.password))


def test_the_chooser_does_not_stand_in_for_a_fresh_sign_in_a20(web: App, browser: Browser, user: TestUser) -> None:
    visit = web.open(browser, prompt="select_account login")
    assert visit.path.startswith("/choose-account")
    visit = browser.press(visit, "continue")
    assert visit.path.startswith("/sign-in")
    assert web.code(browser.sign_in(visit, user.email, user.password))


def test_a_choice_that_is_none_is_refused(web: App, browser: Browser) -> None:
    visit = web.open(browser, prompt="select_account")
    for choice in ({}, {"account": ""}, {"account": "somebody@example.com"}, {"account": "THIS"}):
        assert browser.post(visit.path, {"csrf_token": visit.form.fields["csrf_token"]} | choice).status == 403
    assert web.code(browser.press(visit, "continue"))


def test_the_chooser_of_a_browser_that_has_signed_out_meanwhile_leads_to_the_sign_in(
    web: App, browser: Browser
) -> None:
    visit = web.open(browser, prompt="select_account")
    browser.press(browser.open("/sign-out"), "logout")
    for come_back in (browser.open(visit.path), browser.press(visit, "continue")):
        assert come_back.path.startswith("/sign-in")
