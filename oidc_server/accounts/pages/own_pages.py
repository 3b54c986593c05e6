"""The pages of one's own account, and what each asks of who opens it: the same as the JSON API asks for what it does.

A closed list: after signing in, a browser goes on to one of these or to an app, and nowhere else (attack F15)."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from oidc_server.accounts import addresses
from oidc_server.core import clock
from oidc_server.pages.addresses import address
from oidc_server.protocol.access_classes import RECENT
from oidc_server.sessions.browser import BrowserSession


@dataclass(frozen=True)
class OwnPage:
    """``recent``: only for who has signed in lately (ASVS 7.5.1). ``verified``: only for who has confirmed the email
    address. ``keeps`` are the parameters of its address that a sign-in on the way does not lose."""

    path: str
    recent: bool = False
    verified: bool = False
    keeps: tuple[str, ...] = ()

    def admits(self, login: BrowserSession) -> bool:
        """Whether this sign-in is good enough, or the person has to prove once more who they are."""
        return not self.recent or login.auth_time + RECENT >= clock.now()

    def at(self, kept: dict[str, str]) -> str:
        """Where a browser finds it."""
        return address(self.path, **kept)


OVERVIEW = OwnPage(addresses.ACCOUNT)
PROFILE = OwnPage(addresses.ACCOUNT_PROFILE, verified=True)
EMAIL = OwnPage(addresses.ACCOUNT_EMAIL, recent=True, verified=True)
PASSWORD = OwnPage(addresses.ACCOUNT_PASSWORD, recent=True)
SESSIONS = OwnPage(addresses.ACCOUNT_SESSIONS, keeps=("cursor",))
APPS = OwnPage(addresses.ACCOUNT_APPS)
ACTIVITY = OwnPage(addresses.ACCOUNT_ACTIVITY, keeps=("cursor",))
DATA = OwnPage(addresses.ACCOUNT_DATA, recent=True)
CLOSE = OwnPage(addresses.ACCOUNT_CLOSE, recent=True, verified=True)
# A mail leads here.
CONFIRM = OwnPage(addresses.CONFIRM_EMAIL, recent=True, keeps=("token",))

_ALL = (OVERVIEW, PROFILE, EMAIL, PASSWORD, SESSIONS, APPS, ACTIVITY, DATA, CLOSE, CONFIRM)
OWN_PAGES = MappingProxyType({page.path: page for page in _ALL})


def named_page(path: str | None) -> OwnPage:
    """The page at exactly this path; for everything else the overview."""
    return OWN_PAGES.get(path or "", OVERVIEW)
