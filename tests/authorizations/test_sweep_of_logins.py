"""Sweeping what logins leave behind: interactions, codes, sessions; and nothing that ended works again for it."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select

from oidc_server.authorizations.codes import LIFETIME as CODE_LIFETIME
from oidc_server.authorizations.interactions import LIFETIME as INTERACTION_LIFETIME
from oidc_server.authorizations.models import AuthorizationCode, Consent, Interaction
from oidc_server.authorizations.sweep import KEPT_AFTER_END, sweep
from oidc_server.core import clock
from oidc_server.core.database import Base
from oidc_server.core.settings import Settings
from oidc_server.sessions.models import LoginSession
from tests.app_login import make_app
from tests.browsing import Browser
from tests.relying_party import Server, body_of, error

SECOND = timedelta(seconds=1)
REFUSED = (400, "invalid_grant")


def count(server: Server, model: type[Base]) -> int:
    with server.database.reading() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def test_an_interaction_goes_when_its_time_is_over_and_not_before(server: Server) -> None:
    app, user, browser = make_app(server, first_party=True), server.user(), Browser(server.app)
    page = app.open(browser)
    clock.travel(INTERACTION_LIFETIME - SECOND)
    sweep(server.database)
    app.tokens(browser.sign_in(page, user.email, user.password))
    assert app.open(browser, prompt="login").path.startswith("/sign-in")
    clock.travel(SECOND)
    assert (sweep(server.database)["interactions"], count(server, Interaction)) == (1, 1)
    clock.travel(INTERACTION_LIFETIME)
    assert (sweep(server.database)["interactions"], count(server, Interaction)) == (1, 0)


def test_a_used_code_stays_for_as_long_as_its_replay_must_be_noticed_b01(server: Server) -> None:
    app, user, browser = make_app(server), server.user(), Browser(server.app)
    visit = app.log_in(browser, user, scope="openid offline_access")
    code = app.code(visit)
    tokens = body_of(app.redeem(code))
    clock.travel(CODE_LIFETIME + KEPT_AFTER_END - SECOND)
    assert sweep(server.database)["authorization_codes"] == 0
    assert error(app.redeem(code)) == REFUSED
    assert error(server.refresh(app.client, tokens["refresh_token"])) == REFUSED
    clock.travel(SECOND)
    assert sweep(server.database)["authorization_codes"] == 1
    assert error(app.redeem(code)) == REFUSED
    assert count(server, AuthorizationCode) == 0


def test_what_is_offline_outlives_its_session_and_still_says_when_the_person_signed_in(
    server: Server, settings: Settings
) -> None:
    """OpenID Connect Core §12.2: an ID Token from a refresh keeps its ``auth_time``, and how they had signed in."""
    app, user, browser = make_app(server), server.user(), Browser(server.app)
    tokens = app.tokens(app.log_in(browser, user, scope="openid offline_access"))
    first = app.id_token(tokens)
    over = timedelta(seconds=settings.session_lifetime) + KEPT_AFTER_END
    clock.travel(over)
    sweep(server.database)
    tokens = body_of(server.refresh(app.client, tokens["refresh_token"]))
    renewed = app.id_token(tokens, nonce=False)
    for claim in ("sub", "auth_time", "amr", "acr"):
        assert renewed[claim] == first[claim]
    assert renewed["iat"] > first["iat"]
    assert server.introspect(app.client, tokens["access_token"])["active"] is True


def test_sessions_and_what_hangs_off_them_go_in_the_end_and_consents_stay(server: Server, settings: Settings) -> None:
    app, user, browser = make_app(server), server.user(), Browser(server.app)
    app.tokens(app.log_in(browser, user))
    clock.travel(timedelta(seconds=settings.session_lifetime) + KEPT_AFTER_END)
    removed = sweep(server.database)
    assert [removed[table] for table in ("sessions", "authorizations", "authorization_codes")] == [1, 1, 1]
    assert [count(server, model) for model in (LoginSession, Interaction, Consent)] == [0, 0, 1]
    browser = Browser(server.app)
    visit = browser.sign_in(app.open(browser), user.email, user.password)
    assert app.code(visit)  # nobody is asked again


def test_what_ended_with_its_session_stays_ended_when_the_session_is_swept_f13(
    server: Server, settings: Settings
) -> None:
    """I4. A grant can be made for longer than the session lasts in the end: here the person was remembered, and then
    signed in again without."""
    app, user, browser = make_app(server), server.user(), Browser(server.app)
    page = browser.sign_in(app.open(browser, scope="openid"), user.email, user.password, remember="1")
    tokens = app.tokens(browser.press(page, "allow"))
    clock.travel(timedelta(hours=1))
    again = browser.sign_in(app.open(browser, prompt="login"), user.email, user.password)
    hint = app.tokens(again)["id_token"]
    browser.open(f"{server.metadata['end_session_endpoint']}?id_token_hint={hint}")
    assert error(server.refresh(app.client, tokens["refresh_token"])) == REFUSED
    clock.travel(timedelta(seconds=settings.session_lifetime) + KEPT_AFTER_END)
    sweep(server.database)
    assert error(server.refresh(app.client, tokens["refresh_token"])) == REFUSED
