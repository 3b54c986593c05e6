"""The pages on which a person sets up a second factor: an authenticator app, codes by mail and by SMS, a passkey."""

from __future__ import annotations

import html
import json
import re
import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from oidc_server.core import clock
from oidc_server.core.settings import Settings
from oidc_server.mfa.models import Method
from oidc_server.mfa.setups import METHODS_MOST
from oidc_server.sessions.models import LoginSession
from tests.accounts.guarded import guarded_owner, sent_code
from tests.accounts.own_pages import Owner, let_time_pass, owner_of
from tests.authenticator import Authenticator
from tests.browsing import Visit
from tests.relying_party import Server, TestUser
from tests.second_factors import Totp, account_of, enrol_totp, set_policy
from tests.stolen_cookies import SESSION, put

ADD = "/account/security/add"
_CODE = re.compile(r"<code>([2-9a-z-]{19})</code>")
_SECRET = re.compile(r'id="secret">([A-Z2-7]{32})<')


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Text messages are sent to Germany."""
    return replace(settings, sms_countries=("DE",))


def begin(owner: Owner, kind: str, **typed: str) -> Visit:
    """Begin to set one up; the page on which it is finished."""
    visit = owner.browser.press(owner.open(f"{ADD}?kind={kind}"), "begin", **typed)
    assert visit.status == 200, visit.words
    return visit


def secret_of(visit: Visit) -> str:
    """The secret that a page tells, as somebody without a camera enters it."""
    found = _SECRET.search(visit.response.text)
    assert found is not None, visit.words
    return found[1]


def app_of(visit: Visit) -> Totp:
    """An app to which the page's secret was told."""
    return Totp(uuid.UUID(visit.form_with("confirm").fields["method"]), secret_of(visit))


def methods(server: Server, user: TestUser, *, waiting: bool = False) -> list[Method]:
    with server.database.reading() as session:
        found = session.scalars(select(Method).where(Method.user_id == user.id).order_by(Method.position)).all()
    return [method for method in found if (method.confirmed_at is None) is waiting]


def session_of(server: Server, user: TestUser) -> LoginSession:
    with server.database.reading() as session:
        return session.scalars(select(LoginSession).where(LoginSession.user_id == user.id)).one()


def test_the_kinds_are_those_that_the_policy_allows(server: Server, user: TestUser, owner: Owner) -> None:
    page = owner.open(ADD).response.text
    assert re.findall(r'id="add-(\w+)"', page) == ["webauthn", "totp", "sms", "email"]
    set_policy(server, user=user, methods=["totp"])
    assert re.findall(r'id="add-(\w+)"', owner.open(ADD).response.text) == ["totp"]
    for kind in ("email", "recovery", "x", ""):
        assert "add-totp" in owner.open(f"{ADD}?kind={kind}").response.text


def test_a_kind_that_was_allowed_when_the_page_was_opened_is_none_any_more(
    server: Server, user: TestUser, owner: Owner
) -> None:
    form = owner.open(f"{ADD}?kind=email").form_with("begin").fields
    set_policy(server, user=user, methods=["totp"])
    assert owner.browser.post(f"{ADD}?kind=email", form).status == 403
    assert methods(server, user, waiting=True) == []


def test_the_first_factor_brings_recovery_codes_and_nobody_is_asked_for_what_they_just_gave_f01(
    server: Server, user: TestUser, owner: Owner
) -> None:
    page, before = begin(owner, "totp", name="Phone"), owner.browser.cookie(SESSION)
    assert "<svg" in page.response.text
    done = owner.browser.press(page, "confirm", code=app_of(page).code())
    assert (done.status, "The second factor is set up." in done.words) == (200, True)
    assert len(set(_CODE.findall(done.response.text))) == 10
    (method,) = methods(server, user)
    assert (method.name, method.kind, account_of(server, user).second_factors) == ("Phone", "totp", ["totp"])
    login = session_of(server, user)
    assert (login.amr, login.acr) == (["pwd", "otp", "mfa"], "urn:oidc-server:acr:mfa")
    for path in ("/account/security", "/account/password", ADD, "/account/data"):
        owner.open(path)
    put(owner.browser, SESSION, before)
    assert not owner.is_signed_in()


def test_recovery_codes_are_shown_once(server: Server, user: TestUser, owner: Owner) -> None:
    page = begin(owner, "totp")
    form = page.form_with("confirm").fields | {"code": app_of(page).code()}
    codes = _CODE.findall(owner.browser.post(page.path, form).response.text)
    for path in ("/account/security", "/account/security/recovery-codes"):
        assert not any(code in owner.open(path).response.text for code in codes)
    again = owner.browser.post(page.path, form)  # the browser loads the page once more
    assert (again.status, _CODE.findall(again.response.text)) == (422, [])
    assert len(methods(server, user)) == 1


def test_the_secret_is_shown_in_the_set_up_and_never_again_m14(server: Server, user: TestUser, owner: Owner) -> None:
    page = begin(owner, "totp")
    secret = secret_of(page)
    (waiting,) = methods(server, user, waiting=True)
    assert secret not in str(waiting.totp_secret)
    wrong = owner.browser.press(page, "confirm", code=app_of(page).wrong_code())
    assert (wrong.status, "The code is wrong or too old." in wrong.words) == (422, True)
    assert "<svg" not in wrong.response.text
    assert secret not in wrong.response.text
    assert secret_of(begin(owner, "totp")) != secret  # a page that is loaded again begins anew
    done = owner.browser.press(wrong, "confirm", code=app_of(page).code())
    assert "The second factor is set up." in done.words
    for path in ("/account/security", f"/account/security/method?id={waiting.id}", f"{ADD}?kind=totp"):
        assert secret not in owner.open(path).response.text


def test_a_set_up_that_is_given_up_leaves_what_there_was_m14(server: Server, user: TestUser) -> None:
    guarded = guarded_owner(server, user)
    changed_at = account_of(server, user).second_factors_changed_at
    for kind, typed in (("totp", {}), ("email", {}), ("sms", {"phone_number": "+491701234567"}), ("webauthn", {})):
        begin(guarded, kind, **typed)
    assert [method.id for method in methods(server, user)] == [guarded.totp.method_id]
    account = account_of(server, user)
    assert (account.second_factors, account.second_factors_changed_at) == (["totp"], changed_at)
    assert "Authenticator app" in guarded.open("/account/security").words
    assert "Text message" not in guarded.open("/account/security").words


def test_of_two_set_ups_each_asks_for_its_own_code_m14(server: Server, user: TestUser, owner: Owner) -> None:
    one, other = begin(owner, "totp", name="one"), begin(owner, "totp", name="other")
    assert owner.browser.press(one, "confirm", code=app_of(other).code()).status == 422
    assert owner.browser.press(other, "confirm", code=app_of(other).code()).status == 200
    assert [method.name for method in methods(server, user)] == ["other"]
    assert len(methods(server, user, waiting=True)) == 1


def test_a_set_up_is_nobody_elses_and_of_this_session_m14_f04(server: Server, user: TestUser, owner: Owner) -> None:
    page = begin(owner, "totp")
    form = page.form_with("confirm").fields | {"code": app_of(page).code()}
    for stranger in (owner_of(server, user), owner_of(server, server.user("eve@example.com"))):
        assert stranger.browser.post(page.path, form).status == 403
    token = begin(owner, "totp").form_with("confirm").fields["csrf_token"]
    assert owner.browser.post(page.path, form | {"csrf_token": token}).status == 403
    assert methods(server, user) == []


def test_a_set_up_waits_for_a_quarter_of_an_hour_m14(server: Server, user: TestUser, owner: Owner) -> None:
    page = begin(owner, "totp")
    let_time_pass()
    visit = owner.browser.press(page, "confirm", code=app_of(page).code())
    assert visit.path.startswith("/sign-in?next=%2Faccount%2Fsecurity%2Fadd&kind=totp")
    assert owner.browser.press(visit, "continue", password=user.password).path == f"{ADD}?kind=totp"
    clock.travel(timedelta(minutes=5))
    late = owner.browser.press(page, "confirm", code=app_of(page).code())
    assert (late.status, "Begin again." in late.words) == (422, True)
    assert methods(server, user) == []


def test_codes_by_mail(server: Server, user: TestUser, owner: Owner) -> None:
    page = begin(owner, "email")
    assert "A code is on its way to a•••@example.com ." in page.words
    assert owner.browser.press(page, "confirm", code="").status == 422
    assert owner.browser.press(page, "confirm", code=f"{(int(sent_code(server)) + 1) % 10**6:06}").status == 422
    done = owner.browser.press(page, "confirm", code=sent_code(server))
    assert len(_CODE.findall(done.response.text)) == 10
    assert account_of(server, user).second_factors == ["email"]
    assert session_of(server, user).amr == ["pwd", "otp", "mca", "mfa"]
    refused = owner.browser.press(owner.open(f"{ADD}?kind=email"), "begin")
    assert (refused.status, "Codes go to your email address already." in refused.words) == (409, True)


def test_another_code_is_sent_and_the_one_before_is_void(server: Server, user: TestUser, owner: Owner) -> None:
    page = begin(owner, "email")
    first = sent_code(server)
    too_soon = owner.browser.press(page, "again")
    assert (too_soon.status, "Too many attempts" in too_soon.words) == (429, True)
    assert int(too_soon.response.headers["Retry-After"]) > 0
    clock.travel(timedelta(seconds=31))
    again = owner.browser.press(page, "again")
    assert (again.status, "Another code is on its way." in again.words) == (200, True)
    assert owner.browser.press(again, "confirm", code=first).status == 422
    assert owner.browser.press(again, "confirm", code=sent_code(server)).status == 200
    assert len(methods(server, user)) == 1


def test_codes_by_sms(server: Server, user: TestUser, owner: Owner) -> None:
    for number in ("", "ada", "+4916", "+491905123456", "+12125550123"):
        form = owner.open(f"{ADD}?kind=sms").form_with("begin").fields
        refused = owner.browser.post(f"{ADD}?kind=sms", form | {"phone_number": number})
        assert (refused.status, 'id="phone_number-error"' in refused.response.text) == (422, True), number
    page = begin(owner, "sms", phone_number=" 0170 123 45 67 ", name="Handy")
    assert "A code is on its way to ••• 67" in page.words
    owner.browser.press(page, "confirm", code=sent_code(server))
    (method,) = methods(server, user)
    assert (method.phone_number, method.name) == ("+491701234567", "Handy")
    words = owner.open("/account/security").words
    assert "Text message · ••• 67" in words.replace(" · ", " · ")
    assert "1234567" not in words


def test_a_passkey(server: Server, user: TestUser, owner: Owner) -> None:
    page = begin(owner, "webauthn", name="Laptop")
    assert "script-src 'self'" in page.response.headers["Content-Security-Policy"]
    credential = Authenticator().create(options_of(page))
    form = page.forms[0].fields | {"credential": credential}
    done = owner.browser.post(page.path, form)
    assert len(_CODE.findall(done.response.text)) == 10
    login = session_of(server, user)
    assert (login.amr, login.acr) == (["pwd", "pop", "user", "mfa"], "urn:oidc-server:acr:phishing-resistant")
    assert [method.name for method in methods(server, user)] == ["Laptop"]


@pytest.mark.parametrize("answer", ["", "x", "{}", "[" * 1000, json.dumps({"id": 1})])
def test_a_broken_answer_of_an_authenticator_gives_another_try(
    server: Server, user: TestUser, owner: Owner, answer: str
) -> None:
    page = begin(owner, "webauthn")
    refused = owner.browser.post(page.path, page.forms[0].fields | {"credential": answer})
    assert (refused.status, "That did not work. Try it once more." in refused.words) == (422, True)
    assert "begin" in refused.form_with("begin").buttons
    assert methods(server, user) == []


def options_of(visit: Visit) -> dict[str, Any]:
    """What a page tells its script to ask the browser for."""
    found = re.search(r"data-options=(['\"])(.*?)\1", visit.response.text)
    assert found is not None
    options: dict[str, Any] = json.loads(html.unescape(found[2]))
    return options


def test_a_second_factor_that_is_surer_raises_the_session_and_another_leaves_it(server: Server, user: TestUser) -> None:
    guarded = guarded_owner(server, user)
    page = begin(guarded, "email")
    assert guarded.browser.press(page, "confirm", code=sent_code(server)).path == "/account/security"
    assert session_of(server, user).amr == ["pwd", "otp", "mfa"]
    page = begin(guarded, "webauthn")
    credential = Authenticator().create(options_of(page))
    done = guarded.browser.post(page.path, page.forms[0].fields | {"credential": credential})
    assert "The second factor is set up." in done.words
    assert session_of(server, user).amr == ["pwd", "pop", "user", "mfa"]


def test_a_kind_that_is_used_no_more_gives_way_to_another(server: Server, user: TestUser) -> None:
    """What was given before is not good enough any more, and what is set up now is: nobody is asked for it again."""
    guarded = guarded_owner(server, user)
    set_policy(server, user=user, methods=["email"])
    guarded.browser.press(begin(guarded, "email"), "confirm", code=sent_code(server))
    assert session_of(server, user).amr == ["pwd", "otp", "mca", "mfa"]
    guarded.open("/account/security")


def test_there_are_so_many_and_no_more(server: Server, user: TestUser) -> None:
    guarded = guarded_owner(server, user)
    for number in range(METHODS_MOST - 1):
        enrol_totp(server, user, str(number))
    refused = guarded.browser.press(guarded.open(f"{ADD}?kind=totp"), "begin")
    assert (refused.status, "as many as you can have" in refused.words) == (409, True)


def test_guessing_at_a_set_up_has_an_end(server: Server, user: TestUser, owner: Owner) -> None:
    page = begin(owner, "totp")
    app = app_of(page)
    answers = {owner.browser.press(page, "confirm", code=app.wrong_code()).words for _ in range(5)}
    answers.add(owner.browser.press(page, "confirm", code=app.code()).words)
    assert len(answers) == 1  # the right one is answered like all others
    assert methods(server, user) == []
