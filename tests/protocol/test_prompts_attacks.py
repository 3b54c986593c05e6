"""Around the pages that are owed: ``prompt=none``, a fresh sign-in that somebody skips, and hints of somebody else."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from oidc_server.authorizations.models import Interaction
from oidc_server.core import clock
from oidc_server.core.settings import Settings
from tests.app_login import App, make_app
from tests.browsing import Browser, Visit
from tests.protocol.authorizing import assert_is_page, count_codes, refused, signed_in
from tests.relying_party import Server, TestUser

CONTINUE = "/oauth/authorize/continue"


@pytest.fixture
def browser(rp: App, user: TestUser) -> Browser:
    """The person is signed in here, and has allowed the app ``openid``."""
    return signed_in(rp, user)


def of(visit: Visit) -> str:
    """The query that names the waiting request of a page."""
    return visit.path.partition("?")[2]


def waiting(server: Server) -> int:
    """How many requests wait for a person, or did."""
    with server.database.reading() as session:
        return session.scalar(select(func.count()).select_from(Interaction)) or 0


def assert_silent(rp: App, browser: Browser, expected: str, **parameters: str) -> None:
    """The app is told this error by a redirect: no page, no code, no request that waits."""
    before = (waiting(rp.server), count_codes(rp.server))
    assert refused(rp, rp.open(browser, prompt="none", **parameters)) == expected
    assert (waiting(rp.server), count_codes(rp.server)) == before


def test_prompt_none_gives_a_code_where_nothing_is_owed_a19(rp: App, browser: Browser, user: TestUser) -> None:
    token = rp.tokens(rp.open(browser))["id_token"]
    for parameters in ({}, {"max_age": "600"}, {"login_hint": user.email}, {"id_token_hint": token}):
        rp.code(rp.open(browser, prompt="none", **parameters))


def test_prompt_none_without_a_session_a19(rp: App, user: TestUser, settings: Settings) -> None:
    assert_silent(rp, Browser(rp.server.app), "login_required")
    browser = Browser(rp.server.app)
    rp.open(browser)  # has seen a page, and nobody signed in
    assert_silent(rp, browser, "login_required")
    idle = signed_in(rp, user)
    clock.travel(timedelta(seconds=settings.session_idle_lifetime))
    assert_silent(rp, idle, "login_required")


def test_prompt_none_with_a_session_that_has_ended_a19(rp: App, browser: Browser, user: TestUser) -> None:
    token = rp.tokens(rp.open(browser))["id_token"]
    cookie = browser.cookie("session")
    assert cookie
    browser.open(f"/oauth/logout?id_token_hint={token}")
    assert_silent(rp, browser, "login_required")
    for secret in (cookie, cookie[:-1], f"{cookie}x", "", "x" * 43, str(user.id)):
        browser.http.set_cookie("__Host-session", secret, domain="localhost", secure=True)
        assert_silent(rp, browser, "login_required")


def test_prompt_none_of_somebody_who_may_not_sign_in_a19(rp: App, browser: Browser, user: TestUser) -> None:
    rp.server.suspend(user)
    assert_silent(rp, browser, "login_required")


def test_prompt_none_without_consent_a19(rp: App, browser: Browser) -> None:
    assert_silent(rp, browser, "consent_required", scope="openid email")
    assert_silent(rp, browser, "consent_required", claims='{"id_token":{"email":null}}')
    assert_silent(make_app(rp.server), browser, "consent_required")


def test_prompt_none_with_a_sign_in_that_is_too_old_a19(rp: App, browser: Browser) -> None:
    clock.travel(timedelta(seconds=10))
    for max_age in ("0", "1", "9"):
        assert_silent(rp, browser, "login_required", max_age=max_age)
    by_default = make_app(rp.server, default_max_age=5, first_party=True)
    assert_silent(by_default, browser, "login_required")


def test_prompt_none_goes_with_nothing_else_a19(rp: App, browser: Browser) -> None:
    for prompt in (
        "none login",
        "consent none",
        "none select_account",
        "none none login",
        "None",
        "NONE",
        "none,login",
        "x",
    ):
        before = count_codes(rp.server)
        assert refused(rp, rp.open(browser, prompt=prompt)) == "invalid_request", prompt
        assert count_codes(rp.server) == before


Demand = Callable[[App, Browser], Visit]


def by_prompt(rp: App, browser: Browser) -> Visit:
    """A new sign-in is demanded outright."""
    return rp.open(browser, prompt="login")


def by_max_age(rp: App, browser: Browser) -> Visit:
    """The one that was is too old."""
    return rp.open(browser, max_age="1")


@pytest.mark.parametrize("demand", [by_prompt, by_max_age])
def test_a_new_sign_in_cannot_be_skipped_a20(rp: App, browser: Browser, user: TestUser, demand: Demand) -> None:
    clock.travel(timedelta(seconds=10))
    before = count_codes(rp.server)
    page = demand(rp, browser)
    assert page.path.startswith("/sign-in")
    assert browser.open(f"{CONTINUE}?{of(page)}").path.startswith("/sign-in")
    for path, button in (("/consent", "allow"), ("/choose-account", "continue")):
        out_of_turn = browser.open(f"{path}?{of(page)}")
        assert browser.press(out_of_turn, button).path.startswith("/sign-in")
    assert count_codes(rp.server) == before
    wrong = browser.sign_in(page, user.email, "wrong")
    assert wrong.status == 422
    assert browser.open(f"{CONTINUE}?{of(page)}").path.startswith("/sign-in")
    assert count_codes(rp.server) == before
    demanded = clock.timestamp()
    assert rp.id_token(rp.tokens(browser.sign_in(page, user.email, user.password)))["auth_time"] >= demanded


@pytest.mark.parametrize("demand", [by_prompt, by_max_age])
def test_going_back_after_the_code_gives_no_second_one_a20(
    rp: App, browser: Browser, user: TestUser, demand: Demand
) -> None:
    clock.travel(timedelta(seconds=10))
    page = demand(rp, browser)
    rp.code(browser.sign_in(page, user.email, user.password))
    before = count_codes(rp.server)
    for path in (CONTINUE, "/sign-in", "/consent", "/choose-account"):
        assert_is_page(browser.open(f"{path}?{of(page)}"))
    assert_is_page(browser.press(page, "continue", login=user.email, password=user.password))
    assert count_codes(rp.server) == before


def test_going_back_to_the_request_demands_the_sign_in_again_a20(rp: App, browser: Browser, user: TestUser) -> None:
    """The same address a second time is a second request: the sign-in for the first one is too old for it."""
    address = rp.address(prompt="login")
    first = browser.open(address)
    rp.code(browser.sign_in(first, user.email, user.password))
    clock.travel(timedelta(seconds=1))
    again = browser.open(address)
    assert again.path.startswith("/sign-in")
    assert of(again) != of(first)
    assert browser.open(f"{CONTINUE}?{of(again)}").path.startswith("/sign-in")


def test_the_session_from_before_a_new_sign_in_is_dead_a20(rp: App, browser: Browser, user: TestUser) -> None:
    old = browser.cookie("session")
    page = rp.open(browser, prompt="login")
    rp.code(browser.sign_in(page, user.email, user.password))
    assert browser.cookie("session") != old
    thief = Browser(rp.server.app)
    thief.http.set_cookie("__Host-session", old or "", domain="localhost", secure=True)
    assert_silent(rp, thief, "login_required")


def test_the_request_of_one_browser_is_no_other_s_a20(rp: App, user: TestUser) -> None:
    """Whoever knows its id cannot take it over: they would sign in for another app's request."""
    page, thief = rp.open(Browser(rp.server.app)), signed_in(rp, user)
    for path in (CONTINUE, "/sign-in", "/consent", "/choose-account"):
        assert_is_page(thief.open(f"{path}?{of(page)}"))
        assert_is_page(Browser(rp.server.app).open(f"{path}?{of(page)}"))


def test_a_hint_of_somebody_else_never_gives_the_wrong_person_a21(rp: App, browser: Browser, user: TestUser) -> None:
    other = rp.server.user()
    token = rp.tokens(rp.log_in(Browser(rp.server.app), other))["id_token"]
    named = json.dumps({"id_token": {"sub": {"value": str(other.id)}}})
    for hint in ({"id_token_hint": token}, {"login_hint": other.email}, {"claims": named}):
        before = count_codes(rp.server)
        assert_silent(rp, browser, "login_required", **hint)
        page = rp.open(browser, **hint)
        assert page.path.startswith("/sign-in")
        assert browser.open(f"{CONTINUE}?{of(page)}").path.startswith("/sign-in")
        assert count_codes(rp.server) == before
    visit = rp.log_in(signed_in(rp, user), other, id_token_hint=token)
    assert rp.id_token(rp.tokens(visit))["sub"] == str(other.id)


def test_who_signs_in_as_another_than_the_app_named_is_told_to_it_a21(
    rp: App, browser: Browser, user: TestUser
) -> None:
    token = rp.tokens(rp.log_in(Browser(rp.server.app), rp.server.user()))["id_token"]
    before = count_codes(rp.server)
    page = rp.open(browser, id_token_hint=token)
    assert refused(rp, browser.sign_in(page, user.email, user.password)) == "login_required"
    assert count_codes(rp.server) == before


def test_a_hint_that_is_not_the_app_s_own_is_refused_a21(rp: App, browser: Browser, user: TestUser) -> None:
    tokens, other = rp.tokens(rp.open(browser)), make_app(rp.server)
    foreign = other.tokens(other.log_in(browser, user))["id_token"]
    head, payload, signature = tokens["id_token"].split(".")
    hints = (
        foreign, tokens["access_token"], "x", "a.b.c", f"{head}.{payload}.", f"{head}.{payload}",
        f"{head}.{payload}.{signature[::-1]}", f"{head}.{payload}x.{signature}", f"e30.{payload}.{signature}",
    )  # fmt: skip
    for hint in hints:
        before = count_codes(rp.server)
        assert refused(rp, rp.open(browser, id_token_hint=hint)) == "invalid_request", hint
        assert count_codes(rp.server) == before
