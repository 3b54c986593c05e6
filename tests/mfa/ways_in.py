"""Every way to obtain a token or a session, as somebody goes it who has the password, and the second factor too when
they are asked for it.

A way is a generator: what it does before its ``yield`` happens before the account comes into the state that is tried,
while the password was still enough."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from enum import StrEnum

from werkzeug.test import TestResponse

from oidc_server.core import clock, crypto
from oidc_server.core.identity import new_id
from oidc_server.users.links import KEYS_PURPOSE, Place, Purpose, make_link
from oidc_server.users.models import User
from tests.accounts.json_client import JsonClient
from tests.app_login import App
from tests.authenticator import Authenticator
from tests.browsing import Browser, Visit
from tests.login.second_steps import ENROL, SECOND_FACTOR
from tests.mfa.json_app import GRANT, by_password_grant, password, verify
from tests.passkeys import enrol_passkey, sign_in_by_passkey
from tests.relying_party import Server, TestClient, TestUser, body_of
from tests.second_factors import Totp

NEW_PASSWORD = "some other random words"
_NO_TOKEN = crypto.new_secret()


class Outcome(StrEnum):
    """Where a way ends: with tokens or a session, with what is owed first, or with nothing."""

    IN = "in"
    FACTOR = "factor"
    ENROLMENT = "enrolment"
    REFUSED = "refused"
    NOTHING = "nothing"


@dataclass
class Attempt:
    """One person who goes one way; ``totp`` is their authenticator app in the states in which they have one, and the
    logins that wait are there in the state in which one does."""

    server: Server
    app: App
    program: TestClient
    user: TestUser
    totp: Totp | None = None
    waiting_at_token_endpoint: str = ""
    waiting_at_api: str = ""
    waiting_browser: Browser | None = None
    waiting_page: Visit | None = None
    browser: Browser = field(init=False)
    json: JsonClient = field(init=False)

    def __post_init__(self) -> None:
        self.browser, self.json = Browser(self.server.app), JsonClient(self.server)

    @property
    def method_id(self) -> str | None:
        """The id of the authenticator app."""
        return str(self.totp.method_id) if self.totp else None

    @property
    def code(self) -> str:
        """The code that the app shows; without an app, one that is made up."""
        return self.totp.code() if self.totp else "123456"

    def begin_waiting(self) -> None:
        """Give the password everywhere, and no more."""
        self.waiting_at_token_endpoint = body_of(by_password_grant(self.server, self.program, self.user))["mfa_token"]
        self.waiting_at_api = body_of(password(JsonClient(self.server), self.user))["mfa_token"]
        self.waiting_browser = Browser(self.server.app)
        at = self.app.open(self.waiting_browser)
        self.waiting_page = self.waiting_browser.sign_in(at, self.user.email, self.user.password)


Steps = Generator[None, None, Outcome]
Way = Callable[[Attempt], Steps]


def password_grant(attempt: Attempt) -> Steps:
    yield
    return _told(by_password_grant(attempt.server, attempt.program, attempt.user))


def continuation_grant(attempt: Attempt) -> Steps:
    yield
    mfa_token = attempt.waiting_at_token_endpoint or _mfa_token(
        by_password_grant(attempt.server, attempt.program, attempt.user)
    )
    asked = {"mfa_token": mfa_token, "method_id": attempt.method_id, "code": attempt.code}
    return _told(attempt.server.token(attempt.program, GRANT, **asked))


def refresh_grant(attempt: Attempt) -> Steps:
    tokens = body_of(by_password_grant(attempt.server, attempt.program, attempt.user))
    yield
    return _told(attempt.server.refresh(attempt.program, tokens["refresh_token"]))


def code_grant(attempt: Attempt) -> Steps:
    code = attempt.app.code(attempt.app.log_in(attempt.browser, attempt.user))
    yield
    return _told(attempt.app.redeem(code))


def client_credentials_grant(attempt: Attempt) -> Steps:
    """A program for itself: no person, and no second factor."""
    yield
    return _told(attempt.server.token(attempt.server.client()))


def api_login(attempt: Attempt) -> Steps:
    yield
    return _told(password(attempt.json, attempt.user))


def api_verify(attempt: Attempt) -> Steps:
    yield
    mfa_token = attempt.waiting_at_api or _mfa_token(password(attempt.json, attempt.user))
    return _told(verify(attempt.json, mfa_token, attempt.totp, attempt.code))


def api_step_up(attempt: Attempt) -> Steps:
    attempt.json.login(attempt.user)
    yield
    return _told(verify(attempt.json, None, attempt.totp, attempt.code))


def api_refresh(attempt: Attempt) -> Steps:
    tokens = attempt.json.login(attempt.user).tokens
    yield
    return _told(JsonClient(attempt.server).post("/auth/refresh", refresh_token=tokens["refresh_token"]))


def api_set_up(attempt: Attempt) -> Steps:
    """Setting another factor up raises a session, so it takes one that is as sure as the account is."""
    attempt.json.login(attempt.user)
    yield
    begun = attempt.json.post("/mfa/setup", type="totp")
    if begun.status_code != 200:
        return Outcome.FACTOR if begun.status_code == 401 else Outcome.REFUSED
    totp = Totp(uuid.UUID(body_of(begun)["method_id"]), body_of(begun)["secret"])
    confirmed = attempt.json.post(f"/mfa/setup/{totp.method_id}/confirm", code=totp.code())
    assert confirmed.status_code == 200, confirmed.json
    return Outcome.IN


def sign_in_page(attempt: Attempt) -> Steps:
    yield
    return _reached(attempt.browser, attempt.app.log_in(attempt.browser, attempt.user))


def second_factor_page(attempt: Attempt) -> Steps:
    yield
    browser = attempt.waiting_browser or attempt.browser
    visit = attempt.waiting_page or attempt.app.log_in(browser, attempt.user)
    if visit.path.startswith(SECOND_FACTOR):
        visit = browser.press(visit, "continue", code=attempt.code)
        return Outcome.REFUSED if visit.path.startswith(SECOND_FACTOR) else _reached(browser, visit)
    return _reached(browser, browser.open(f"{SECOND_FACTOR}?next=/account"))


def enrolment_page(attempt: Attempt) -> Steps:
    """Whoever owes a factor enrols none here."""
    yield
    visit = attempt.app.log_in(attempt.browser, attempt.user)
    query = "next=/account" if visit.elsewhere is not None else visit.path.partition("?")[2]
    return _reached(attempt.browser, attempt.browser.open(f"{ENROL}?{query}"))


def passkey_page(attempt: Attempt) -> Steps:
    """A passkey is two factors by itself. In a state without any factor nobody has one."""
    yield
    authenticator = Authenticator()
    if attempt.totp is not None:
        enrol_passkey(attempt.server, attempt.user, authenticator)
    else:
        authenticator.create({"rp": {"id": "localhost"}, "user": {"id": "AA"}, "challenge": "AA"})
    return _reached(attempt.browser, sign_in_by_passkey(attempt.browser, authenticator))


def app_with_a_session(attempt: Attempt) -> Steps:
    attempt.app.log_in(attempt.browser, attempt.user)
    yield
    return _reached(attempt.browser, attempt.app.open(attempt.browser))


def app_with_a_session_and_no_page(attempt: Attempt) -> Steps:
    attempt.app.log_in(attempt.browser, attempt.user)
    yield
    return _reached(attempt.browser, attempt.app.open(attempt.browser, prompt="none"))


def changed_password(attempt: Attempt) -> Steps:
    """The page renews the session of who changes the password."""
    attempt.app.log_in(attempt.browser, attempt.user)
    yield
    visit = attempt.browser.open("/account/password")
    if visit.path == "/account/password":
        passwords = {"current_password": attempt.user.password, "new_password": NEW_PASSWORD}
        visit = attempt.browser.press(visit, "save", **passwords)
    return _reached(attempt.browser, visit)


def account_pages(attempt: Attempt) -> Steps:
    attempt.app.log_in(attempt.browser, attempt.user)
    yield
    return _reached(attempt.browser, attempt.browser.open("/account"))


def set_up_page(attempt: Attempt) -> Steps:
    """As at the API: another factor takes the ones that there are."""
    attempt.app.log_in(attempt.browser, attempt.user)
    yield
    return _reached(attempt.browser, attempt.browser.open("/account/security/add?kind=totp"))


def reset_link(attempt: Attempt) -> Steps:
    """A mail sets the password; then it is a password like any other."""
    yield
    token = _link(attempt, Purpose.RESET_PASSWORD)
    reset = attempt.json.post("/auth/reset-password", token=token, password=NEW_PASSWORD)
    assert reset.status_code < 300, reset.json
    assert _gives_nothing(reset)
    return _told(attempt.json.post("/auth/login", email=attempt.user.email, password=NEW_PASSWORD))


def verification_link(attempt: Attempt) -> Steps:
    yield
    token = _link(attempt, Purpose.VERIFY_EMAIL)
    verified = attempt.json.post("/auth/verify-email", token=token)
    return Outcome.NOTHING if _gives_nothing(verified) else Outcome.IN


WAYS: dict[str, Way] = {
    way.__name__: way
    for way in (
        password_grant, continuation_grant, refresh_grant, code_grant, client_credentials_grant, api_login, api_verify,
        api_step_up, api_refresh, api_set_up, sign_in_page, second_factor_page, enrolment_page, passkey_page,
        app_with_a_session, app_with_a_session_and_no_page, changed_password, account_pages, set_up_page, reset_link,
        verification_link,
    )
}  # fmt: skip


def _told(response: TestResponse) -> Outcome:
    """What a program is told."""
    body = body_of(response)
    if response.status_code == 200:
        assert "access_token" in body
        return Outcome.IN
    assert _gives_nothing(response)
    if "mfa_token" in body:
        return Outcome.FACTOR
    return Outcome.ENROLMENT if body.get("enrol_at") else Outcome.REFUSED


def _mfa_token(response: TestResponse) -> str:
    """The token to go on with; where there is none, one that is made up."""
    token: str = body_of(response).get("mfa_token", _NO_TOKEN)
    return token


def _gives_nothing(response: TestResponse) -> bool:
    body = response.get_json(silent=True) or {}
    cookies = "".join(response.headers.getlist("Set-Cookie"))
    return not {"access_token", "refresh_token", "id_token"} & set(body) and "session=" not in cookies


def _reached(browser: Browser, visit: Visit) -> Outcome:
    """Where a browser is led: to an app or a page of the account, or to the page that asks for what is owed."""
    if visit.elsewhere is not None:
        return Outcome.IN if "code=" in visit.elsewhere else Outcome.REFUSED
    if visit.path.startswith(SECOND_FACTOR):
        return Outcome.FACTOR
    if visit.path.startswith(ENROL):
        return Outcome.ENROLMENT
    if visit.path.startswith("/sign-in"):
        return Outcome.REFUSED
    assert visit.path.startswith(("/account", "/consent")), visit.path
    assert browser.cookie("session") is not None
    return Outcome.IN


def _link(attempt: Attempt, purpose: Purpose) -> str:
    """The secret of a link in a mail that was asked for just now."""
    keys = crypto.derive_each(attempt.server.app.extensions["oidc_server.server"].settings.secret_keys, KEYS_PURPOSE)
    with attempt.server.database.transaction() as session:
        user = session.get_one(User, attempt.user.id)
        place = Place(new_id(), clock.now(), user.email, user.email_key)
        secret = make_link(session, keys, user, purpose, place)
    assert secret is not None
    return secret
