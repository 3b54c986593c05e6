"""F22: several tabs and several apps in one browser, interleaved: each app gets its own answer."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from tests.app_login import App, make_app
from tests.browsing import Browser
from tests.relying_party import Server, TestUser, error


@pytest.fixture
def apps(server: Server) -> tuple[App, App]:
    """Two apps, each with an address of its own."""
    one, other = "https://one.example.com/callback", "https://other.example.com/callback"
    made = [make_app(server, client_name=uri, redirect_uris=(uri,)) for uri in (one, other)]
    made[0].redirect_uri, made[1].redirect_uri = one, other
    return made[0], made[1]


def test_two_tabs_with_two_apps_each_get_their_own_code_f22(
    server: Server, apps: tuple[App, App], user: TestUser
) -> None:
    one, other = apps
    browser = Browser(server.app)
    first, second = one.open(browser, scope="openid"), other.open(browser, scope="openid email")
    assert first.path != second.path
    consent_of_second = browser.sign_in(second, user.email, user.password)
    consent_of_first = browser.sign_in(first, user.email, user.password)
    assert one.redirect_uri in consent_of_first.words
    assert other.redirect_uri in consent_of_second.words
    # Signing in again has begun a new secret, not a new person: the second tab's page is still good.
    answer_of_second = browser.press(consent_of_second, "allow")
    answer_of_first = browser.press(consent_of_first, "allow")
    for app, answer, scope in ((one, answer_of_first, "openid"), (other, answer_of_second, "openid email")):
        assert urlsplit(answer.elsewhere or "").netloc == urlsplit(app.redirect_uri).netloc
        tokens = app.tokens(answer)
        assert app.id_token(tokens)["sub"] == str(user.id)
        assert tokens["scope"] == scope


def test_a_tab_whose_person_is_signed_in_by_another_tab_goes_on_without_a_password_f22(
    server: Server, apps: tuple[App, App], user: TestUser
) -> None:
    one, other = apps
    browser = Browser(server.app)
    waiting = one.open(browser)
    other.tokens(other.log_in(browser, user))
    continued = browser.open(waiting.path.replace("/sign-in", "/oauth/authorize/continue"))
    assert continued.path.startswith("/consent")
    assert one.tokens(browser.press(continued, "allow"))


def test_what_one_app_was_allowed_and_another_denied_is_not_mixed_up_f22(
    server: Server, apps: tuple[App, App], user: TestUser
) -> None:
    one, other = apps
    browser = Browser(server.app)
    consent_of_one = browser.sign_in(one.open(browser), user.email, user.password)
    consent_of_other = other.open(browser)
    denied = browser.press(consent_of_other, "deny")
    assert other.error(denied) == "access_denied"
    assert one.tokens(browser.press(consent_of_one, "allow"))
    assert other.open(browser).path.startswith("/consent")
    assert one.code(one.open(browser))


def test_two_tabs_of_one_app_get_two_codes_each_with_its_own_state_f22(
    server: Server, apps: tuple[App, App], user: TestUser
) -> None:
    """Each tab is a session of the app by itself, with its state, nonce and verifier."""
    tabs = [apps[0], App(server, apps[0].client, apps[0].redirect_uri)]
    browser = Browser(server.app)
    pages = [tab.open(browser) for tab in tabs]
    consents = [browser.sign_in(page, user.email, user.password) for page in reversed(pages)][::-1]
    answers = [browser.press(page, "allow") for page in consents]
    assert tabs[0].code(answers[0]) != tabs[1].code(answers[1])
    assert error(tabs[0].redeem(tabs[1].code(answers[1]))) == (400, "invalid_grant")
    for tab, answer in zip(tabs, answers, strict=True):
        assert tab.tokens(answer)


def test_two_people_in_two_browsers_at_one_app_are_not_mixed_up_f22(server: Server, apps: tuple[App, App]) -> None:
    app = apps[0]
    people, browsers = [server.user(), server.user()], [Browser(server.app), Browser(server.app)]
    tabs = [App(server, app.client, app.redirect_uri) for _ in people]
    pages = [tab.open(browser) for tab, browser in zip(tabs, browsers, strict=True)]
    consents = [
        browser.sign_in(page, person.email, person.password)
        for person, browser, page in zip(people, browsers, pages, strict=True)
    ]
    answers = [browser.press(page, "allow") for browser, page in zip(browsers, consents, strict=True)]
    for tab, answer, person in zip(tabs, answers, people, strict=True):
        assert tab.id_token(tab.tokens(answer))["sub"] == str(person.id)
