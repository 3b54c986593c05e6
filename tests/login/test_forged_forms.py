"""F03, F04: a form counts only when it comes from a page that was shown for this purpose, in this very browser."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from sqlalchemy import func, select

from oidc_server.authorizations.interactions import LIFETIME as INTERACTION_LIFETIME
from oidc_server.authorizations.models import AuthorizationCode, Consent
from oidc_server.core import clock
from oidc_server.sessions.models import LoginSession
from tests.app_login import App, make_app
from tests.browsing import Browser, Visit
from tests.relying_party import Server, TestUser
from tests.stolen_cookies import BROWSER, put

FORBIDDEN, GONE = 403, 400
OUR_PAGE_S = "csrf_token"


def credentials(user: TestUser, **more: str) -> dict[str, str]:
    return {"login": user.email, "password": user.password} | more


def count(server: Server, model: type[LoginSession | AuthorizationCode | Consent]) -> int:
    with server.database.reading() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def consent_page(web: App, user: TestUser, browser: Browser) -> Visit:
    visit = browser.sign_in(web.open(browser), user.email, user.password)
    assert visit.path.startswith("/consent")
    return visit


def allowing(visit: Visit, **more: str) -> dict[str, str]:
    return visit.form.fields | {"answer": "allow"} | more


# Signing in


def test_another_site_cannot_sign_a_browser_in_as_somebody_else_f03(web: App, user: TestUser) -> None:
    """The attacker knows their own password and has a page of their own: neither is of use in the victim's browser,
    which sends no cookie with SameSite=Lax along with a form of another site, and not when it does."""
    attacker, victim, fresh = (Browser(web.server.app) for _ in range(3))
    page, own = web.open(attacker), web.open(victim)
    token = page.form.fields[OUR_PAGE_S]
    for browser, path in ((fresh, page.path), (fresh, own.path), (victim, page.path)):
        assert browser.post(path, credentials(user, csrf_token=token)).status in {400, FORBIDDEN}
    assert victim.post(own.path, credentials(user, csrf_token=token)).status == FORBIDDEN
    assert victim.post(own.path, credentials(user)).status == FORBIDDEN
    assert [browser.cookie("session") for browser in (attacker, victim, fresh)] == [None] * 3
    assert count(web.server, LoginSession) == 0


@pytest.mark.parametrize("content_type", ["text/plain", "application/json", "multipart/form-data", None])
def test_credentials_in_another_type_are_no_form_f03(web: App, user: TestUser, content_type: str | None) -> None:
    """What a page of another site can send without asking: text/plain that reads as JSON, too."""
    browser = Browser(web.server.app)
    page = web.open(browser)
    fields = credentials(user, csrf_token=page.form.fields[OUR_PAGE_S])
    for body in (urlencode(fields), "{" + ",".join(f'"{name}":"{value}"' for name, value in fields.items()) + "}"):
        response = browser.http.post(page.path, data=body, content_type=content_type)
        assert response.status_code in {400, FORBIDDEN, 415}
    assert count(web.server, LoginSession) == 0


def test_credentials_in_the_address_are_not_read_f03_w20(web: App, user: TestUser) -> None:
    browser = Browser(web.server.app)
    page = web.open(browser)
    fields = credentials(user, csrf_token=page.form.fields[OUR_PAGE_S])
    assert browser.open(f"{page.path}&{urlencode(fields)}").path.startswith("/sign-in")
    response = browser.http.post(f"{page.path}&{urlencode(fields)}")
    assert response.status_code in {400, FORBIDDEN}
    assert count(web.server, LoginSession) == 0


# Consenting

Forge = Callable[[App, TestUser, Browser, Visit], dict[str, str]]


def without_a_token(web: App, user: TestUser, browser: Browser, page: Visit) -> dict[str, str]:
    return {"answer": "allow"}


def an_empty_token(web: App, user: TestUser, browser: Browser, page: Visit) -> dict[str, str]:
    return allowing(page, csrf_token="")


def an_altered_token(web: App, user: TestUser, browser: Browser, page: Visit) -> dict[str, str]:
    token = page.form.fields[OUR_PAGE_S]
    return allowing(page, csrf_token=token[:-1] + ("A" if token[-1] != "A" else "B"))


def a_longer_token(web: App, user: TestUser, browser: Browser, page: Visit) -> dict[str, str]:
    return allowing(page, csrf_token=page.form.fields[OUR_PAGE_S] + "A")


def a_strange_token(web: App, user: TestUser, browser: Browser, page: Visit) -> dict[str, str]:
    return allowing(page, csrf_token="é\x00\U0001f600")


def the_token_of_another_browser(web: App, user: TestUser, browser: Browser, page: Visit) -> dict[str, str]:
    """The attacker's own consent page, for the same app."""
    theirs = consent_page(web, web.server.user(), Browser(web.server.app))
    return allowing(theirs)


def the_token_of_the_sign_in_page(web: App, user: TestUser, browser: Browser, page: Visit) -> dict[str, str]:
    return allowing(web.open(browser, prompt="login"))


def the_token_of_another_request(web: App, user: TestUser, browser: Browser, page: Visit) -> dict[str, str]:
    """A consent page for an app that asks for little allows nothing to one that asks for much."""
    return allowing(make_app(web.server).open(browser))


def the_form_of_a_request_that_is_over(web: App, user: TestUser, browser: Browser, page: Visit) -> dict[str, str]:
    clock.travel(INTERACTION_LIFETIME)
    return allowing(page)


def the_token_of_another_sign_in(web: App, user: TestUser, browser: Browser, page: Visit) -> dict[str, str]:
    """Somebody else signed in meanwhile, in another tab: they have not been asked."""
    other = web.server.user()
    again = make_app(web.server, first_party=True)
    visit = browser.sign_in(again.open(browser, prompt="login"), other.email, other.password)
    assert again.code(visit)
    return allowing(page)


def a_new_browser_secret(web: App, user: TestUser, browser: Browser, page: Visit) -> dict[str, str]:
    put(browser, BROWSER, "A" * 43)
    return allowing(page)


def no_browser_secret(web: App, user: TestUser, browser: Browser, page: Visit) -> dict[str, str]:
    put(browser, BROWSER, None)
    return allowing(page)


@pytest.mark.parametrize(
    ("forge", "status"),
    [
        (without_a_token, FORBIDDEN),
        (an_empty_token, FORBIDDEN),
        (an_altered_token, FORBIDDEN),
        (a_longer_token, FORBIDDEN),
        (a_strange_token, FORBIDDEN),
        (the_token_of_another_browser, FORBIDDEN),
        (the_token_of_the_sign_in_page, FORBIDDEN),
        (the_token_of_another_request, FORBIDDEN),
        (the_token_of_another_sign_in, FORBIDDEN),
        # The request belongs to the browser that began it.
        (the_form_of_a_request_that_is_over, GONE),
        (a_new_browser_secret, GONE),
        (no_browser_secret, GONE),
    ],
)
def test_a_consent_that_our_page_did_not_send_is_none_f04(web: App, user: TestUser, forge: Forge, status: int) -> None:
    browser = Browser(web.server.app)
    page = consent_page(web, user, browser)
    form = forge(web, user, browser, page)
    codes, consents = count(web.server, AuthorizationCode), count(web.server, Consent)
    visit = browser.post(page.path, form)
    assert (visit.status, visit.elsewhere) == (status, None), visit.words
    assert (count(web.server, AuthorizationCode), count(web.server, Consent)) == (codes, consents)


def test_an_old_token_is_none_f04(web: App, user: TestUser) -> None:
    """It is good in the hour of its page and in the next one."""
    browser = Browser(web.server.app)
    web.tokens(web.log_in(browser, user))
    page = browser.open("/sign-out")
    clock.travel(timedelta(hours=2))
    assert browser.press(page, "logout").status == FORBIDDEN
    assert "You are still signed in" in browser.open("/signed-out").words
    page = browser.open("/sign-out")
    clock.travel(timedelta(hours=1))
    assert "You are signed out" in browser.press(page, "logout").words


def test_a_consent_by_get_is_none_f04(web: App, user: TestUser) -> None:
    browser = Browser(web.server.app)
    page = consent_page(web, user, browser)
    visit = browser.open(f"{page.path}&{urlencode(allowing(page))}")
    assert visit.path.startswith("/consent")
    assert "allow" in visit.form.buttons
    response = browser.http.head(f"{page.path}&{urlencode(allowing(page))}")
    assert response.status_code == 200
    assert count(web.server, AuthorizationCode) == count(web.server, Consent) == 0


def test_a_consent_counts_once_f04(web: App, user: TestUser) -> None:
    """The same form sent again, by the back button or by somebody who saw it, gives no second code."""
    browser = Browser(web.server.app)
    page = consent_page(web, user, browser)
    web.tokens(browser.post(page.path, allowing(page)))
    assert browser.post(page.path, allowing(page)).status == 400
    assert count(web.server, AuthorizationCode) == 1


@pytest.mark.parametrize("answer", [None, "", "ALLOW", "allow\n", "yes", "1"])
def test_only_the_two_buttons_answer_f04(web: App, user: TestUser, answer: str | None) -> None:
    browser = Browser(web.server.app)
    page = consent_page(web, user, browser)
    form = page.form.fields | ({"answer": answer} if answer is not None else {})
    assert browser.post(page.path, form).status == FORBIDDEN
    assert browser.post(page.path, form | {"answer": "allow"}).elsewhere is not None


def test_the_other_pages_ask_for_their_token_too_f04(web: App, user: TestUser) -> None:
    browser = Browser(web.server.app)
    web.tokens(web.log_in(browser, user))
    chooser = web.open(browser, prompt="select_account")
    assert chooser.path.startswith("/choose-account")
    for token in ({}, {OUR_PAGE_S: "x"}):
        assert browser.post(chooser.path, {"account": "this"} | token).status == FORBIDDEN
        assert browser.post("/sign-out", {"answer": "yes"} | token).status == FORBIDDEN
    assert browser.post("/sign-out", {"answer": "yes"} | chooser.form.fields).status == FORBIDDEN
    assert web.tokens(browser.press(chooser, "continue"))


@pytest.mark.parametrize("secret", ["A" * 43, "A", "", None])
def test_a_form_is_good_only_where_its_page_was_shown_f04(web: App, user: TestUser, secret: str | None) -> None:
    """Even with the same session: the page was shown in another browser then."""
    browser = Browser(web.server.app)
    web.tokens(web.log_in(browser, user))
    page, own = browser.open("/sign-out"), browser.cookie(BROWSER)
    put(browser, BROWSER, secret)
    assert browser.press(page, "logout").status == FORBIDDEN
    put(browser, BROWSER, own)
    assert browser.press(page, "logout").path == "/signed-out"
