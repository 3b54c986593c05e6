"""A person in front of the pages of their own account."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from oidc_server.core import clock
from tests.accounts.devices import SAFARI, browser_of
from tests.browsing import Browser, Visit
from tests.relying_party import Server, TestUser

EVERY_PAGE = (
    "/account", "/account/profile", "/account/email", "/account/password", "/account/security",
    "/account/security/add", "/account/security/recovery-codes", "/account/security/browsers", "/account/sessions",
    "/account/apps", "/account/activity", "/account/data", "/account/close",
)  # fmt: skip
# A page about one of several things: without its name it leads back to all of them.
PAGES_OF_ONE = ("/account/security/method",)
# Those that ask for a password that was given lately.
RECENT_PAGES = ("/account/email", "/account/password", "/account/data", "/account/close")
RECENT_FACTOR_PAGES = ("/account/security/add", "/account/security/recovery-codes", "/account/security/browsers")
LATER = timedelta(minutes=11)


@dataclass(frozen=True)
class Owner:
    """Somebody who is signed in at the pages, without any app."""

    server: Server
    browser: Browser
    user: TestUser

    def open(self, path: str) -> Visit:
        """Open a page, for which nothing has to be proven."""
        visit = self.browser.open(path)
        assert (visit.path, visit.status) == (path, 200), f"{visit.path}: {visit.words}"
        return visit

    def is_signed_in(self) -> bool:
        """Whether the browser still is."""
        return self.browser.open("/account").path == "/account"


def owner_of(server: Server, user: TestUser, user_agent: str = SAFARI, address: str = "192.0.2.9") -> Owner:
    """Sign somebody in at a browser of their own."""
    browser = browser_of(server, user_agent, address)
    visit = browser.sign_in(browser.open("/account"), user.email, user.password)
    assert visit.path == "/account", visit.words
    return Owner(server, browser, user)


def let_time_pass() -> None:
    """Until the last sign-in is too long ago for what matters."""
    clock.travel(LATER)
