"""Passkeys in a real browser, with the authenticator that its developer tools bring (M17, M20)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, CDPSession, Page, expect
from werkzeug.serving import make_server as listen

from oidc_server.audit.service import SYSTEM
from oidc_server.mfa.methods import remove_all
from oidc_server.users.models import User
from tests.relying_party import Server, TestUser
from tests.running import free_port
from tests.second_factors import enrol_totp

pytestmark = pytest.mark.slow
REFUSED = "You could not be signed in with this passkey."
FAILED = "That did not work."
# The virtual authenticator answers at once to what people would have to choose: only one test has the browser offer it.
OFFERS = "offers passkeys where a name is typed"
OFFER_LESS = f"""try {{ if (!localStorage.getItem("{OFFERS}")) throw 0; }} catch {{
  if (window.PublicKeyCredential) PublicKeyCredential.isConditionalMediationAvailable = undefined;
}}"""


@pytest.fixture
def database_kind() -> str:
    """The browser does not see which one it is."""
    return "sqlite"


@dataclass
class Visitor:
    """Somebody at a browser that has an authenticator built in. ``complaints`` is what a page's policy has refused."""

    page: Page
    cdp: CDPSession
    authenticator: str
    url: str
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        self.page.goto(self.url + path)

    def press(self, button: str) -> None:
        with self.page.expect_navigation():
            self.page.click(f"#{button}")

    def sign_in(self, user: TestUser) -> None:
        self.page.fill("#login", user.email)
        self.page.fill("#password", user.password)
        self.press("continue")

    def register(self) -> None:
        """Set a passkey up on the pages of the account, for who is signed in."""
        self.open("/account/security/add?kind=webauthn")
        self.press("begin")
        self.press("passkey")

    def forget_session(self) -> None:
        self.page.context.clear_cookies()

    @property
    def words(self) -> str:
        return self.page.inner_text("body")

    @property
    def path(self) -> str:
        return self.page.url.removeprefix(self.url)


@contextmanager
def listening(app: Flask, port: int) -> Iterator[str]:
    """Serve the application at a name that browsers take for safe, and for the domain of passkeys."""
    http = listen("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    try:
        yield f"http://localhost:{port}"
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


@pytest.fixture
def place(make_server: Callable[..., Server]) -> Iterator[Server]:
    port = free_port()
    server = make_server(issuer=f"http://localhost:{port}")
    with listening(server.app, port):
        yield server


@pytest.fixture
def arrive(chromium: Browser, place: Server) -> Iterator[Callable[..., Visitor]]:
    """Brings somebody. In the end, no page may have been hindered by its own policy."""
    arrived: list[Visitor] = []
    with ExitStack() as stack:

        def one_more(**options: Any) -> Visitor:
            context = stack.enter_context(chromium.new_context(**options))
            context.set_default_timeout(15_000)
            context.add_init_script(OFFER_LESS)
            page = context.new_page()
            cdp = context.new_cdp_session(page)
            cdp.send("WebAuthn.enable")
            made = {
                "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
                "isUserVerified": True, "automaticPresenceSimulation": True,
            }  # fmt: skip
            number = cdp.send("WebAuthn.addVirtualAuthenticator", {"options": made})["authenticatorId"]
            visitor = Visitor(page, cdp, number, place.app.extensions["oidc_server.server"].settings.issuer)
            context.on("console", lambda message: visitor.complaints.append(message.text))
            arrived.append(visitor)
            return visitor

        yield one_more
        assert [text for one in arrived for text in one.complaints if "Content Security Policy" in text] == []


@pytest.fixture
def owner(arrive: Callable[..., Visitor], place: Server) -> tuple[Visitor, TestUser]:
    """Somebody who has just set a passkey up, and is signed in no more."""
    visitor, user = arrive(), place.user()
    visitor.open("/sign-in?next=/account/security")
    visitor.sign_in(user)
    visitor.register()
    assert "The second factor is set up." in visitor.words
    visitor.forget_session()
    return visitor, user


def test_a_passkey_is_set_up_and_signs_in_and_is_a_second_factor(owner: tuple[Visitor, TestUser]) -> None:
    visitor, user = owner
    visitor.open("/sign-in?next=/account")
    expect(visitor.page.locator("#login")).to_have_attribute("autocomplete", "username webauthn")
    visitor.press("passkey")
    assert visitor.path == "/account"
    assert user.email in visitor.words

    visitor.forget_session()
    visitor.open("/sign-in?next=/account")
    visitor.sign_in(user)
    assert visitor.path.startswith("/sign-in/second-factor")
    visitor.press("passkey")
    assert visitor.path == "/account"


def test_the_browser_offers_the_passkey_where_a_name_is_typed(owner: tuple[Visitor, TestUser]) -> None:
    visitor, user = owner
    visitor.page.evaluate(f"localStorage.setItem('{OFFERS}', 'yes')")
    visitor.open("/sign-in?next=/account")
    visitor.page.wait_for_url(f"{visitor.url}/account")
    assert user.email in visitor.words


def test_a_passkey_that_was_removed_is_refused_and_the_password_still_works_m20(
    owner: tuple[Visitor, TestUser], place: Server
) -> None:
    visitor, user = owner
    with place.database.transaction() as session:
        remove_all(session, session.get_one(User, user.id), actor=SYSTEM)
    visitor.open("/sign-in?next=/account")
    visitor.press("passkey")
    assert REFUSED in visitor.words
    visitor.cdp.send("WebAuthn.clearCredentials", {"authenticatorId": visitor.authenticator})
    visitor.open("/sign-in?next=/account")
    assert REFUSED not in visitor.words
    visitor.page.click("#passkey")
    expect(visitor.page.locator("[data-problem]")).to_be_visible()
    assert FAILED in visitor.words
    visitor.sign_in(user)
    assert visitor.path == "/account"


def test_a_passkey_is_of_no_use_at_another_origin_m17(owner: tuple[Visitor, TestUser], place: Server) -> None:
    """The browser would use it there, since the domain is the same: the server refuses."""
    visitor, _ = owner
    with listening(place.app, free_port()) as elsewhere:
        visitor.page.goto(f"{elsewhere}/sign-in?next=/account")
        visitor.press("passkey")
        assert visitor.page.url.startswith(f"{elsewhere}/sign-in")
        assert REFUSED in visitor.words


def test_the_same_key_is_not_set_up_twice(owner: tuple[Visitor, TestUser]) -> None:
    visitor, _ = owner
    visitor.open("/sign-in?next=/account/security")
    visitor.press("passkey")
    visitor.open("/account/security/add?kind=webauthn")
    visitor.press("begin")
    visitor.page.click("#passkey")
    expect(visitor.page.locator("[data-known]")).to_be_visible()


def test_without_scripts_there_are_no_passkeys_and_everything_else_works(
    arrive: Callable[..., Visitor], place: Server
) -> None:
    visitor, user = arrive(java_script_enabled=False), place.user()
    totp = enrol_totp(place, user)
    visitor.open("/sign-in?next=/account")
    expect(visitor.page.locator("#passkey")).to_be_hidden()
    visitor.sign_in(user)
    visitor.page.fill("#code", totp.code())
    visitor.press("continue")
    assert visitor.path == "/account"
    visitor.open("/account/security/add?kind=webauthn")
    visitor.press("begin")
    expect(visitor.page.locator("[data-without-passkeys]")).to_be_visible()
    expect(visitor.page.locator("#passkey")).to_be_hidden()
