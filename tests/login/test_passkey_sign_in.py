"""Signing in with a passkey alone: who gets in, what the session is worth, and what is refused (M16 to M20, R06)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from oidc_server.audit.models import AuditEvent
from oidc_server.core import clock
from oidc_server.core.limit_rules import PASSKEY_FAILURES_BY_ADDRESS
from oidc_server.mfa.models import Method, WebauthnCredential
from oidc_server.mfa.webauthn_challenges import LIFETIME
from oidc_server.sessions.assurance import ACR_PHISHING_RESISTANT
from oidc_server.sessions.models import LoginSession
from tests.app_login import make_app
from tests.authenticator import BACKED_UP, ELIGIBLE, PRESENT, USUAL, VERIFIED, Authenticator
from tests.browsing import Browser, Visit
from tests.passkeys import SIGN_IN_PAGE, enrol_passkey, options_on, send_passkey, sign_in_by_passkey
from tests.relying_party import Server, TestUser
from tests.second_factors import enrol_totp, set_policy

REFUSED = "You could not be signed in with this passkey."


@pytest.fixture
def authenticator(server: Server, user: TestUser) -> Authenticator:
    authenticator = Authenticator()
    enrol_passkey(server, user, authenticator)
    return authenticator


@pytest.fixture
def browser(server: Server) -> Browser:
    return Browser(server.app)


def is_refused(visit: Visit) -> bool:
    """Back on the sign-in page, which says so; nobody is signed in."""
    return visit.path.startswith("/sign-in?") and REFUSED in visit.words


def sessions(server: Server) -> list[LoginSession]:
    with server.database.reading() as session:
        return list(session.scalars(select(LoginSession)))


def events(server: Server, user: TestUser, name: str) -> list[AuditEvent]:
    with server.database.reading() as session:
        query = select(AuditEvent).where(AuditEvent.event == name, AuditEvent.user_id == user.id)
        return list(session.scalars(query))


def stored(server: Server) -> WebauthnCredential:
    with server.database.reading() as session:
        return session.scalars(select(WebauthnCredential)).one()


# Who gets in


def test_a_passkey_signs_in_at_the_highest_level_and_the_browser_is_known(
    server: Server, browser: Browser, user: TestUser, authenticator: Authenticator
) -> None:
    visit = sign_in_by_passkey(browser, authenticator)
    assert visit.path == "/account"
    assert user.email in visit.words
    (login,) = sessions(server)
    assert (login.amr, login.acr) == (["pop", "user", "mfa"], ACR_PHISHING_RESISTANT)
    (event,) = events(server, user, "user.signed_in")
    assert event.detail == {"sid": str(login.id), "amr": login.amr}
    assert browser.cookie("device") is not None


def test_an_app_is_told_what_the_sign_in_was_worth(
    server: Server, browser: Browser, user: TestUser, authenticator: Authenticator
) -> None:
    web = make_app(server)
    consent = sign_in_by_passkey(browser, authenticator, web.open(browser))
    claims = web.id_token(web.tokens(browser.press(consent, "allow")))
    assert claims["sub"] == str(user.id)
    assert (claims["acr"], claims["amr"]) == (ACR_PHISHING_RESISTANT, ["pop", "user", "mfa"])


def test_a_client_that_accepts_only_codes_asks_for_one_after_the_passkey(
    server: Server, browser: Browser, user: TestUser, authenticator: Authenticator
) -> None:
    enrol_totp(server, user)
    web = make_app(server)
    set_policy(server, client=web.client, level="required", methods=("totp",))
    visit = sign_in_by_passkey(browser, authenticator, web.open(browser))
    assert visit.path.startswith("/sign-in/second-factor")


def test_who_is_signed_in_confirms_it_with_their_own_passkey_only_m20(
    server: Server, browser: Browser, user: TestUser, authenticator: Authenticator
) -> None:
    stranger = Authenticator()
    enrol_passkey(server, server.user(), stranger)
    sign_in_by_passkey(browser, authenticator)
    clock.travel(timedelta(minutes=30))
    page = browser.open("/sign-in?next=/account/password")
    assert "Confirm that it is you" in page.words
    assert REFUSED in sign_in_by_passkey(browser, stranger, page).words
    page = browser.open("/sign-in?next=/account/password")
    assert sign_in_by_passkey(browser, authenticator, page).path == "/account/password"
    assert len(sessions(server)) == 1


def test_remember_me_counts_for_passkeys_too(server: Server, browser: Browser, authenticator: Authenticator) -> None:
    page = browser.open(SIGN_IN_PAGE)
    send_passkey(browser, page, authenticator.get(options_on(page)), remember="1")
    assert [login.remembered for login in sessions(server)] == [True]


def test_a_passkey_lets_the_victim_of_guessing_in_r06(
    server: Server, browser: Browser, user: TestUser, authenticator: Authenticator
) -> None:
    """Neither wrong passwords nor wrong passkeys from the same address keep the right passkey out."""
    page = browser.open(SIGN_IN_PAGE)
    guesses = [browser.sign_in(page, user.email, "wrong").status for _ in range(6)]
    assert guesses[-1] == 429
    with server.app.app_context():
        limits = server.app.extensions["oidc_server.second_factors"].limits
        while limits.hit(PASSKEY_FAILURES_BY_ADDRESS, "127.0.0.1"):
            pass
    assert send_passkey(browser, browser.open(SIGN_IN_PAGE), "{}").status == 429
    assert sign_in_by_passkey(browser, authenticator).path == "/account"


# Who does not


def test_a_passkey_answer_is_good_once_and_for_this_browser_and_ceremony_m16(
    server: Server, browser: Browser, authenticator: Authenticator
) -> None:
    page = browser.open(SIGN_IN_PAGE)
    answer = authenticator.get(options_on(page))
    other = Browser(server.app)
    other_page = other.open(SIGN_IN_PAGE)
    assert is_refused(send_passkey(other, other_page, answer)), "it was made for another browser"
    clock.travel(LIFETIME)
    assert is_refused(send_passkey(browser, page, answer)), "it is too old"
    clock.travel(-timedelta(seconds=30))
    assert send_passkey(browser, page, answer).path == "/account"
    browser.http.delete_cookie("__Host-session")
    assert is_refused(send_passkey(browser, page, answer)), "it was used"
    own = {"challenge": "bXkgb3duIGNoYWxsZW5nZQ"}
    assert is_refused(sign_in_by_passkey(browser, authenticator, client_data=own)), "it is the sender's own"
    assert len(sessions(server)) == 1


def test_passkey_answers_of_other_places_and_without_the_person_are_refused_m17_m18(
    server: Server, browser: Browser, authenticator: Authenticator
) -> None:
    ways: list[dict[str, Any]] = [
        {"client_data": {"origin": "https://login.example.com.evil.example"}},
        {"client_data": {"origin": "http://login.example.com"}},
        {"client_data": {"crossOrigin": True}},
        {"client_data": {"topOrigin": "https://evil.example"}},
        {"client_data": {"type": "webauthn.create"}},
        {"client_data": {"tokenBinding": {"status": "present", "id": "x"}}},
        {"rp_id": "example.com"},
        {"flags": PRESENT},
        {"flags": VERIFIED},
        {"flags": USUAL | ELIGIBLE},
        {"flags": USUAL | BACKED_UP},
    ]
    for way in ways:
        assert is_refused(sign_in_by_passkey(browser, authenticator, **way)), way
    assert sessions(server) == []
    assert sign_in_by_passkey(browser, authenticator).path == "/account"


def test_a_passkey_of_nobody_or_for_another_person_is_refused_m20(
    server: Server, browser: Browser, user: TestUser, authenticator: Authenticator
) -> None:
    other = server.user()
    assert is_refused(sign_in_by_passkey(browser, authenticator, user_handle=other.id.bytes))
    assert is_refused(sign_in_by_passkey(browser, authenticator, user_handle=b""))
    with server.database.transaction() as session:
        session.delete(session.scalars(select(Method).where(Method.user_id == user.id)).one())
    removed = sign_in_by_passkey(browser, authenticator)
    assert is_refused(removed)
    assert "data-conditional" not in removed.response.text, "what fills in by itself would send it again and again"
    assert "data-conditional" in browser.open(SIGN_IN_PAGE).response.text
    assert sessions(server) == []


def test_a_counter_that_goes_back_is_refused_and_recorded_m19(
    server: Server, browser: Browser, user: TestUser, authenticator: Authenticator
) -> None:
    (key,) = authenticator.keys
    authenticator.step = 0
    assert sign_in_by_passkey(browser, authenticator).path == "/account"
    assert stored(server).sign_count == 0, "a key that does not count is as good"
    for counter, gets_in in ((7, True), (7, False), (6, False), (0, False), (8, True)):
        browser.http.delete_cookie("__Host-session")
        key.counter = counter
        visit = sign_in_by_passkey(browser, authenticator)
        assert (visit.path == "/account") is gets_in, counter
    assert stored(server).sign_count == 8
    method_id = str(stored(server).method_id)
    assert [e.detail for e in events(server, user, "mfa.counter_went_back")] == [{"method_id": method_id}] * 3


def test_whoever_cannot_sign_does_not_make_it_look_as_if_a_key_was_copied_m19(
    server: Server, browser: Browser, user: TestUser, authenticator: Authenticator
) -> None:
    sign_in_by_passkey(browser, authenticator)
    browser.http.delete_cookie("__Host-session")
    forger = Authenticator()
    enrol_passkey(server, server.user(), forger)
    forger.keys[0].credential_id, forger.keys[0].user_handle = authenticator.keys[0].credential_id, user.id.bytes
    assert is_refused(sign_in_by_passkey(browser, forger))
    assert events(server, user, "mfa.counter_went_back") == []


def test_suspended_and_locked_people_are_refused_like_strangers(
    server: Server, browser: Browser, user: TestUser, authenticator: Authenticator
) -> None:
    stranger = Authenticator()
    stranger.keys = [type(authenticator.keys[0])(b"x" * 32, b"y" * 16, authenticator.keys[0].private)]
    unknown = sign_in_by_passkey(browser, stranger)
    server.suspend(user)
    suspended = sign_in_by_passkey(browser, authenticator)
    assert is_refused(suspended)
    assert (suspended.words, suspended.status) == (unknown.words, unknown.status)
    assert sessions(server) == []


def test_a_form_of_another_site_signs_nobody_in_by_passkey(server: Server, browser: Browser) -> None:
    """The attacker's own passkey is of no use in the victim's browser: the form has to be that of our page there."""
    attacker, own = Browser(server.app), Authenticator()
    enrol_passkey(server, server.user(), own)
    page = attacker.open(SIGN_IN_PAGE)
    answer = own.get(options_on(page))
    forged = browser.post("/sign-in/passkey?next=/account", page.form_with("passkey").fields | {"credential": answer})
    assert forged.status == 403
    browser.open(SIGN_IN_PAGE)
    forged = browser.post("/sign-in/passkey?next=/account", {"credential": answer})
    assert forged.status == 403
    assert sessions(server) == []


# What the page offers


def test_the_page_offers_passkeys_only_to_scripts_and_under_its_policy(server: Server, browser: Browser) -> None:
    page = browser.open(SIGN_IN_PAGE)
    assert "script-src 'self'" in page.response.headers["Content-Security-Policy"]
    assert 'autocomplete="username webauthn"' in page.response.text
    assert "data-conditional hidden>" in page.response.text
    options = options_on(page)
    assert options["userVerification"] == "required"
    assert options["allowCredentials"] == []
    script = browser.open("/static/passkeys.js").response
    assert script.mimetype == "text/javascript"


def test_related_origins_are_told_to_browsers(server: Server) -> None:
    response = server.http.get("/.well-known/webauthn")
    assert response.json == {"origins": ["https://login.example.com"]}
    assert response.mimetype == "application/json"


def test_at_a_related_origin_passkeys_are_good_and_elsewhere_they_are_not_used(make_server: Any) -> None:
    server = make_server(webauthn_rp_id="example.com", webauthn_origins=("https://example.de",))
    authenticator, user = Authenticator(origin="https://example.de"), server.user()
    enrol_passkey(server, user, authenticator)
    assert sign_in_by_passkey(Browser(server.app), authenticator).path == "/account"
    assert server.http.get("/.well-known/webauthn").json == {
        "origins": ["https://login.example.com", "https://example.de"]
    }
    without = make_server(mfa_methods=("totp",))
    page = Browser(without.app).open(SIGN_IN_PAGE)
    assert "data-passkey" not in page.response.text
    assert "script-src" not in page.response.headers["Content-Security-Policy"]
