"""What matters asks whoever has a second factor for it, lately; a session that owes one sees no page before."""

from __future__ import annotations

from datetime import timedelta

import pytest

from oidc_server.core import clock
from oidc_server.mfa.totp import STEP_SECONDS
from tests.accounts.guarded import Guarded, be_proven_by, guarded_owner
from tests.accounts.own_pages import EVERY_PAGE, LATER, RECENT_PAGES, owner_of
from tests.browsing import Visit
from tests.relying_party import Server, TestUser
from tests.second_factors import enrol_totp
from tests.stolen_cookies import SESSION, put

WRONG = "This is not right"


@pytest.fixture
def guarded(server: Server, user: TestUser) -> Guarded:
    """Ada, who has just given her second factor; no test runs across the end of a code by chance."""
    clock.travel(timedelta(seconds=STEP_SECONDS + 1 - clock.seconds() % STEP_SECONDS))
    return guarded_owner(server, user)


def asked(path: str) -> str:
    """The address of the page that asks on the way to this one."""
    return f"/sign-in/second-factor?next={path.replace('/', '%2F')}"


def give(owner: Guarded, visit: Visit) -> Visit:
    return owner.browser.press(visit, "continue", code=owner.totp.code())


def test_what_matters_asks_for_the_factor_after_ten_minutes_and_for_no_password_m13(
    server: Server, guarded: Guarded
) -> None:
    for path in RECENT_PAGES:
        guarded.open(path)
        clock.travel(LATER)
        visit = guarded.browser.open(path)
        assert visit.path == asked(path)
        assert "password" not in visit.words.lower()
        before = guarded.browser.cookie(SESSION)
        assert give(guarded, visit).path == path
        assert guarded.browser.cookie(SESSION) != before  # F01
    for path in set(EVERY_PAGE) - set(RECENT_PAGES):
        guarded.open(path)
    (event, *_) = server.audit("mfa.stepped_up", str(guarded.user.id))
    assert event.detail["factor"] == ["otp"]
    assert len(server.audit("user.signed_in", str(guarded.user.id))) == 1


def test_a_session_without_the_factor_changes_nothing_m13(server: Server, guarded: Guarded) -> None:
    """However fresh it is, in a trusted browser too; and a form that was loaded before does nothing either."""
    forms = {path: guarded.open(path) for path in ("/account/email", "/account/close")}
    be_proven_by(server, guarded.user, ["pwd", "trusted_device"])
    assert guarded.browser.open("/account").path == "/account"
    for path in RECENT_PAGES:
        assert guarded.browser.open(path).path == asked(path)
    assert guarded.browser.press(forms["/account/email"], "save", email="new@example.com").path == asked(
        "/account/email"
    )
    assert guarded.browser.press(forms["/account/close"], "close-account").path == asked("/account/close")
    for event in ("user.email_change_requested", "user.closed"):
        assert server.audit(event, str(guarded.user.id)) == []


def test_a_session_that_owes_a_factor_by_policy_sees_no_page_of_the_account_b14(server: Server, user: TestUser) -> None:
    owner = owner_of(server, user)
    totp = enrol_totp(server, user)
    for path in EVERY_PAGE:
        assert owner.browser.open(path).path == asked(path)
    assert (
        owner.browser.press(owner.browser.open("/account/apps"), "continue", code=totp.code()).path == "/account/apps"
    )
    owner.open("/account/password")


def test_wrong_codes_in_a_session_count_like_those_at_a_sign_in_m10(guarded: Guarded) -> None:
    clock.travel(LATER)
    visit = guarded.browser.open("/account/data")
    answers = [guarded.browser.press(visit, "continue", code=guarded.totp.wrong_code()) for _ in range(5)]
    answers.append(give(guarded, visit))
    assert {(answer.status, WRONG in answer.words) for answer in answers} == {(422, True)}
    assert len({answer.words for answer in answers}) == 1
    assert guarded.is_signed_in()
    clock.travel(timedelta(minutes=1, seconds=5))
    assert give(guarded, visit).path == "/account/data"


def test_a_form_of_another_session_or_without_a_token_gives_nothing_f04(server: Server, guarded: Guarded) -> None:
    other = guarded_owner(server, server.user("eve@example.com"))
    clock.travel(LATER)
    mine, hers = guarded.browser.open("/account/data"), other.browser.open("/account/data")
    fields = hers.form_with("continue").fields | {"code": guarded.totp.code()}
    for sent in (fields, {"code": guarded.totp.code()}):
        assert guarded.browser.post(mine.path, sent).status == 403
    assert guarded.browser.open("/account/data").path == mine.path


def test_a_session_that_ended_meanwhile_is_not_raised_f12(server: Server, guarded: Guarded) -> None:
    clock.travel(LATER)
    visit = guarded.browser.open("/account/data")
    server.suspend(guarded.user)
    assert give(guarded, visit).path == "/sign-in?next=%2Faccount%2Fdata"
    assert server.audit("mfa.stepped_up", str(guarded.user.id)) == []


def test_a_copied_cookie_does_not_rise_with_the_session_f01(guarded: Guarded) -> None:
    clock.travel(LATER)
    stolen = guarded.browser.cookie(SESSION)
    assert give(guarded, guarded.browser.open("/account/data")).path == "/account/data"
    put(guarded.browser, SESSION, stolen)
    assert guarded.browser.open("/account").path.startswith("/sign-in?")


def test_the_page_leads_out_for_whoever_is_somebody_else(guarded: Guarded) -> None:
    clock.travel(LATER)
    visit = guarded.browser.open("/account/data")
    assert 'href="/sign-out"' in visit.response.text
    assert "Do not ask for this again" not in visit.words
