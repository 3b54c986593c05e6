"""The page that confirms an address, and what it asks of whoever did not register in this browser (G12, G18)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from oidc_server.core import clock
from oidc_server.core.limit_rules import LOGIN_ATTEMPTS
from oidc_server.users.links import Purpose
from oidc_server.users.models import Link, User
from tests.accounts.json_client import JsonClient, problem
from tests.accounts.people import ADA, Town
from tests.accounts.walks import (
    NOT_GOOD,
    OWN,
    SENT,
    ask_for_mail,
    browser_at,
    can_sign_in,
    follow,
    only_letter,
    register,
)
from tests.app_login import make_app
from tests.browsing import Browser, Visit
from tests.relying_party import PASSWORD, TestUser
from tests.stolen_cookies import BROWSER, put

ELSEWHERE = "198.51.100.7"
WRONG = "The password is wrong."


@pytest.fixture
def browser(town: Town) -> Browser:
    """The browser in which Ada has registered."""
    browser = browser_at(town)
    assert SENT in register(browser).words
    return browser


def is_verified(town: Town) -> bool:
    with town.server.database.reading() as session:
        return session.scalar(select(User.email_verified_at).where(User.email == ADA)) is not None


def shown_by(town: Town) -> str:
    with town.server.database.reading() as session:
        user_id = session.scalar(select(User.id).where(User.email == ADA))
    (event,) = town.server.audit("user.email_verified", str(user_id))
    return str(event.detail["registrant_shown_by"])


def asks_for_password(page: Visit) -> bool:
    return "password" in page.form.fields


def test_where_the_person_registered_one_button_is_enough_g18(town: Town, browser: Browser) -> None:
    page = browser.open(only_letter(town).link)
    assert not asks_for_password(page)
    assert page.form.action == "/verify-email"
    assert browser.press(page, "continue").path == "/sign-in"
    assert is_verified(town)
    assert shown_by(town) == "browser"
    assert can_sign_in(town, PASSWORD)


@pytest.mark.usefixtures("browser")
def test_in_another_browser_the_password_is_asked_for_g18(town: Town) -> None:
    other, link = browser_at(town, ELSEWHERE), only_letter(town).link
    page = other.open(link)
    assert asks_for_password(page)
    assert "Enter your password." in other.press(page, "continue").words
    for _ in range(2):
        refused = other.press(page, "continue", password="a wrong password")
        assert (refused.status, WRONG in refused.words) == (422, True)
        assert 'aria-describedby="password-error"' in refused.response.text
    assert not is_verified(town)
    assert other.press(page, "continue", password=PASSWORD).path == "/sign-in"
    assert is_verified(town)
    assert shown_by(town) == "password"
    assert can_sign_in(town, PASSWORD)


def test_whoever_did_not_register_sets_a_password_and_the_other_one_is_out_g18(town: Town, browser: Browser) -> None:
    """The attacker has registered with Ada's address, has signed in on the page and in an app, and waits."""
    web = make_app(town.server)
    tokens = web.tokens(web.log_in(browser, TestUser(town.server.user().id, ADA, PASSWORD)))
    app = JsonClient(town.server, ELSEWHERE)
    app.tokens = app.post("/auth/login", email=ADA, password=PASSWORD).get_json()
    owner, link = browser_at(town, ELSEWHERE), only_letter(town).link
    way = owner.open(link)
    assert "I chose no password here" in way.words
    page = follow(owner, way, "new-password")
    assert page.form.fields["account"] == ADA
    assert "A password has at least 8 characters." in owner.press(page, "continue", password="short").words
    done = owner.press(page, "continue", password=OWN, account="eve@example.com")
    assert done.path == "/sign-in"
    assert "Your new password is set." in done.words
    assert is_verified(town)
    assert owner.sign_in(done, ADA, OWN).path == "/account"
    assert not can_sign_in(town, PASSWORD)
    assert problem(app.get("/auth/me")) == (401, "unauthorized")
    assert web.userinfo(tokens["access_token"]).status_code == 401
    assert browser.open("/account").path.startswith("/sign-in")
    assert NOT_GOOD in browser.open(link).words


@pytest.mark.usefixtures("browser")
def test_a_browser_that_asks_for_the_mail_again_is_not_the_one_that_registered_g18(town: Town) -> None:
    town.mail()
    other = browser_at(town, ELSEWHERE)
    clock.travel(timedelta(seconds=1))
    ask_for_mail(other, "/resend-verification")
    assert asks_for_password(other.open(only_letter(town).link))


def test_a_form_of_one_button_confirms_nothing_once_the_browser_is_another_g18(town: Town, browser: Browser) -> None:
    """What the page has shown is decided anew when the form comes back."""
    page = browser.open(only_letter(town).link)
    put(browser, BROWSER, "A" * 43)
    assert browser.press(page, "continue").status == 403
    assert not is_verified(town)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_a_scanner_that_opens_every_address_confirms_nothing_g12(town: Town, browser: Browser, method: str) -> None:
    """In the browser of the person, too, where a scanner runs as an extension."""
    link = only_letter(town).link
    for path in (link, link.replace("/verify-email", "/verify-email/new-password"), f"{link}&continue=&password=x"):
        for http in (browser.http, browser_at(town).http):
            assert http.open(path.removeprefix("https://login.example.com"), method=method).status_code == 200
    with town.server.database.reading() as session:
        assert session.scalars(select(Link.used_at)).all() == [None]
    assert not is_verified(town)
    assert browser.press(browser.open(link), "continue").path == "/sign-in"


def test_a_link_that_is_not_good_says_so_and_offers_a_new_one(town: Town, browser: Browser) -> None:
    link = only_letter(town).link
    page = browser.open(link)
    browser.press(page, "continue")
    for gone in (browser.press(page, "continue"), browser.open(link), browser.open("/verify-email")):
        assert gone.status == 400
        assert NOT_GOOD in gone.words
        assert 'href="/resend-verification"' in gone.response.text


def test_a_new_mail_ends_the_link_of_the_one_before_and_an_old_link_ends_by_itself(
    town: Town, browser: Browser
) -> None:
    first = only_letter(town).link
    clock.travel(timedelta(seconds=1))
    assert SENT in ask_for_mail(browser, "/resend-verification").words
    second = only_letter(town).link
    assert NOT_GOOD in browser.open(first).words
    assert browser.open(second).status == 200
    clock.travel(Purpose.VERIFY_EMAIL.lifetime)
    assert NOT_GOOD in browser.open(second).words


@pytest.mark.usefixtures("browser")
def test_guessing_the_password_at_the_page_counts_as_signing_in_r04(town: Town) -> None:
    """Half of the attempts at the page, half at the JSON API: together they have one limit."""
    link, other = only_letter(town).link, browser_at(town)
    page = other.open(link)
    for number in range(LOGIN_ATTEMPTS[0].amount):
        if number % 2:
            assert town.app.post("/auth/login", email=ADA, password="a wrong password").status_code == 401
        else:
            assert other.press(page, "continue", password="a wrong password").status == 422
    refused = other.press(page, "continue", password=PASSWORD)
    assert refused.status == 429
    assert "Too many attempts." in refused.words
    assert 0 < int(refused.response.headers["Retry-After"]) <= LOGIN_ATTEMPTS[0].seconds
    assert problem(town.app.post("/auth/login", email=ADA, password=PASSWORD)) == (429, "too_many_requests")
    assert not is_verified(town)
