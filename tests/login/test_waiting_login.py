"""The login that waits between the password and the second factor: what it is worth, and what ends it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from oidc_server.core import clock
from oidc_server.mfa.models import PendingLogin
from oidc_server.users.models import User
from tests.app_login import GOODBYE, App
from tests.browsing import Browser, Visit
from tests.login.second_steps import (
    PENDING,
    SECOND_FACTOR,
    allowed,
    carried_on_elsewhere,
    give,
    past_password,
)
from tests.relying_party import Server, TestUser
from tests.second_factors import Totp, enrol_totp
from tests.stolen_cookies import SESSION, is_signed_in, put

OVER = "That took too long, or was finished elsewhere."


def assert_over(visit: Visit, browser: Browser) -> None:
    """The browser is back at the beginning, with nothing in its hands."""
    assert visit.path.startswith("/sign-in?"), visit.path
    assert OVER in visit.words
    assert browser.cookie(PENDING) is None
    assert browser.cookie(SESSION) is None


def wait_over(server: Server) -> bool:
    """Whether no login waits any more."""
    with server.database.reading() as session:
        return session.scalars(select(PendingLogin).where(PendingLogin.used_at.is_(None))).first() is None


def test_the_session_after_it_has_a_secret_of_its_own_f01(web: App, user: TestUser, totp: Totp) -> None:
    """What was in the browser before the factor is worth nothing after it: neither the waiting login nor a session."""
    browser = Browser(web.server.app)
    web.tokens(allowed(browser, give(browser, past_password(web, browser, user), totp.code())))
    first = browser.cookie(SESSION)
    visit = past_password(web, browser, user, prompt="login")
    assert browser.cookie(SESSION) == first
    waiting = carried_on_elsewhere(web, browser)
    web.code(give(browser, visit, totp.code(1)))
    second = browser.cookie(SESSION)
    assert second not in {None, first, waiting.cookie(PENDING)}
    for secret in (first, waiting.cookie(PENDING)):
        put(browser, SESSION, secret)
        assert browser.open("/account").path.startswith("/sign-in?")
    put(waiting, SESSION, None)
    assert_over(waiting.open(f"{SECOND_FACTOR}?next=/account"), waiting)


def test_a_session_that_steps_up_gets_another_secret_f01(web: App, user: TestUser) -> None:
    browser = Browser(web.server.app)
    web.tokens(web.log_in(browser, user))
    totp, before = enrol_totp(web.server, user), browser.cookie(SESSION)
    web.code(give(browser, web.open(browser), totp.code()))
    after = browser.cookie(SESSION)
    put(browser, SESSION, before)
    assert browser.open("/account").path.startswith("/sign-in?")
    put(browser, SESSION, after)
    assert browser.open("/account").path == "/account"


def test_whoever_asked_to_be_remembered_is_also_after_the_factor(
    web: App, browser: Browser, user: TestUser, totp: Totp
) -> None:
    visit = past_password(web, browser, user, remember=True)
    response = browser.http.post(visit.path, data=visit.form_with("continue").fields | {"code": totp.code()})
    (cookie,) = [value for value in response.headers.getlist("Set-Cookie") if value.startswith("__Host-session=")]
    assert "Max-Age=2592000" in cookie
    assert "HttpOnly" in cookie


def test_it_waits_a_quarter_of_an_hour(web: App, browser: Browser, user: TestUser, totp: Totp) -> None:
    visit = past_password(web, browser, user)
    clock.travel(timedelta(minutes=15))
    assert_over(give(browser, visit, totp.code()), browser)
    assert browser.sign_in(web.open(browser), user.email, user.password).path.startswith(SECOND_FACTOR)


@pytest.mark.usefixtures("totp")
def test_signing_out_wipes_it_f10(web: App, browser: Browser, user: TestUser) -> None:
    for way_out in ("/sign-out", f"/oauth/logout?client_id={web.client.client_id}&post_logout_redirect_uri={GOODBYE}"):
        visit = past_password(web, browser, user)
        copy = carried_on_elsewhere(web, browser)
        assert browser.open(way_out).path == "/signed-out"
        assert browser.cookie(PENDING) is None
        assert_over(copy.open(visit.path), copy)
    assert wait_over(web.server)


@pytest.mark.usefixtures("totp")
def test_signing_out_of_the_session_besides_it_wipes_it_f10(web: App, browser: Browser, user: TestUser) -> None:
    other = web.server.user()
    web.tokens(web.log_in(browser, other))
    visit = browser.press(web.open(browser, prompt="select_account"), "other")
    browser.sign_in(visit, user.email, user.password)
    assert browser.cookie(PENDING) is not None
    browser.press(browser.open("/sign-out"), "logout")
    assert browser.cookie(PENDING) is None
    assert wait_over(web.server)


def test_another_account_is_a_new_beginning_f10(web: App, browser: Browser, user: TestUser, totp: Totp) -> None:
    visit = past_password(web, browser, user)
    copy = carried_on_elsewhere(web, browser)
    beginning = browser.press(visit, "other")
    assert beginning.path == visit.path.replace(SECOND_FACTOR, "/sign-in")
    assert_over(give(copy, visit, totp.code()), copy)
    other = web.server.user()
    assert web.code(allowed(browser, browser.sign_in(beginning, other.email, other.password)))


@pytest.mark.usefixtures("totp")
def test_whoever_chooses_another_account_leaves_no_login_behind_f10(web: App, browser: Browser, user: TestUser) -> None:
    other = web.server.user()
    web.tokens(web.log_in(browser, other))
    chooser = web.open(browser, prompt="select_account")
    browser.sign_in(browser.press(chooser, "other"), user.email, user.password)
    browser.press(web.open(browser, prompt="select_account"), "other")
    assert browser.cookie(PENDING) is None
    assert wait_over(web.server)


def test_a_suspended_account_is_not_finished_f12(web: App, browser: Browser, user: TestUser, totp: Totp) -> None:
    visit = past_password(web, browser, user)
    web.server.suspend(user)
    assert_over(give(browser, visit, totp.code()), browser)
    assert web.server.audit("user.signed_in", str(user.id)) == []


def test_another_password_ends_it(web: App, browser: Browser, user: TestUser, totp: Totp) -> None:
    visit = past_password(web, browser, user)
    with web.server.database.transaction() as session:
        session.execute(update(User).where(User.id == user.id).values(password_changed_at=clock.now()))
    assert_over(give(browser, visit, totp.code()), browser)


def test_a_full_sign_in_in_another_tab_ends_it(web: App, browser: Browser, user: TestUser, totp: Totp) -> None:
    visit, other = past_password(web, browser, user), web.server.user()
    web.tokens(web.log_in(browser, other))
    assert browser.cookie(PENDING) is None
    assert give(browser, visit, totp.code()).status != 200
    assert wait_over(web.server)
    assert web.server.audit("user.signed_in", str(user.id)) == []


def test_two_tabs_give_one_factor_and_both_go_on_f22(web: App, browser: Browser, user: TestUser, totp: Totp) -> None:
    visit = past_password(web, browser, user)
    assert allowed(browser, give(browser, visit, totp.code())).elsewhere
    other = web.open(browser)
    assert web.code(other)
    assert len(web.server.audit("user.signed_in", str(user.id))) == 1


def test_a_new_password_takes_the_place_of_the_login_before(
    web: App, browser: Browser, user: TestUser, totp: Totp
) -> None:
    visit = past_password(web, browser, user)
    copy = carried_on_elsewhere(web, browser)
    again = past_password(web, browser, user)
    assert_over(give(copy, visit, totp.code()), copy)
    assert web.code(allowed(browser, give(browser, again, totp.code())))


def test_who_is_signed_in_stays_so_until_the_factor_is_given(
    web: App, browser: Browser, user: TestUser, totp: Totp
) -> None:
    other = web.server.user()
    web.tokens(web.log_in(browser, other))
    before = carried_on_elsewhere(web, browser)
    visit = browser.press(web.open(browser, prompt="select_account"), "other")
    visit = browser.sign_in(visit, user.email, user.password)
    assert is_signed_in(web, before)
    assert browser.open("/account/data").path == "/account/data"  # still the account of who is signed in
    allowed(browser, give(browser, visit, totp.code()))
    assert not is_signed_in(web, before)
    assert user.email in browser.open("/account").response.text


@pytest.mark.usefixtures("totp")
def test_what_the_browser_keeps_of_it_is_for_this_host_and_no_script(
    web: App, browser: Browser, user: TestUser
) -> None:
    visit = web.open(browser)
    typed = visit.form.fields | {"login": user.email, "password": user.password}
    response = browser.http.post(visit.path, data=typed)
    (cookie,) = [value for value in response.headers.getlist("Set-Cookie") if value.startswith("__Host-pending=")]
    for attribute in ("Secure", "HttpOnly", "Path=/", "SameSite=Lax", "Max-Age=900"):
        assert attribute in cookie
    assert response.headers["Cache-Control"] == "no-store"
