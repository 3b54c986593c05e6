"""Whoever has to have a second factor and has none sets it up on the way in, and is let in by that and not before."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from oidc_server.core import clock
from oidc_server.core.settings import Settings
from oidc_server.mfa.models import Method
from oidc_server.sessions.models import LoginSession
from oidc_server.users.models import User
from tests.accounts.guarded import sent_code
from tests.app_login import App
from tests.authenticator import Authenticator
from tests.browsing import Browser, Visit
from tests.login.second_steps import (
    ENROL,
    PENDING,
    allowed,
    give,
    options_on,
    other_way,
    past_password,
    recovery_codes_on,
    secret_on,
)
from tests.relying_party import Server, TestUser
from tests.second_factors import Totp, account_of, enrol_totp, set_policy
from tests.stolen_cookies import SESSION, put


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Text messages are sent to Germany."""
    return replace(settings, sms_countries=("DE",))


@pytest.fixture
def user(server: Server) -> TestUser:
    """Somebody who has to have a second factor, and has none."""
    made = server.user("ada@example.com")
    set_policy(server, user=made, level="required")
    return made


@pytest.fixture
def choice(web: App, browser: Browser, user: TestUser) -> Visit:
    """The page on which the person chooses what to set up."""
    visit = browser.sign_in(web.open(browser), user.email, user.password)
    assert visit.path.startswith(f"{ENROL}?interaction="), visit.path
    assert browser.cookie(SESSION) is None
    return visit


def app_on(visit: Visit) -> Totp:
    """An app to which the page's secret was told."""
    return Totp(uuid.UUID(visit.form_with("confirm").fields["method"]), secret_on(visit))


def confirmed(server: Server, user: TestUser) -> list[Method]:
    with server.database.reading() as session:
        query = select(Method).where(Method.user_id == user.id, Method.confirmed_at.is_not(None))
        return list(session.scalars(query))


def test_an_authenticator_app_is_set_up_and_lets_its_owner_in(
    web: App, browser: Browser, user: TestUser, choice: Visit
) -> None:
    page = browser.press(choice, "enrol-totp")
    assert "<svg" in page.response.text
    assert "style=" not in page.response.text  # which the policy of the page would not let the browser follow
    totp = app_on(page)
    assert f"otpauth://totp/oidc-server:ada%40example.com?secret={totp.secret}" in page.response.text
    wrong = browser.press(page, "confirm", code=totp.wrong_code())
    assert (wrong.status, browser.cookie(SESSION)) == (422, None)
    assert totp.secret not in wrong.response.text
    done = browser.press(wrong, "confirm", code=totp.code())
    codes = recovery_codes_on(done)
    assert len(set(codes)) == 10
    assert browser.cookie(PENDING) is None
    interaction = choice.path.partition("?")[2]
    assert f'href="/oauth/authorize/continue?{interaction}"' in done.response.text
    visit = allowed(browser, browser.open(f"/oauth/authorize/continue?{interaction}"))
    assert web.id_token(web.tokens(visit))["amr"] == ["pwd", "otp", "mfa"]
    assert account_of(web.server, user).second_factors == ["totp"]


def test_the_code_that_confirmed_is_used_up_and_the_recovery_codes_are_good_m04(
    web: App, browser: Browser, user: TestUser, choice: Visit
) -> None:
    page = browser.press(choice, "enrol-totp")
    totp = app_on(page)
    codes = recovery_codes_on(browser.press(page, "confirm", code=totp.code()))
    later = Browser(web.server.app)
    visit = past_password(web, later, user)
    assert give(later, visit, totp.code()).status == 422
    assert web.code(allowed(later, give(later, other_way(later, visit, "Recovery code"), codes[0])))


def test_codes_by_mail_are_set_up(web: App, browser: Browser, user: TestUser, choice: Visit) -> None:
    page = browser.press(choice, "enrol-email")
    assert "a•••@example.com" in page.words
    first = sent_code(web.server)
    assert browser.press(page, "send").status == 429
    clock.travel(timedelta(seconds=31))
    page = browser.press(page, "send")
    assert "Another code is on its way." in page.words
    assert browser.press(page, "confirm", code=first).status == 422
    assert len(recovery_codes_on(browser.press(page, "confirm", code=sent_code(web.server)))) == 10
    assert account_of(web.server, user).second_factors == ["email"]


def test_codes_by_text_message_are_set_up(web: App, browser: Browser, user: TestUser, choice: Visit) -> None:
    page = browser.press(choice, "enrol-sms")
    assert web.server.audit("mfa.code_sent", str(user.id)) == []
    for number in ("", "+1 202 555 0123", "nonsense"):
        refused = browser.press(page, "begin", phone_number=number)
        assert (refused.status, "phone_number-error" in refused.response.text) == (422, True), number
    page = browser.press(page, "begin", phone_number="+49 170 1234567")
    assert "••• 67" in page.words
    assert len(recovery_codes_on(browser.press(page, "confirm", code=sent_code(web.server)))) == 10
    assert account_of(web.server, user).second_factors == ["sms"]


def test_a_passkey_is_set_up(web: App, browser: Browser, user: TestUser, choice: Visit) -> None:
    page = browser.press(choice, "enrol-webauthn")
    assert "script-src 'self'" in page.response.headers["Content-Security-Policy"]
    key, options = Authenticator(), options_on(page)
    form = page.form_with("passkey").fields
    broken = browser.post(page.path, form | {"credential": '{"id":'})
    assert (broken.status, "Try it once more" in broken.words) == (422, True)
    done = browser.post(page.path, form | {"credential": key.create(options)})
    assert len(recovery_codes_on(done)) == 10
    later = Browser(web.server.app)
    visit = past_password(web, later, user)
    broken = later.post(visit.path, visit.form_with("passkey").fields | {"credential": "[]"})
    assert (broken.status, "choose another way" in broken.words) == (422, True)
    answer = key.get(options_on(visit))
    given = later.post(visit.path, visit.form_with("passkey").fields | {"credential": answer})
    claims = web.id_token(web.tokens(allowed(later, given)))
    assert claims["acr"] == "urn:oidc-server:acr:phishing-resistant"


def test_who_abandons_it_is_not_let_in_and_has_nothing_m14(
    web: App, browser: Browser, user: TestUser, choice: Visit
) -> None:
    first = app_on(browser.press(choice, "enrol-totp"))
    second = browser.press(choice, "enrol-totp")
    assert confirmed(web.server, user) == []
    for path in ("/account", f"/oauth/authorize/continue?{choice.path.partition('?')[2]}"):
        assert browser.open(path).path.startswith("/sign-in")
    assert browser.press(second, "confirm", code=first.code()).status == 422  # of the other set-up
    assert browser.press(second, "confirm", code=app_on(second).code()).status == 200
    assert [method.id for method in confirmed(web.server, user)] == [app_on(second).method_id]


def test_a_set_up_is_not_finished_by_somebody_else_or_too_late_m22(
    web: App, browser: Browser, user: TestUser, choice: Visit
) -> None:
    page = browser.press(choice, "enrol-totp")
    totp = app_on(page)
    eve, theirs = web.server.user(), Browser(web.server.app)
    set_policy(web.server, user=eve, level="required")
    hers = theirs.press(theirs.sign_in(web.open(theirs), eve.email, eve.password), "enrol-totp")
    stolen = hers.form_with("confirm").fields | {"method": str(totp.method_id), "code": totp.code()}
    assert theirs.post(hers.path, stolen).status == 403
    assert browser.post(page.path, stolen).status == 403
    clock.travel(timedelta(minutes=15, seconds=1))
    late = browser.press(page, "confirm", code=totp.code())
    assert late.path.startswith("/sign-in?")
    assert confirmed(web.server, user) == []


def test_a_kind_that_is_not_allowed_is_not_set_up(web: App, browser: Browser, user: TestUser) -> None:
    set_policy(web.server, user=user, level="required", methods=["totp"])
    visit = browser.sign_in(web.open(browser), user.email, user.password)
    assert set(visit.form_with("enrol-totp").buttons) == {"enrol-totp"}
    for factor in ("email", "nonsense", ""):
        refused = browser.post(visit.path, visit.form_with("enrol-totp").fields | {"factor": factor})
        assert refused.status == 403
    assert confirmed(web.server, user) == []


def test_another_account_is_a_new_beginning_f10(web: App, browser: Browser, choice: Visit) -> None:
    visit = browser.press(choice, "other")
    assert visit.path == choice.path.replace(ENROL, "/sign-in")
    assert browser.cookie(PENDING) is None
    assert browser.open(choice.path).path == visit.path
    other = web.server.user()
    assert web.code(allowed(browser, browser.sign_in(visit, other.email, other.password)))


def test_a_session_alone_sets_nothing_up_m13(web: App, browser: Browser) -> None:
    """It may be stolen: whoever signed in a while ago gives the password again, and then sets it up."""
    user = web.server.user()
    browser.sign_in(browser.open("/account"), user.email, user.password)
    set_policy(web.server, user=user, level="required")
    visit = browser.open("/account")
    assert visit.path == f"{ENROL}?next=%2Faccount"
    page = browser.press(visit, "enrol-totp")
    clock.travel(timedelta(minutes=11))
    for refused in (browser.open(visit.path), browser.press(page, "confirm", code=app_on(page).code())):
        assert refused.path == "/sign-in?next=%2Faccount"
    assert confirmed(web.server, user) == []
    before = browser.cookie(SESSION)
    again = browser.press(browser.open("/account"), "continue", password=user.password)
    assert again.path == f"{ENROL}?next=%2Faccount"
    page = browser.press(again, "enrol-totp")
    done = browser.press(page, "confirm", code=app_on(page).code())
    assert 'href="/account"' in done.response.text
    assert browser.open("/account").path == "/account"
    after = browser.cookie(SESSION)
    put(browser, SESSION, before)  # F01
    assert browser.open("/account").path.startswith("/sign-in?")
    put(browser, SESSION, after)
    with web.server.database.reading() as session:
        (login,) = session.scalars(select(LoginSession).where(LoginSession.user_id == user.id))
        assert login.amr == ["pwd", "otp", "mfa"]


def test_who_has_another_kind_than_is_allowed_gives_that_first_m13(web: App, browser: Browser) -> None:
    """The password alone adds no factor to an account that has one."""
    user = web.server.user()
    totp = enrol_totp(web.server, user)
    set_policy(web.server, client=web.client, level="required", methods=["email"])
    visit = past_password(web, browser, user)
    assert browser.open(visit.path.replace("second-factor", "enrol")).path == visit.path
    visit = give(browser, visit, totp.code())
    assert visit.path.startswith(f"{ENROL}?interaction=")
    page = browser.press(visit, "enrol-email")
    assert "script-src" not in page.response.headers["Content-Security-Policy"]
    visit = allowed(browser, browser.press(page, "confirm", code=sent_code(web.server)))
    assert web.id_token(web.tokens(visit))["amr"] == ["pwd", "otp", "mca", "mfa"]


def test_after_a_reset_one_is_set_up_at_once(web: App, browser: Browser) -> None:
    user = web.server.user()
    with web.server.database.transaction() as session:
        session.get_one(User, user.id).second_factor_forced_at = clock.now()
    visit = browser.sign_in(web.open(browser), user.email, user.password)
    page = browser.press(visit, "enrol-totp")
    assert browser.press(page, "confirm", code=app_on(page).code()).status == 200
    assert account_of(web.server, user).second_factor_forced_at is None
