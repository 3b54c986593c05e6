"""Consent is remembered for each app by itself, and asked for again when there is more to allow (Core §3.1.2.4)."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import select

from oidc_server.authorizations.models import Consent
from oidc_server.core import clock
from tests.app_login import App, make_app
from tests.browsing import Browser, Visit
from tests.relying_party import Server, TestUser


@pytest.fixture
def browser(web: App, user: TestUser) -> Browser:
    """A browser in which the person is signed in and has allowed `openid email`."""
    made = Browser(web.server.app)
    web.tokens(web.log_in(made, user, scope="openid email"))
    return made


def is_asked(visit: Visit) -> bool:
    return visit.path.startswith("/consent")


def claims(**members: list[str]) -> str:
    """The ``claims`` parameter that asks for these (Core §5.5)."""
    return json.dumps({place: dict.fromkeys(names) for place, names in members.items()})


@pytest.mark.parametrize("scope", ["openid email", "email openid", "openid", "email", "openid email openid"])
def test_what_was_allowed_is_not_asked_for_again(web: App, browser: Browser, scope: str) -> None:
    assert web.code(web.open(browser, scope=scope))


@pytest.mark.parametrize("scope", ["openid email profile", "openid offline_access", "orders:read", "profile"])
def test_more_scopes_are_asked_for_and_then_known_too(web: App, browser: Browser, scope: str) -> None:
    visit = web.open(browser, scope=scope)
    assert is_asked(visit)
    web.tokens(browser.press(visit, "allow"))
    assert web.code(web.open(browser, scope=scope))
    assert web.code(web.open(browser, scope="openid email"))  # and nothing was forgotten for it
    assert web.code(web.open(browser, scope=" ".join({*scope.split(), "openid", "email"})))


def test_the_page_says_what_is_new_among_what_is_known(web: App, browser: Browser) -> None:
    visit = web.open(browser, scope="openid email phone")
    assert "see your phone number new" in visit.words
    assert "see your email address new" not in visit.words
    assert "see your email address" in visit.words


def test_a_claim_by_its_name_is_asked_for_although_its_scope_would_not_be(web: App, browser: Browser) -> None:
    wanted = claims(userinfo=["nickname"])
    visit = web.open(browser, scope="openid", claims=wanted)
    assert is_asked(visit)
    assert "see your nickname" in visit.words
    web.tokens(browser.press(visit, "allow"))
    assert web.code(web.open(browser, scope="openid", claims=wanted))
    assert web.code(web.open(browser, scope="openid", claims=claims(id_token=["nickname"])))
    assert is_asked(web.open(browser, scope="openid", claims=claims(userinfo=["nickname", "birthdate"])))


def test_allowing_claims_allows_no_scope(web: App, browser: Browser) -> None:
    web.tokens(browser.press(web.open(browser, scope="openid", claims=claims(userinfo=["nickname"])), "allow"))
    assert is_asked(web.open(browser, scope="openid profile"))


def test_each_app_is_remembered_by_itself_and_for_each_person(web: App, browser: Browser, user: TestUser) -> None:
    other_app, other_person = make_app(web.server), web.server.user()
    assert is_asked(other_app.open(browser, scope="openid email"))
    visit = web.open(browser, scope="openid email", prompt="login")
    assert is_asked(browser.sign_in(visit, other_person.email, other_person.password))
    with web.server.database.reading() as session:
        (kept,) = session.scalars(select(Consent))
    assert (kept.user_id, kept.client_id, kept.scope) == (user.id, web.client.client_id, "email openid")


def test_a_consent_is_remembered_in_every_browser_and_after_the_session(
    web: App, browser: Browser, user: TestUser
) -> None:
    clock.travel(timedelta(days=365))
    elsewhere = Browser(web.server.app)
    visit = web.open(elsewhere, scope="openid email")
    assert web.code(elsewhere.sign_in(visit, user.email, user.password))


def test_an_app_of_our_own_asks_nobody(server: Server, user: TestUser) -> None:
    ours, browser = make_app(server, first_party=True), Browser(server.app)
    visit = ours.open(browser, scope="openid profile email phone offline_access")
    assert ours.tokens(browser.sign_in(visit, user.email, user.password))["scope"].split()[-1] == "offline_access"
    with server.database.reading() as session:
        assert session.scalars(select(Consent)).all() == []


@pytest.mark.parametrize("first_party", [False, True])
def test_prompt_consent_asks_again_each_time(server: Server, user: TestUser, first_party: bool) -> None:
    app, browser = make_app(server, first_party=first_party), Browser(server.app)
    app.log_in(browser, user)
    for _ in range(2):
        visit = app.open(browser, prompt="consent")
        assert is_asked(visit)
        assert app.tokens(browser.press(visit, "allow"))
    assert app.code(app.open(browser))


def test_who_denies_is_asked_again_and_what_was_allowed_before_stays(web: App, browser: Browser) -> None:
    for _ in range(2):
        visit = web.open(browser, scope="openid email profile")
        assert is_asked(visit)
        assert web.error(browser.press(visit, "deny")) == "access_denied"
    assert web.code(web.open(browser, scope="openid email"))
    assert (
        web.error(browser.press(web.open(browser, prompt="consent", scope="openid email"), "deny")) == "access_denied"
    )
    assert web.code(web.open(browser, scope="openid email"))


def test_without_a_page_the_app_is_told_that_consent_is_missing_a19(web: App, browser: Browser) -> None:
    assert web.error(web.open(browser, scope="openid email profile", prompt="none")) == "consent_required"
    assert web.code(web.open(browser, scope="openid email", prompt="none"))


def test_a_consent_that_is_taken_away_while_the_page_is_open_is_given_again(
    web: App, browser: Browser, user: TestUser
) -> None:
    visit = web.open(browser, scope="openid email", prompt="consent")
    with web.server.database.transaction() as session:
        session.delete(session.get_one(Consent, (user.id, web.client.client_id)))
    assert web.tokens(browser.press(visit, "allow"))
    assert web.code(web.open(browser, scope="openid email"))


def test_every_consent_is_recorded_with_what_it_was_for(web: App, browser: Browser, user: TestUser) -> None:
    web.tokens(browser.press(web.open(browser, scope="openid profile"), "allow"))
    first, second = web.server.audit("consent.granted", f"{user.id}:{web.client.client_id}")
    assert (first.detail["scope"], second.detail["scope"]) == ("email openid", "openid profile")
    assert second.client_id == web.client.client_id


def test_two_first_consents_at_the_same_time_are_both_kept(server: Server, web: App, user: TestUser) -> None:
    """Two tabs, or a double click: neither is a fault of the server."""
    tabs = [App(server, web.client) for _ in range(4)]
    scopes = ["openid email", "openid phone", "openid profile", "openid address"]
    browsers = [Browser(server.app) for _ in tabs]
    pages = [
        browser.sign_in(tab.open(browser, scope=scope), user.email, user.password)
        for tab, browser, scope in zip(tabs, browsers, scopes, strict=True)
    ]
    barrier = Barrier(len(tabs))

    def allow(number: int) -> Visit:
        barrier.wait(timeout=30)
        return browsers[number].press(pages[number], "allow")

    with ThreadPoolExecutor(len(tabs)) as pool:
        answers = list(pool.map(allow, range(len(tabs))))
    for tab, answer in zip(tabs, answers, strict=True):
        assert answer.status == 303, answer.words
        assert tab.tokens(answer)
    assert web.code(web.open(browsers[0], scope="openid email phone profile address"))
