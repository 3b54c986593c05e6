"""The page that asks for the second factor: each way to give it, and what it says to whoever has only the password."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from oidc_server.core import clock
from oidc_server.mfa.totp import STEP_SECONDS
from tests.accounts.guarded import sent_code
from tests.app_login import App
from tests.browsing import Browser, Visit
from tests.login.second_steps import (
    PENDING,
    SECOND_FACTOR,
    allowed,
    give,
    other_way,
    past_password,
)
from tests.relying_party import Server, TestUser
from tests.second_factors import Totp, enrol_email, enrol_totp, recovery_codes, set_policy

WRONG = "This is not right"


@pytest.fixture(autouse=True)
def _a_code_has_just_appeared(app: Flask) -> None:
    """No test runs across the end of a code by chance."""
    clock.travel(timedelta(seconds=STEP_SECONDS + 1 - clock.seconds() % STEP_SECONDS))


@pytest.fixture
def user(server: Server) -> TestUser:
    return server.user("ada@example.com")


def claims_of(web: App, browser: Browser, visit: Visit) -> tuple[list[str], str]:
    """The ``amr`` and ``acr`` that the app is told."""
    claims = web.id_token(web.tokens(allowed(browser, visit)))
    return claims["amr"], claims["acr"].rpartition(":")[2]


def test_a_code_of_the_app_lets_its_owner_in(web: App, browser: Browser, user: TestUser, totp: Totp) -> None:
    visit = past_password(web, browser, user)
    field = 'inputmode="numeric" autocomplete="one-time-code"'
    assert field in visit.response.text
    code = totp.code()
    assert claims_of(web, browser, give(browser, visit, f" {code[:3]} {code[3:]} ")) == (["pwd", "otp", "mfa"], "mfa")
    (event,) = web.server.audit("user.signed_in", str(user.id))
    assert (event.detail["amr"], event.client_id) == (["pwd", "otp", "mfa"], web.client.client_id)
    assert browser.cookie(PENDING) is None
    assert browser.cookie("device") is not None


def test_a_code_by_mail_is_sent_by_a_button_and_by_no_link(web: App, browser: Browser, user: TestUser) -> None:
    enrol_email(web.server, user)
    visit = past_password(web, browser, user)
    for _ in range(2):
        assert browser.open(visit.path).status == 200
        assert browser.open(f"{visit.path}&sent=yes").status == 200
    assert web.server.audit("mfa.code_sent", str(user.id)) == []
    sent = browser.press(visit, "send")
    assert "A code is on its way." in sent.words
    assert len(web.server.audit("mfa.code_sent", str(user.id))) == 1
    amr, acr = claims_of(web, browser, give(browser, sent, sent_code(web.server)))
    assert (amr, acr) == (["pwd", "otp", "mca", "mfa"], "mfa")


def test_the_next_code_is_waited_for_and_the_page_says_how_long(web: App, browser: Browser, user: TestUser) -> None:
    enrol_email(web.server, user)
    sent = browser.press(past_password(web, browser, user), "send")
    first = sent_code(web.server)
    too_soon = browser.press(sent, "send")
    assert too_soon.status == 429
    assert "Try again in 1 minute." in too_soon.words
    assert int(too_soon.response.headers["Retry-After"]) <= 30
    clock.travel(timedelta(seconds=31))
    again = browser.press(too_soon, "send")
    assert again.status == 200
    assert WRONG in give(browser, again, first).words
    assert web.code(allowed(browser, give(browser, again, sent_code(web.server))))


@pytest.mark.usefixtures("totp")
def test_a_recovery_code_stands_in_once(web: App, user: TestUser) -> None:
    (code, *_) = recovery_codes(web.server, user)
    browser = Browser(web.server.app)
    visit = other_way(browser, past_password(web, browser, user), "Recovery code")
    assert 'autocomplete="off"' in visit.response.text
    amr, acr = claims_of(web, browser, give(browser, visit, code.upper().replace("-", " ")))
    assert (amr, acr) == (["pwd", "otp", "recovery_code", "mfa"], "mfa")
    browser = Browser(web.server.app)
    visit = other_way(browser, past_password(web, browser, user), "Recovery code")
    assert WRONG in give(browser, visit, code).words


def test_the_first_method_is_asked_for_and_the_others_are_a_link_away(
    web: App, browser: Browser, user: TestUser
) -> None:
    enrol_email(web.server, user)
    old, new = enrol_totp(web.server, user, "Old phone"), enrol_totp(web.server, user, "New phone")
    visit = past_password(web, browser, user)
    assert "A code can be sent" in visit.words
    assert "Recovery code" not in visit.words  # there is none
    assert WRONG in give(browser, other_way(browser, visit, "New phone"), old.code()).words
    assert web.code(allowed(browser, give(browser, other_way(browser, visit, "New phone"), new.code())))


@pytest.mark.usefixtures("totp")
def test_nothing_is_told_of_a_person_but_a_masked_address(web: App, browser: Browser, user: TestUser) -> None:
    enrol_email(web.server, user)
    visit = past_password(web, browser, user)
    pages = [visit, browser.press(other_way(browser, visit, "Email"), "send"), give(browser, visit, "123456")]
    for page in pages:
        assert "a•••@example.com" in page.response.text
        assert user.email not in page.response.text
        assert str(user.id) not in page.response.text


def test_wrong_old_used_and_right_while_too_many_were_wrong_are_told_alike_m10(
    web: App, browser: Browser, user: TestUser, totp: Totp
) -> None:
    elsewhere = Browser(web.server.app)
    assert web.code(allowed(elsewhere, give(elsewhere, past_password(web, elsewhere, user), totp.code())))
    visit = past_password(web, browser, user)
    answers = [give(browser, visit, code) for code in (totp.wrong_code(), totp.code(), totp.code(-40), "", "١٢٣٤٥٦")]
    answers.append(give(browser, visit, totp.code(1)))  # right, and the sixth of a minute
    told = {(answer.status, answer.words) for answer in answers}
    assert len(told) == 1, told
    assert answers[0].status == 422
    assert WRONG in answers[0].words
    assert "Retry-After" not in answers[-1].response.headers
    assert browser.cookie("session") is None
    assert len(web.server.audit("mfa.throttled", str(user.id))) == 1


def test_guesses_from_elsewhere_do_not_keep_the_person_out_of_their_browser_r06(
    web: App, browser: Browser, user: TestUser, totp: Totp
) -> None:
    assert web.code(allowed(browser, give(browser, past_password(web, browser, user), totp.code())))
    stranger = Browser(web.server.app)
    guessing = past_password(web, stranger, user)
    for _ in range(7):
        assert give(stranger, guessing, totp.wrong_code()).status == 422
    visit = past_password(web, browser, user, prompt="login")
    assert web.code(give(browser, visit, totp.code(1)))


def test_a_form_of_another_login_is_none_of_this_one_f04(
    web: App, browser: Browser, user: TestUser, totp: Totp
) -> None:
    mallory = web.server.user("mallory@example.com")
    hers = enrol_totp(web.server, mallory)
    of_mallory = past_password(web, browser, mallory)
    past_password(web, browser, user)
    for code in (hers.code(), totp.code()):
        assert give(browser, of_mallory, code).status == 403
    assert browser.cookie("session") is None


def test_a_kind_that_the_client_does_not_allow_is_not_offered_and_not_taken(
    web: App, browser: Browser, user: TestUser, totp: Totp
) -> None:
    email = enrol_email(web.server, user)
    set_policy(web.server, client=web.client, methods=["email"])
    visit = past_password(web, browser, user)
    assert "Authenticator app" not in visit.words
    sent = browser.press(visit, "send")
    for method in (totp.method_id, email):
        path = sent.path.replace(str(email), str(method))
        assert WRONG in browser.post(path, sent.form_with("continue").fields | {"code": totp.code()}).words
    assert web.code(allowed(browser, give(browser, sent, sent_code(web.server))))


def test_nobody_sees_the_page_who_owes_nothing(web: App, browser: Browser) -> None:
    free = web.server.user("free@example.com")
    assert browser.open(SECOND_FACTOR).path.startswith("/sign-in?next=")
    assert browser.open("/sign-in/enrol?next=/account/data").path == "/sign-in?next=%2Faccount%2Fdata"
    web.tokens(web.log_in(browser, free))
    for path in (SECOND_FACTOR, "/sign-in/enrol"):
        assert browser.open(f"{path}?next=/account/data").path == "/account/data"
        assert browser.post(f"{path}?next=/account/data", {"code": "123456"}).path == "/account/data"
    assert browser.open(f"{SECOND_FACTOR}?interaction=01986f0e-7d5c-7c3e-9f0a-5b1c2d3e4f50").status == 400


@pytest.mark.usefixtures("totp")
def test_the_page_speaks_german(web: App, browser: Browser, user: TestUser) -> None:
    visit = past_password(web, browser, user, ui_locales="de")
    assert 'lang="de"' in visit.response.text
    assert "Noch ein Schritt" in visit.words
