"""What ends with a session, and what with the account (F08, F12, F13)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from oidc_server.core import clock
from oidc_server.core.settings import Settings
from oidc_server.sessions.models import LoginSession
from oidc_server.users.models import User
from tests.app_login import App, make_app
from tests.browsing import Browser
from tests.commands.command_line import CommandLine, environment_of
from tests.relying_party import Server, TestUser, error
from tests.stolen_cookies import copy_of, is_signed_in

REFUSED = (400, "invalid_grant")


@dataclass
class Home:
    """A person's browser, and what an app was given there: tokens, with and without offline access, and a code."""

    browser: Browser
    app: App
    online: dict[str, Any]
    offline: dict[str, Any]
    code: str
    verifier: str

    def redeem(self) -> tuple[int, str | None]:
        """Redeem the code."""
        response = self.app.redeem(self.code, code_verifier=self.verifier)
        return (200, None) if response.status_code == 200 else error(response)

    def is_good(self, token: str) -> bool:
        """Whether an access token is good, as userinfo and introspection agree."""
        active = bool(self.app.server.introspect(self.app.client, token)["active"])
        assert self.app.userinfo(token).status_code == (200 if active else 401)
        return active

    def refresh(self, tokens: dict[str, Any]) -> int:
        """Refresh; the status."""
        return self.app.server.refresh(self.app.client, tokens["refresh_token"]).status_code


def home(app: App, user: TestUser) -> Home:
    """Sign in, in a new browser."""
    browser = Browser(app.server.app)
    online = app.tokens(app.log_in(browser, user, scope="openid"))
    offline = app.tokens(app.log_in(browser, user, scope="openid offline_access"))
    code = app.code(app.log_in(browser, user, scope="openid"))
    return Home(browser, app, online, offline, code, app.verifier)


@pytest.fixture
def ours(server: Server) -> App:
    """An app of our own, which needs no consent."""
    return make_app(server, first_party=True)


def log_out(place: Home) -> None:
    """By the app, with the ID Token that it has."""
    hint = place.online["id_token"]
    visit = place.browser.open(f"{place.app.server.metadata['end_session_endpoint']}?id_token_hint={hint}")
    assert visit.path == "/signed-out"
    assert "You are signed out" in visit.words


def test_a_session_that_ends_really_ends_and_only_that_one_f13_c15(server: Server, ours: App) -> None:
    app, user = make_app(server), server.user()
    here, there = home(app, user), home(app, user)
    stolen = copy_of(here.browser, ours)
    log_out(here)
    assert not is_signed_in(ours, here.browser)
    assert not is_signed_in(ours, stolen)
    assert not here.is_good(here.online["access_token"])
    assert here.refresh(here.online) == 400
    assert here.redeem() == REFUSED
    assert is_signed_in(ours, there.browser)
    assert there.is_good(there.online["access_token"])
    assert there.redeem() == (200, None)


def test_with_offline_access_an_app_goes_on_after_the_session_f13(server: Server) -> None:
    """OpenID Connect Core §11."""
    place = home(make_app(server), server.user())
    log_out(place)
    assert place.is_good(place.offline["access_token"])
    assert place.refresh(place.offline) == 200


def test_a_session_that_is_ended_in_the_database_is_over_at_once_f13(server: Server, ours: App) -> None:
    place = home(make_app(server), server.user())
    with server.database.transaction() as session:
        session.execute(update(LoginSession).values(ended_at=clock.now()))
    assert not is_signed_in(ours, place.browser)
    assert not place.is_good(place.online["access_token"])
    assert place.redeem() == REFUSED


def test_the_cookie_from_before_the_logout_is_worth_nothing_f08(server: Server, ours: App) -> None:
    app, user = make_app(server), server.user()
    place = home(app, user)
    before = copy_of(place.browser, ours)
    log_out(place)
    visit = app.open(before)
    assert visit.path.startswith("/sign-in")
    with server.database.reading() as session:
        (ended,) = session.scalars(select(LoginSession))
    assert ended.ended_at is not None
    home(app, user)  # signing in again does not revive the old one
    assert not is_signed_in(ours, before)


def test_a_suspended_account_is_dead_everywhere_at_once_f12(server: Server, ours: App) -> None:
    place = home(make_app(server), user := server.user())
    waiting = place.app.open(place.browser, prompt="consent")
    assert waiting.path.startswith("/consent")
    server.suspend(user)
    assert not is_signed_in(ours, place.browser)
    for tokens in (place.online, place.offline):
        assert not place.is_good(tokens["access_token"])
    assert place.refresh(place.offline) == 400
    assert place.redeem() == REFUSED
    assert place.browser.press(waiting, "allow").path.startswith("/sign-in")
    answer = place.browser.sign_in(place.app.open(place.browser), user.email, user.password)
    assert (answer.status, answer.path.startswith("/sign-in")) == (422, True)


def test_a_locked_account_is_dead_until_the_lock_ends_f12(server: Server, ours: App) -> None:
    place = home(make_app(server), user := server.user())
    with server.database.transaction() as session:
        until = clock.now() + timedelta(minutes=10)
        session.execute(update(User).where(User.id == user.id).values(locked_until=until))
    assert not is_signed_in(ours, place.browser)
    assert not place.is_good(place.offline["access_token"])
    assert place.refresh(place.offline) == 400
    clock.travel(timedelta(minutes=10))
    assert is_signed_in(ours, place.browser)
    assert place.is_good(place.offline["access_token"])


def test_what_a_suspension_by_the_operator_ended_stays_ended_f12(server: Server, ours: App, settings: Settings) -> None:
    """I4: the account works again, and nothing from before does."""
    place = home(make_app(server), user := server.user())
    cli = CommandLine(environment_of(settings))
    cli.json("users", "suspend", user.email)
    assert not is_signed_in(ours, place.browser)
    cli.json("users", "activate", user.email)
    assert not is_signed_in(ours, place.browser)
    for tokens in (place.online, place.offline):
        assert not place.is_good(tokens["access_token"])
    assert place.refresh(place.offline) == 400
    assert place.redeem() == REFUSED
    assert home(place.app, user).redeem() == (200, None)


def test_a_deleted_account_leaves_nothing_that_works_f12(server: Server, ours: App) -> None:
    place = home(make_app(server), user := server.user())
    with server.database.transaction() as session:
        session.delete(session.get_one(User, user.id))
    assert not is_signed_in(ours, place.browser)
    assert not place.is_good(place.offline["access_token"])
    assert place.refresh(place.offline) == 400
    assert place.redeem() == REFUSED
