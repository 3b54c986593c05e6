"""F19: how long a browser stays signed in is decided and enforced by the server, whatever cookie a browser keeps."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from werkzeug.http import parse_cookie

from oidc_server.core import clock
from oidc_server.core.settings import Settings
from tests.app_login import App, make_app
from tests.browsing import Browser
from tests.relying_party import Server, TestUser
from tests.stolen_cookies import SESSION, holding, is_signed_in

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@pytest.fixture
def web(server: Server) -> App:
    """An app of our own, which needs no consent."""
    return make_app(server, first_party=True)


def sign_in(web: App, user: TestUser, **typed: str) -> Browser:
    """A browser in which the person is signed in."""
    browser = Browser(web.server.app)
    web.tokens(browser.sign_in(web.open(browser), user.email, user.password, **typed))
    return browser


def test_an_idle_session_ends_and_use_keeps_it_f19(server: Server, web: App, settings: Settings) -> None:
    user, idle = server.user(), timedelta(seconds=settings.session_idle_lifetime)
    browser, idler = sign_in(web, user), sign_in(web, user)
    clock.travel(idle - 2 * MINUTE)
    assert is_signed_in(web, browser)
    clock.travel(3 * MINUTE)
    assert is_signed_in(web, browser)
    assert not is_signed_in(web, idler)
    clock.travel(idle + MINUTE)
    assert not is_signed_in(web, browser)


def test_to_be_refused_does_not_keep_a_session_alive_f19(server: Server, web: App, settings: Settings) -> None:
    """Looking whether somebody is signed in must not, by itself, keep a session for ever that is over."""
    browser = sign_in(web, server.user())
    clock.travel(timedelta(seconds=settings.session_idle_lifetime) + SECOND)
    for _ in range(3):
        assert not is_signed_in(web, browser)


def test_the_busiest_session_ends_at_its_absolute_end_f19(server: Server, web: App, settings: Settings) -> None:
    browser, step = sign_in(web, server.user()), timedelta(seconds=settings.session_idle_lifetime) - 2 * MINUTE
    left = timedelta(seconds=settings.session_lifetime) - MINUTE
    while left > step:
        clock.travel(step)
        left -= step
        assert is_signed_in(web, browser)
    clock.travel(left)
    assert is_signed_in(web, browser)
    clock.travel(MINUTE)
    assert not is_signed_in(web, browser)


def test_a_remembered_session_waits_unused_until_its_absolute_end_f19(
    server: Server, web: App, settings: Settings
) -> None:
    browser = sign_in(web, server.user(), remember="1")
    clock.travel(timedelta(seconds=settings.session_remembered_lifetime) - MINUTE)
    assert is_signed_in(web, browser)
    clock.travel(MINUTE)
    assert not is_signed_in(web, browser)


def test_a_cookie_that_a_browser_keeps_for_longer_is_worth_nothing_f19(
    server: Server, web: App, settings: Settings
) -> None:
    """Whoever does not ask to be remembered is not, even when the browser is told another thing."""
    secret = sign_in(web, server.user()).cookie(SESSION)
    clock.travel(timedelta(seconds=settings.session_lifetime))
    assert not is_signed_in(web, holding(web, session=secret))


def test_signing_in_again_begins_the_time_anew_and_can_end_being_remembered_f19(
    server: Server, web: App, settings: Settings
) -> None:
    user, idle = server.user(), timedelta(seconds=settings.session_idle_lifetime)
    browser = sign_in(web, user, remember="1")
    clock.travel(timedelta(days=3))
    web.tokens(browser.sign_in(web.open(browser, prompt="login"), user.email, user.password))
    clock.travel(idle - SECOND)
    assert is_signed_in(web, browser)
    clock.travel(idle + SECOND)
    assert not is_signed_in(web, browser)


@pytest.mark.parametrize("remember", [{}, {"remember": "1"}])
def test_the_browser_keeps_the_cookie_for_as_long_as_it_is_good_f19(
    server: Server, web: App, settings: Settings, remember: dict[str, str]
) -> None:
    """Or else until it is closed."""
    user, browser = server.user(), Browser(server.app)
    page = web.open(browser)
    response = browser.http.post(
        page.path, data=page.form.fields | {"login": user.email, "password": user.password} | remember
    )
    (line,) = [line for line in response.headers.getlist("Set-Cookie") if line.startswith("__Host-session=")]
    lifetime = parse_cookie(line).get("Max-Age")
    assert lifetime == (str(settings.session_remembered_lifetime) if remember else None)
    assert ("Expires" in line) == bool(remember)


def test_the_settings_decide_f19(make_server: Callable[..., Server]) -> None:
    server = make_server(session_idle_lifetime=600, session_lifetime=900, session_remembered_lifetime=1200)
    web, user = make_app(server, first_party=True), server.user()
    idle, busy, remembered = sign_in(web, user), sign_in(web, user), sign_in(web, user, remember="1")
    clock.travel(timedelta(seconds=590))
    assert is_signed_in(web, busy)
    clock.travel(timedelta(seconds=20))
    assert [is_signed_in(web, one) for one in (idle, busy, remembered)] == [False, True, True]
    clock.travel(timedelta(seconds=300))
    assert [is_signed_in(web, one) for one in (idle, busy, remembered)] == [False, False, True]
    clock.travel(timedelta(seconds=300))
    assert not is_signed_in(web, remembered)


def test_a_grant_ends_with_the_session_in_which_it_was_given_unless_it_is_offline_f19(
    server: Server, settings: Settings
) -> None:
    """Its refresh token does not outlive the sign-in; that of ``offline_access`` does (OpenID Connect Core §11)."""
    app, user, browser = make_app(server), server.user(), Browser(server.app)
    online = app.tokens(app.log_in(browser, user, scope="openid"))
    offline = app.tokens(app.log_in(browser, user, scope="openid offline_access"))
    clock.travel(timedelta(seconds=settings.session_lifetime))
    assert server.refresh(app.client, online["refresh_token"]).status_code == 400
    assert server.refresh(app.client, offline["refresh_token"]).status_code == 200
