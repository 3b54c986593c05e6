"""A browser's login session: addressed by a secret that nobody else can know, and made anew at every sign-in."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import LargeBinary, select, update

from oidc_server.audit.service import SYSTEM
from oidc_server.core import clock, crypto
from oidc_server.core.database import Base
from oidc_server.core.settings import Settings
from oidc_server.sessions.epochs import begin_epoch
from oidc_server.sessions.models import LoginSession
from oidc_server.users.models import User
from tests.app_login import App, make_app
from tests.browsing import Browser
from tests.relying_party import Server, TestUser
from tests.stolen_cookies import BROWSER, DEVICE, SESSION, copy_of, holding, is_signed_in, put

SECOND = timedelta(seconds=1)


@pytest.fixture
def web(server: Server) -> App:
    """An app of our own, which needs no consent."""
    return make_app(server, first_party=True)


@pytest.fixture
def user(server: Server) -> TestUser:
    return server.user()


def rows(server: Server) -> list[LoginSession]:
    with server.database.reading() as session:
        return list(session.scalars(select(LoginSession).order_by(LoginSession.id)))


def test_the_database_knows_the_secrets_of_a_browser_only_by_their_digests_d24(
    server: Server, web: App, user: TestUser
) -> None:
    browser = Browser(server.app)
    visit = web.open(browser)
    web.tokens(browser.sign_in(visit, user.email, user.password))
    secrets = [browser.cookie(kind) or "" for kind in (SESSION, BROWSER, DEVICE)]
    kept: list[object] = []
    with server.database.reading() as session:
        for table in Base.metadata.sorted_tables:
            kept += [value for row in session.execute(select(table)) for value in row]
    raw = b"\n".join(value if isinstance(value, bytes) else str(value).encode() for value in kept)
    for secret in secrets:
        assert len(secret) >= 43
        assert secret.encode() not in raw
    assert crypto.digest(secrets[0]) in kept
    assert crypto.digest(secrets[1]) in kept
    assert isinstance(LoginSession.secret_digest.type, LargeBinary)


def test_every_sign_in_makes_a_new_secret_and_the_old_one_is_dead_f01(web: App, user: TestUser) -> None:
    browser, seen = Browser(web.server.app), set[str | None]()
    for _ in range(3):
        before = copy_of(browser, web)
        assert is_signed_in(web, before) == bool(seen)
        web.tokens(browser.sign_in(web.open(browser, prompt="login"), user.email, user.password))
        assert browser.cookie(SESSION) not in seen
        seen.add(browser.cookie(SESSION))
        assert is_signed_in(web, browser)
        assert not is_signed_in(web, before)


def test_a_secret_that_was_planted_before_the_sign_in_is_worth_nothing_after_it_f01(web: App, user: TestUser) -> None:
    planted = crypto.new_secret()
    browser = holding(web, session=planted)
    web.tokens(web.log_in(browser, user))
    assert browser.cookie(SESSION) not in {None, planted}
    assert not is_signed_in(web, holding(web, session=planted))


def test_who_signs_in_where_somebody_else_was_signed_in_ends_their_session_f01(
    server: Server, web: App, user: TestUser
) -> None:
    other, browser = server.user(), Browser(server.app)
    tokens = web.tokens(web.log_in(browser, user))
    before = copy_of(browser, web)
    theirs = web.tokens(browser.sign_in(web.open(browser, prompt="login"), other.email, other.password))
    assert web.id_token(theirs)["sub"] == str(other.id)
    assert not is_signed_in(web, before)
    assert web.userinfo(tokens["access_token"]).status_code == 401
    assert web.userinfo(theirs["access_token"]).status_code == 200
    ended, running = rows(server)
    assert ended.ended_at is not None
    assert running.ended_at is None


def test_a_session_is_touched_at_most_once_a_minute(server: Server, web: App, user: TestUser) -> None:
    browser = Browser(server.app)
    web.log_in(browser, user)
    (row,) = rows(server)
    seen: list[datetime] = []
    for seconds in (30, 29, 1, 59, 1):
        clock.travel(timedelta(seconds=seconds))
        assert is_signed_in(web, browser)
        seen.append(rows(server)[0].last_seen_at)
    assert seen[0] == seen[1] == row.last_seen_at
    assert seen[2] == seen[3] > seen[1]
    assert seen[4] > seen[3]


def test_an_epoch_ends_every_session_x08(server: Server, web: App, user: TestUser, settings: Settings) -> None:
    browser, skew = Browser(server.app), timedelta(seconds=settings.clock_skew_bound)
    web.log_in(browser, user)
    assert is_signed_in(web, browser)
    with server.app.app_context(), server.database.transaction() as session:
        begin_epoch(session, actor=SYSTEM, clock_skew=skew)
    assert not is_signed_in(web, browser)
    clock.travel(skew + SECOND)
    web.log_in(browser, user)
    assert is_signed_in(web, browser)


def test_a_changed_password_ends_the_sessions_from_before_it_f08_f11(server: Server, web: App, user: TestUser) -> None:
    browsers = [Browser(server.app), Browser(server.app)]
    for browser in browsers:
        web.log_in(browser, user)
    clock.travel(SECOND)
    with server.database.transaction() as session:
        session.execute(update(User).where(User.id == user.id).values(password_changed_at=clock.now()))
    for browser in browsers:
        assert not is_signed_in(web, browser)
    web.log_in(browsers[0], user)
    assert is_signed_in(web, browsers[0])
    assert not is_signed_in(web, browsers[1])


@pytest.mark.parametrize("value", ["", "x", "None", "0", "x" * 3000, "'; DROP TABLE sessions; --", "é", "%00", "a=b"])
def test_an_altered_session_cookie_is_no_session_f08(web: App, user: TestUser, value: str) -> None:
    browser = Browser(web.server.app)
    web.log_in(browser, user)
    put(browser, SESSION, value)
    assert not is_signed_in(web, browser)
    for altered in (f"{value}.", f"{value}A"):
        assert not is_signed_in(web, holding(web, session=altered))


def test_no_session_of_flask_s_is_read_or_made_f08(server: Server, web: App, user: TestUser) -> None:
    """There is no client-side session that could be edited."""
    browser = Browser(server.app)
    web.log_in(browser, user)
    assert server.app.secret_key is None
    assert browser.http.get_cookie("session", domain="localhost") is None
    (row,) = rows(server)
    forged = Browser(server.app)
    for name in ("session", "sid", "user_id", "__Host-user"):
        forged.http.set_cookie(name, str(row.id), domain="localhost", path="/")
    put(forged, SESSION, str(row.id))
    assert not is_signed_in(web, forged)
