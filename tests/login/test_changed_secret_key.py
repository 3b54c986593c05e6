"""While the server's secret key is replaced, what was made with the earlier one stays good."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from oidc_server.core import clock
from oidc_server.core.settings import Settings
from tests.app_login import App, make_app
from tests.browsing import Browser
from tests.relying_party import Server, TestUser
from tests.stolen_cookies import SESSION, put

NEW = "another secret key for tests only 9876"
MakeServer = Callable[..., Server]


@pytest.fixture
def web(server: Server) -> App:
    """An app of our own, which needs no consent."""
    return make_app(server, first_party=True)


def go_to(server: Server, browser: Browser) -> None:
    """From now on the browser talks to another process."""
    browser.http.application = server.app


@pytest.mark.parametrize("knows_the_old", [True, False])
def test_a_form_that_is_open_meanwhile_can_be_sent(
    web: App, user: TestUser, make_server: MakeServer, settings: Settings, knows_the_old: bool
) -> None:
    browser = Browser(web.server.app)
    page = web.open(browser)
    go_to(make_server(secret_key=NEW, secret_key_previous=(settings.secret_key,) if knows_the_old else ()), browser)
    visit = browser.sign_in(page, user.email, user.password)
    if knows_the_old:
        assert web.code(visit)
    else:
        assert visit.status == 403
        assert "This page was open for too long" in visit.words


def test_a_form_of_the_new_key_is_good_where_that_is_known_already(
    web: App, user: TestUser, make_server: MakeServer, settings: Settings
) -> None:
    """The new value is made a previous one first, so that processes with either serve each other's pages."""
    new, old = make_server(secret_key=NEW), make_server(secret_key_previous=(NEW,))
    assert settings.secret_key != NEW
    browser = Browser(new.app)
    page = web.open(browser)
    go_to(old, browser)
    assert web.code(browser.sign_in(page, user.email, user.password))


@pytest.mark.parametrize("knows_the_old", [True, False])
def test_a_known_browser_is_still_known_r06(
    web: App, user: TestUser, make_server: MakeServer, settings: Settings, knows_the_old: bool
) -> None:
    """R06: guesses from elsewhere do not hold it up; they do when the earlier key is forgotten, until they end."""
    browser, stranger = Browser(web.server.app), Browser(web.server.app)
    web.log_in(browser, user)
    put(browser, SESSION, None)
    page = web.open(stranger)
    while stranger.sign_in(page, user.email, "a wrong password").status != 429:
        pass
    go_to(make_server(secret_key=NEW, secret_key_previous=(settings.secret_key,) if knows_the_old else ()), browser)
    visit = web.log_in(browser, user)
    if not knows_the_old:
        assert visit.status == 429
        clock.travel(timedelta(minutes=1))
        visit = web.log_in(browser, user)
    assert web.code(visit)
