"""Who is not signed in, or too long ago, is asked to sign in and comes back; and nobody is led anywhere else."""

from __future__ import annotations

import pytest
from flask import Flask

from oidc_server.core import clock
from oidc_server.sessions.models import LoginSession
from oidc_server.users.models import User
from tests.accounts.own_pages import (
    EVERY_PAGE,
    LATER,
    PAGES_OF_ONE,
    RECENT_FACTOR_PAGES,
    RECENT_PAGES,
    let_time_pass,
    owner_of,
)
from tests.app_login import make_app
from tests.browsing import Browser
from tests.login.test_where_pages_lead import ELSEWHERE
from tests.relying_party import Server, TestUser
from tests.stolen_cookies import DEVICE, SESSION, put
from tests.watched_browser import WatchedBrowser, no_store

FORBIDDEN = 403


def test_every_page_of_an_account_is_known_here(app: Flask) -> None:
    served = {rule.rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/account")}
    assert served == {*EVERY_PAGE, *PAGES_OF_ONE, "/account/closed"}


def test_whoever_is_not_signed_in_signs_in_and_comes_back(server: Server, user: TestUser) -> None:
    for path in EVERY_PAGE:
        browser = Browser(server.app)
        visit = browser.open(path)
        assert visit.path.startswith("/sign-in?next="), visit.path
        assert browser.sign_in(visit, user.email, user.password).path == path
    (event, *_) = server.audit("user.signed_in", str(user.id))
    assert event.client_id is None


def test_a_form_of_nobody_does_nothing(server: Server, user: TestUser) -> None:
    for path in EVERY_PAGE:
        owner, stranger = owner_of(server, user), Browser(server.app)
        response = stranger.http.post(path, data={"end": "others"})
        expected = 405 if path in {"/account", "/account/activity", "/account/security"} else 303
        assert response.status_code == expected, path
        assert owner.is_signed_in()


def test_the_page_of_a_list_is_not_lost_on_the_way(server: Server, user: TestUser) -> None:
    cursor = "01986f0e-7d5c-7c3e-9f0a-5b1c2d3e4f50"
    browser = Browser(server.app)
    visit = browser.open(f"/account/activity?cursor={cursor}&limit=1000&x=%0d%0a")
    assert browser.sign_in(visit, user.email, user.password).path == f"/account/activity?cursor={cursor}"


def test_the_sign_in_page_without_an_app_leads_to_the_account(server: Server, user: TestUser) -> None:
    browser = Browser(server.app)
    assert browser.sign_in(browser.open("/sign-in"), user.email, user.password).path == "/account"
    assert browser.open("/sign-in").path == "/account"  # there is nothing to prove


@pytest.mark.parametrize(
    "address", [*ELSEWHERE, "", "/", "/account/", "account", "/account/../sign-out", "/oauth/authorize", "/account?x=1"]
)
def test_nobody_is_led_to_anything_but_a_page_of_their_account_f15(
    server: Server, user: TestUser, address: str
) -> None:
    browser = WatchedBrowser(server.app)
    browser.http.get("/sign-in", query_string={"next": address})
    form = browser.open("/sign-in").form.fields | {"login": user.email, "password": user.password}
    response = browser.http.post("/sign-in", query_string={"next": address}, data=form | {"next": address})
    assert (response.status_code, response.headers["Location"]) == (303, "/account")
    again = browser.http.get("/sign-in", query_string={"next": address})
    assert (again.status_code, again.headers["Location"]) == (303, "/account")
    assert {answer.headers["Location"] for answer in browser.redirects} == {"/account"}


def test_what_matters_asks_for_the_password_again_f18(server: Server, user: TestUser) -> None:
    owner, recent = owner_of(server, user), (*RECENT_PAGES, *RECENT_FACTOR_PAGES)
    for path in recent:
        owner.open(path)
    let_time_pass()
    for path in set(EVERY_PAGE) - set(recent):
        owner.open(path)
    for path in recent:
        visit = owner.browser.open(path)
        assert visit.path.startswith("/sign-in?next="), path
        assert "Confirm that it is you" in visit.words
        assert visit.form.fields["login"] == user.email
        assert owner.browser.press(visit, "continue", password=user.password).path == path
        owner.open(path)
        clock.travel(LATER)


@pytest.mark.parametrize("path", RECENT_PAGES)
def test_a_form_that_was_left_open_does_nothing_f18(server: Server, user: TestUser, path: str) -> None:
    owner = owner_of(server, user)
    form = owner.open(path)
    let_time_pass()
    buttons = [button for button in ("save", "download", "close-account") if f'id="{button}"' in form.response.text]
    typed = {
        "email": "new@example.com", "current_password": user.password, "new_password": "four quiet green lamps",
    }  # fmt: skip
    assert owner.browser.press(form, buttons[0], **typed).path.startswith("/sign-in?next=")
    for event in ("user.email_change_requested", "user.password_changed", "user.exported", "user.closed"):
        assert server.audit(event, str(user.id)) == []


def test_the_account_is_fixed_when_the_password_is_asked_again_f18(server: Server, user: TestUser) -> None:
    """Whoever else knows a password of their own is not let in by it."""
    owner, other = owner_of(server, user), server.user("eve@example.com", "five loud yellow trumpets")
    let_time_pass()
    visit = owner.browser.open("/account/close")
    refused = owner.browser.press(visit, "continue", login=other.email, password=other.password)
    assert (refused.status, "The password is wrong." in refused.words) == (422, True)
    assert refused.form.fields["login"] == user.email
    passed = owner.browser.press(refused, "continue", login=other.email, password=user.password)
    assert passed.path == "/account/close"
    assert server.audit("user.signed_in", str(other.id)) == []


def test_the_session_goes_on_under_a_new_secret_when_the_password_is_asked_again_f01(
    server: Server, user: TestUser
) -> None:
    browser = Browser(server.app)
    visit = browser.open("/account")
    browser.sign_in(visit, user.email, user.password, remember="1")
    before = browser.cookie(SESSION)
    let_time_pass()
    browser.press(browser.open("/account/data"), "continue", password=user.password)
    after = browser.cookie(SESSION)
    assert before != after
    put(browser, SESSION, before)
    assert browser.open("/account").path.startswith("/sign-in")
    with server.database.reading() as session:
        (login,) = session.query(LoginSession).where(LoginSession.user_id == user.id)
        assert login.remembered


def test_a_form_for_who_was_signed_in_is_none_for_who_is_now_f04(server: Server, user: TestUser) -> None:
    owner, other = owner_of(server, user), owner_of(server, server.user("eve@example.com"))
    let_time_pass()
    visit = owner.browser.open("/account/email")
    for cookie in (other.browser.cookie(SESSION), None):
        put(owner.browser, SESSION, cookie)
        assert owner.browser.press(visit, "continue", password=user.password).status == FORBIDDEN
    assert len(server.audit("user.signed_in", str(user.id))) == 1


def test_who_has_signed_in_in_another_tab_goes_on_in_both_f22(server: Server, user: TestUser) -> None:
    browser = Browser(server.app)
    tabs = [browser.open(path) for path in ("/account/sessions", "/account/apps")]
    arrived = [browser.sign_in(tab, user.email, user.password).path for tab in tabs]
    assert arrived == ["/account/sessions", "/account/apps"]
    assert len(server.audit("user.signed_in", str(user.id))) == 1


def test_a_browser_without_our_cookie_cannot_be_signed_in_from_elsewhere_f03(server: Server, user: TestUser) -> None:
    attacker, victim = Browser(server.app), Browser(server.app)
    form = attacker.open("/sign-in?next=/account").form.fields
    fields = form | {"login": user.email, "password": user.password}
    assert victim.post("/sign-in?next=/account", fields).status == FORBIDDEN
    victim.open("/sign-in?next=/account")
    assert victim.post("/sign-in?next=/account", fields).status == FORBIDDEN
    assert victim.cookie(SESSION) is None


def test_the_form_for_one_page_is_none_for_another_f04(server: Server, user: TestUser) -> None:
    browser = Browser(server.app)
    form = browser.open("/sign-in?next=/account").form.fields
    fields = form | {"login": user.email, "password": user.password}
    assert browser.post("/sign-in?next=/account/close", fields).status == FORBIDDEN
    app = make_app(server)
    assert browser.post(app.open(browser).path, fields).status == FORBIDDEN


def test_attempts_at_the_account_are_counted_with_those_at_apps_r04(server: Server, user: TestUser) -> None:
    browser, app = Browser(server.app), make_app(server)
    for number in range(5):
        visit = browser.open("/account") if number % 2 else app.open(browser)
        assert browser.sign_in(visit, user.email, "wrong").status == 422
    refused = browser.sign_in(browser.open("/account"), user.email, user.password)
    assert (refused.status, "Too many attempts" in refused.words) == (429, True)
    assert int(refused.response.headers["Retry-After"]) > 0


def test_who_has_not_confirmed_the_address_is_told_to(server: Server, user: TestUser) -> None:
    owner = owner_of(server, user)
    with server.database.transaction() as session:
        session.get_one(User, user.id).email_verified_at = None
    for path in EVERY_PAGE:
        visit = owner.browser.open(path)
        if path in {"/account/profile", "/account/email", "/account/close"}:
            assert (visit.status, "Confirm your email address first" in visit.words) == (FORBIDDEN, True)
            assert owner.browser.post(path, {}).status == FORBIDDEN
        else:
            assert visit.status == 200
    assert "not confirmed yet" in owner.open("/account").words


def test_a_suspended_account_and_an_ended_session_see_nothing(server: Server, user: TestUser) -> None:
    owner = owner_of(server, user)
    server.suspend(user)
    assert not owner.is_signed_in()


def test_the_cookie_of_a_session_is_what_counts(server: Server, user: TestUser) -> None:
    """Not that somebody has signed in at this browser before."""
    owner = owner_of(server, user)
    put(owner.browser, SESSION, None)
    assert owner.browser.cookie(DEVICE) is not None
    assert not owner.is_signed_in()


def test_no_cache_keeps_the_pages_and_nobody_can_frame_them_f06_f20_f23(server: Server, user: TestUser) -> None:
    browser = WatchedBrowser(server.app)
    browser.sign_in(browser.open("/account"), user.email, user.password)
    for path in EVERY_PAGE:
        browser.open(path)
    assert len(browser.pages) == len(EVERY_PAGE) + 2
    assert all(no_store(answer) for answer in browser.answers)
    for page in browser.pages:
        policy = page.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'self'; img-src 'self';")
        assert "frame-ancestors 'none'" in policy
        assert "form-action 'self';" in policy
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert "Cookie" in page.headers["Vary"]


def test_the_way_out_is_on_every_page(server: Server, user: TestUser) -> None:
    for path in EVERY_PAGE:
        owner = owner_of(server, user)
        visit = owner.browser.press(owner.open(path), "sign-out")
        assert visit.path == "/signed-out"
        assert not owner.is_signed_in()
