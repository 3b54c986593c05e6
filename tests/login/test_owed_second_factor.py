"""B14: whoever still owes a second factor has no session yet, and gets no code by going around it."""

from __future__ import annotations

import pytest

from tests.app_login import App
from tests.browsing import Browser
from tests.login.second_steps import ENROL, PENDING, SECOND_FACTOR, allowed, give, past_password
from tests.relying_party import TestUser, error
from tests.second_factors import enrol_totp, set_policy

NEEDS_A_SESSION = ("/account", "/account/password", "/account/security/add?kind=totp", "/choose-account", "/consent")


@pytest.mark.usefixtures("totp")
def test_the_password_alone_begins_no_session_b14(web: App, user: TestUser) -> None:
    browser = Browser(web.server.app)
    past_password(web, browser, user)
    assert browser.cookie(PENDING) is not None
    assert browser.cookie("session") is None
    assert browser.cookie("device") is None
    assert web.server.audit("user.signed_in", str(user.id)) == []


@pytest.mark.usefixtures("totp")
def test_nobody_jumps_over_it_b14(web: App, user: TestUser) -> None:
    browser = Browser(web.server.app)
    interaction = past_password(web, browser, user).path.partition("?")[2]
    for path in ("/oauth/authorize/continue", *NEEDS_A_SESSION):
        visit = browser.open(f"{path}{'&' if '?' in path else '?'}{interaction}")
        assert visit.elsewhere is None, path
        assert visit.path.startswith("/sign-in?"), path
    for answer in ({"decision": "allow"}, {"account": "this"}):
        browser.post(f"/consent?{interaction}", answer)
        browser.post(f"/choose-account?{interaction}", answer)
    assert web.error(web.open(browser, prompt="none")) == "login_required"


def test_a_session_from_before_is_not_made_younger_without_it_b14(web: App, user: TestUser) -> None:
    """``prompt=login`` asks for a sign-in, and the password alone is none."""
    browser = Browser(web.server.app)
    web.tokens(web.log_in(browser, user))
    enrol_totp(web.server, user)
    page = past_password(web, browser, user, prompt="login")
    visit = browser.open(f"/oauth/authorize/continue?{page.path.partition('?')[2]}")
    assert visit.elsewhere is None
    assert visit.path.startswith("/sign-in?")


def test_a_session_that_owes_one_gets_no_code_before_it_is_given_b14(web: App, user: TestUser) -> None:
    """It began before the person had a factor."""
    browser = Browser(web.server.app)
    web.tokens(web.log_in(browser, user))
    totp = enrol_totp(web.server, user)
    visit = web.open(browser)
    assert visit.path.startswith(f"{SECOND_FACTOR}?interaction=")
    interaction = visit.path.partition("?")[2]
    for path in ("/oauth/authorize/continue", "/consent"):
        assert browser.open(f"{path}?{interaction}").path == visit.path
    assert browser.open("/account").path == f"{SECOND_FACTOR}?next=%2Faccount"
    assert web.error(web.open(browser, prompt="none")) == "interaction_required"
    tokens = web.tokens(allowed(browser, give(browser, web.open(browser), totp.code())))
    assert web.id_token(tokens)["amr"] == ["pwd", "otp", "mfa"]


def test_a_session_that_has_to_enrol_one_gets_no_code_before_b14(web: App, user: TestUser) -> None:
    browser = Browser(web.server.app)
    web.tokens(web.log_in(browser, user))
    set_policy(web.server, client=web.client, level="required")
    visit = web.open(browser)
    assert visit.path.startswith(f"{ENROL}?interaction=")
    interaction = visit.path.partition("?")[2]
    for path in ("/oauth/authorize/continue", "/consent", SECOND_FACTOR):
        assert browser.open(f"{path}?{interaction}").path == visit.path
    assert web.error(web.open(browser, prompt="none")) == "interaction_required"


def test_what_was_granted_before_gives_no_tokens_without_it(web: App, user: TestUser) -> None:
    """The one function that issues asks, whatever pages were passed."""
    tokens = web.tokens(web.log_in(Browser(web.server.app), user, scope="openid offline_access", prompt="consent"))
    enrol_totp(web.server, user)
    response = web.server.refresh(web.client, tokens["refresh_token"])
    assert error(response) == (400, "invalid_grant")
