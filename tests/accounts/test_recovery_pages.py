"""Getting back in on the pages: asking for a mail, setting a new password by its link, taking an invitation up."""

from __future__ import annotations

from datetime import timedelta

import pytest

from oidc_server.core import clock
from oidc_server.users.links import Purpose
from tests.accounts.json_client import JsonClient, problem
from tests.accounts.people import ADA, Town
from tests.accounts.walks import NOT_GOOD, OWN, SENT, ask_for_mail, browser_at, can_sign_in, only_letter, register
from tests.app_login import make_app
from tests.browsing import Browser
from tests.relying_party import PASSWORD, TestUser

ASKING = ("/forgot-password", "/resend-verification")
VARYING = {"X-Request-Id", "Date"}


@pytest.fixture
def browser(town: Town) -> Browser:
    return browser_at(town)


@pytest.fixture
def ada(town: Town) -> TestUser:
    return town.server.user(ADA)


def test_a_forgotten_password_is_replaced_and_everything_else_ends_f11(
    town: Town, browser: Browser, ada: TestUser
) -> None:
    web, elsewhere, app = make_app(town.server), browser_at(town), JsonClient(town.server).login(ada)
    tokens = web.tokens(web.log_in(elsewhere, ada))
    assert SENT in ask_for_mail(browser, "/forgot-password", " ADA@example.com ").words
    page = browser.open(only_letter(town).link)
    assert page.form.fields["account"] == ADA
    assert page.form.action == "/reset-password"
    done = browser.press(page, "continue", password=OWN)
    assert done.path == "/sign-in"
    assert "Your new password is set. Sign in with it." in done.words
    assert browser.cookie("session") is None
    assert browser.sign_in(done, ADA, OWN).path == "/account"
    assert not can_sign_in(town, PASSWORD)
    assert problem(app.get("/auth/me")) == (401, "unauthorized")
    assert web.userinfo(tokens["access_token"]).status_code == 401
    assert elsewhere.open("/account").path.startswith("/sign-in")
    assert only_letter(town).subject == "Your password was changed"


@pytest.mark.usefixtures("ada")
def test_a_refused_password_leaves_the_link_good_and_the_old_password(town: Town, browser: Browser) -> None:
    ask_for_mail(browser, "/forgot-password")
    page = browser.open(only_letter(town).link)
    for password, words in (
        ("", "Choose a password."),
        ("short", "A password has at least 8 characters."),
        ("qwerty12", "This password is one of those that are guessed first. Choose another."),
        (ADA, "This password is your name or the name of this service. Choose another."),
    ):
        page = browser.press(page, "continue", password=password)
        assert (page.path, page.status) == ("/reset-password", 422)
        assert words in page.words
        assert page.form.fields["password"] == ""
    assert browser.press(page, "continue", password=OWN).path == "/sign-in"
    assert can_sign_in(town, OWN)


@pytest.mark.usefixtures("ada")
def test_a_link_is_good_once_for_an_hour_and_until_a_newer_one_is_sent_g06(town: Town, browser: Browser) -> None:
    ask_for_mail(browser, "/forgot-password")
    first = only_letter(town).link
    clock.travel(timedelta(seconds=1))
    ask_for_mail(browser, "/forgot-password")
    second = only_letter(town).link
    assert NOT_GOOD in browser.open(first).words
    page, in_other_browser = browser.open(second), browser_at(town)
    copy = in_other_browser.open(second)
    assert browser.press(page, "continue", password=OWN).path == "/sign-in"
    refused = in_other_browser.press(copy, "continue", password="of the one who came later")
    assert (refused.status, NOT_GOOD in refused.words) == (400, True)
    assert 'href="/forgot-password"' in refused.response.text
    assert can_sign_in(town, OWN)
    town.mail()
    clock.travel(timedelta(minutes=20))
    ask_for_mail(browser, "/forgot-password")
    third = only_letter(town).link
    clock.travel(Purpose.RESET_PASSWORD.lifetime)
    assert NOT_GOOD in browser.open(third).words


@pytest.mark.parametrize("path", ASKING)
def test_whoever_asks_for_a_mail_is_answered_alike_g02(town: Town, path: str) -> None:
    """Known, unknown, unconfirmed, suspended, closed: the same answer, the same page after it."""
    town.server.user("known@example.com")
    town.server.suspend(town.server.user("suspended@example.com"))
    closed = town.server.user("closed@example.com")
    assert JsonClient(town.server).login(closed).delete("/users/me").status_code == 202
    register(browser_at(town), "unconfirmed@example.com")
    answers = []
    for name in ("unknown", "known", "unconfirmed", "suspended", "closed"):
        browser = browser_at(town)
        data = browser.open(path).form.fields | {"email": f"{name}@example.com"}
        answer = browser.http.post(path, data=data)
        headers = [header for header in answer.headers if header[0] not in VARYING]
        answers.append((answer.status_code, answer.data, headers, browser.open(answer.headers["Location"]).words))
    assert answers == [answers[0]] * len(answers)
    assert SENT in answers[0][3]


@pytest.mark.parametrize("path", ASKING)
def test_what_is_no_address_is_said_beside_the_field(town: Town, browser: Browser, path: str) -> None:
    for email, words in (("", "Enter your email address."), ("ada", "such as ada@example.com.")):
        page = ask_for_mail(browser, path, email)
        assert (page.path, page.status) == (path, 422)
        assert words in page.words
        assert page.form.fields["email"] == email
        assert 'aria-describedby="email-error"' in page.response.text
    assert town.mail() == []


def test_an_invitation_is_taken_up_with_a_password(town: Town, browser: Browser, admin: JsonClient) -> None:
    assert admin.post("/users", email=ADA).status_code == 201
    link = only_letter(town).link
    for method in ("GET", "HEAD"):
        assert browser.http.open(link.removeprefix("https://login.example.com"), method=method).status_code == 200
    page = browser.open(link)
    assert "An account was made for you." in page.words
    assert "A password has at least 8 characters." in browser.press(page, "continue", password="short").words
    done = browser.press(page, "continue", password=OWN)
    assert browser.sign_in(done, ADA, OWN).path == "/account"
    gone = browser.open(link)
    assert NOT_GOOD in gone.words
    assert "Ask for a new mail" not in gone.words


@pytest.mark.usefixtures("ada")
def test_links_of_one_purpose_are_no_good_for_another_g15(town: Town, browser: Browser) -> None:
    ask_for_mail(browser, "/forgot-password")
    reset = only_letter(town).link
    register(browser, "bob@example.com")
    verify = only_letter(town, "bob@example.com").link
    for path in ("/verify-email", "/verify-email/new-password", "/invitation", "/change-email/undo"):
        assert NOT_GOOD in browser.open(reset.replace("/reset-password", path)).words
    for path in ("/reset-password", "/invitation", "/change-email/undo"):
        assert NOT_GOOD in browser.open(verify.replace("/verify-email", path)).words
    page = browser.open(reset)
    for path in ("/verify-email/new-password", "/invitation"):
        assert browser.post(path, page.form.fields | {"password": OWN}).status == 403
    assert can_sign_in(town, PASSWORD)
