"""M13, F18: whoever has only the session, or only the password, changes nothing about second factors; F03, F04: nor
does another site; W15: and whatever they and browsers are called is text."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy import delete, func, select

from oidc_server.audit.models import AuditEvent
from oidc_server.mfa.models import Method, RecoveryCode, TrustedDevice
from oidc_server.mfa.trusted_devices import trust
from oidc_server.users.models import User
from tests.accounts.guarded import Guarded, be_proven_by, guarded_owner, signed_in
from tests.accounts.own_pages import Owner, let_time_pass
from tests.login.test_literal_text import HOSTILE, is_literal
from tests.relying_party import Server, TestUser
from tests.second_factors import enrol_totp, factors_of, recovery_codes
from tests.stolen_cookies import BROWSER, SESSION, put

FORBIDDEN = 403
HELD = (Method, RecoveryCode, TrustedDevice, AuditEvent)
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"


@pytest.fixture
def guarded(server: Server, user: TestUser) -> Guarded:
    """Ada, with an authenticator app, recovery codes, and a browser that is trusted."""
    guarded = guarded_owner(server, user)
    recovery_codes(server, user)
    trusted_browser(server, user, CHROME)
    return guarded


def trusted_browser(server: Server, user: TestUser, user_agent: str) -> None:
    with server.database.transaction() as session:
        trust(session, factors_of(server), session.get_one(User, user.id), user_agent)


def pages(guarded: Guarded) -> dict[str, tuple[str, dict[str, str]]]:
    """By page that changes something: a button of it, and what would be done by it."""
    return {
        "/account/security/add?kind=totp": ("begin", {"name": "Eve's"}),
        guarded.method_page: ("remove", {"do": "remove"}),
        "/account/security/recovery-codes": ("make-codes", {}),
        "/account/security/browsers": ("forget-1", {"forget": "all"}),
    }


def tokens(guarded: Guarded) -> dict[str, str]:
    """The token of each of their forms."""
    return {
        path: guarded.open(path).form_with(button).fields["csrf_token"] for path, (button, _) in pages(guarded).items()
    }


def held(server: Server) -> list[int]:
    """How much there is of everything that could change."""
    with server.database.reading() as session:
        return [session.scalar(select(func.count()).select_from(kind)) or 0 for kind in HELD]


def send_all(guarded: Guarded, own: dict[str, str]) -> set[str]:
    """Send every form; the pages that answer, without what they are asked for."""
    typed = {path: typed | {"csrf_token": own[path]} for path, (_, typed) in pages(guarded).items()}
    return {guarded.browser.post(path, form).path.partition("?")[0] for path, form in typed.items()}


def test_only_the_password_changes_nothing_m13(server: Server, user: TestUser, guarded: Guarded) -> None:
    """Neither in a session that began without a factor, nor in a browser that is trusted."""
    own = tokens(guarded)
    for amr in (["pwd"], ["pwd", "trusted_device"]):
        be_proven_by(server, user, amr)
        before = held(server)
        assert send_all(guarded, own) == {"/sign-in/second-factor"}
        assert {guarded.browser.open(path).path.partition("?")[0] for path in own} == {"/sign-in/second-factor"}
        assert held(server) == before


def test_a_factor_that_was_given_long_ago_changes_nothing_m13_f18(server: Server, guarded: Guarded) -> None:
    own = tokens(guarded)
    let_time_pass()
    before = held(server)
    assert send_all(guarded, own) == {"/sign-in/second-factor"}
    assert held(server) == before
    guarded.open("/account/security")  # to look is not to change


def test_a_session_alone_begins_no_first_factor_m13_f18(server: Server, user: TestUser, owner: Owner) -> None:
    form = owner.open("/account/security/add?kind=totp").form_with("begin").fields
    let_time_pass()
    before = held(server)
    assert owner.browser.post("/account/security/add?kind=totp", form).path.startswith("/sign-in?next=")
    visit = owner.browser.open("/account/security/add?kind=totp")
    assert held(server) == before
    assert owner.browser.press(visit, "continue", password=user.password).path == "/account/security/add?kind=totp"


def test_each_form_asks_for_its_own_token_m13_f04(server: Server, guarded: Guarded) -> None:
    """Not that of another page or method, of another browser of the same person, or of none."""
    own = tokens(guarded)
    second = enrol_totp(server, guarded.user).method_id
    other = guarded.open(f"/account/security/method?id={second}").forms[0].fields["csrf_token"]
    trusted_browser(server, guarded.user, CHROME)
    elsewhere = tokens(signed_in(server, guarded.user, guarded.totp, 1))
    before = held(server)
    for path, (_, typed) in pages(guarded).items():
        others = {token for name, token in own.items() if name != path}
        for token in ("", "x", own[path] + "A", elsewhere[path], other, *others):
            assert guarded.browser.post(path, typed | {"csrf_token": token}).status == FORBIDDEN, path
        assert guarded.browser.post(path, typed).status == FORBIDDEN
    assert held(server) == before


def test_a_form_of_the_account_before_does_nothing_to_this_one_f04(server: Server, guarded: Guarded) -> None:
    """Somebody else has signed in at the same browser meanwhile, in another tab."""
    own, other = tokens(guarded), guarded_owner(server, server.user("eve@example.com"))
    put(guarded.browser, SESSION, other.browser.cookie(SESSION))
    before = held(server)
    for path, (_, typed) in pages(guarded).items():
        assert guarded.browser.post(path, typed | {"csrf_token": own[path]}).status == FORBIDDEN, path
    assert held(server) == before


@pytest.mark.parametrize("content_type", ["text/plain", "application/json"])
def test_what_another_site_can_send_is_no_form_f03_f04(server: Server, guarded: Guarded, content_type: str) -> None:
    own, before = tokens(guarded), held(server)
    for path, (_, typed) in pages(guarded).items():
        body = "&".join(f"{name}={value}" for name, value in (typed | {"csrf_token": own[path]}).items())
        assert guarded.browser.http.post(path, data=body, content_type=content_type).status_code == FORBIDDEN
        query = "&" if "?" in path else "?"
        assert guarded.browser.http.post(f"{path}{query}{body}").status_code == FORBIDDEN
        assert guarded.browser.http.get(f"{path}{query}{body}").status_code == 200
    assert held(server) == before


def test_a_session_without_the_browser_that_began_it_can_send_nothing_f04(server: Server, guarded: Guarded) -> None:
    own, before = tokens(guarded), held(server)
    for secret in ("A" * 43, None):
        put(guarded.browser, BROWSER, secret)
        for path, (_, typed) in pages(guarded).items():
            assert guarded.browser.post(path, typed | {"csrf_token": own[path]}).status == FORBIDDEN
    assert held(server) == before


def test_nobody_changes_what_is_somebody_elses_m13(server: Server, user: TestUser, guarded: Guarded) -> None:
    eve = guarded_owner(server, server.user("eve@example.com"))
    with server.database.reading() as session:
        theirs = session.scalars(select(TrustedDevice.id).where(TrustedDevice.user_id == user.id)).one()
    token = eve.open("/account/security/browsers").forms[0].fields["csrf_token"]
    before = held(server)
    eve.browser.post("/account/security/browsers", {"csrf_token": token, "forget": str(theirs)})
    token = eve.open(eve.method_page).forms[0].fields["csrf_token"]
    assert eve.browser.post(guarded.method_page, {"csrf_token": token, "do": "remove"}).status == FORBIDDEN
    assert held(server) == before


def test_an_account_that_is_gone_changes_nothing(server: Server, user: TestUser, guarded: Guarded) -> None:
    own = tokens(guarded)
    with server.database.transaction() as session:
        session.execute(delete(User).where(User.id == user.id))
    assert send_all(guarded, own) == {"/sign-in"}


@pytest.mark.parametrize("text", HOSTILE)
def test_names_and_browsers_are_text_w15(server: Server, user: TestUser, text: str) -> None:
    guarded = guarded_owner(server, user)
    guarded.browser.press(guarded.open(guarded.method_page), "rename", name=text)
    trusted_browser(server, user, f"{text} Mozilla/5.0 (Linux)")
    assert guarded.open(guarded.method_page).forms[0].fields["name"] == text
    for path in ("/account/security", guarded.method_page):
        assert is_literal(guarded.open(path), text), path
    assert guarded.open("/account/security/browsers").status == 200


def test_what_the_address_says_is_not_repeated_w15(owner: Owner) -> None:
    for path in ("/account/security/add?kind={}", f"/account/security/method?id={uuid.uuid4()}{{}}"):
        page = owner.browser.open(path.format("%3Cb%3E%7B%7B7*7%7D%7D"))
        assert "<b>{{7" not in page.response.text
        assert ">49<" not in page.response.text
