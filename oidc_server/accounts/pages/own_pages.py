"""The pages of one's own account, and what each asks of who opens it: the same as the JSON API asks for what it does.

A closed list: after signing in, a browser goes on to one of these or to an app, and nowhere else (attack F15)."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from oidc_server.accounts import addresses
from oidc_server.core import clock
from oidc_server.mfa.policy import Demand
from oidc_server.pages.addresses import address
from oidc_server.protocol.access_classes import RECENT
from oidc_server.protocol.server import current_server
from oidc_server.protocol.step_up import second_factor_owed
from oidc_server.sessions.assurance import ACR_MFA, ACR_PASSWORD, AMR_PASSWORD
from oidc_server.sessions.browser import BrowserSession


@dataclass(frozen=True)
class OwnPage:
    """``recent``: only for who has signed in lately (ASVS 7.5.1). ``verified``: only for who has confirmed the email
    address. ``keeps`` are the parameters of its address that a sign-in on the way does not lose."""

    path: str
    recent: bool = False
    verified: bool = False
    keeps: tuple[str, ...] = ()

    def owes(self, login: BrowserSession) -> Demand:
        """The second factor that has to be given, or set up, before this page is shown: what the policy demands, and
        where it asks for a recent sign-in, one lately by whoever has a factor (attack M13)."""
        policy, now, amr, acr = current_server().factors.policy, clock.now(), login.amr, login.acr
        if self.recent and login.auth_time + RECENT < now:
            amr, acr = [AMR_PASSWORD], ACR_PASSWORD  # a factor that was given before is none any more
        wanted = ACR_MFA if self.recent and login.second_factors else None
        return second_factor_owed(policy, login, wanted, amr=amr, acr=acr, now=now)

    def admits(self, login: BrowserSession) -> bool:
        """Whether this sign-in is good enough, or the person has to prove once more who they are."""
        return not self.owes(login) and (not self.recent or login.auth_time + RECENT >= clock.now())

    def at(self, kept: dict[str, str]) -> str:
        """Where a browser finds it."""
        return address(self.path, **kept)


OVERVIEW = OwnPage(addresses.ACCOUNT)
PROFILE = OwnPage(addresses.ACCOUNT_PROFILE, verified=True)
EMAIL = OwnPage(addresses.ACCOUNT_EMAIL, recent=True, verified=True)
PASSWORD = OwnPage(addresses.ACCOUNT_PASSWORD, recent=True)
SECURITY = OwnPage(addresses.ACCOUNT_SECURITY)
SECURITY_ADD = OwnPage(addresses.ACCOUNT_SECURITY_ADD, recent=True, keeps=("kind",))
SECURITY_METHOD = OwnPage(addresses.ACCOUNT_SECURITY_METHOD, recent=True, keeps=("id",))
SECURITY_CODES = OwnPage(addresses.ACCOUNT_SECURITY_CODES, recent=True)
SECURITY_BROWSERS = OwnPage(addresses.ACCOUNT_SECURITY_BROWSERS, recent=True)
SESSIONS = OwnPage(addresses.ACCOUNT_SESSIONS, keeps=("cursor",))
APPS = OwnPage(addresses.ACCOUNT_APPS)
ACTIVITY = OwnPage(addresses.ACCOUNT_ACTIVITY, keeps=("cursor",))
DATA = OwnPage(addresses.ACCOUNT_DATA, recent=True)
CLOSE = OwnPage(addresses.ACCOUNT_CLOSE, recent=True, verified=True)
# A mail leads here.
CONFIRM = OwnPage(addresses.CONFIRM_EMAIL, recent=True, keeps=("token",))

_ALL = (
    OVERVIEW, PROFILE, EMAIL, PASSWORD, SECURITY, SECURITY_ADD, SECURITY_METHOD, SECURITY_CODES, SECURITY_BROWSERS,
    SESSIONS, APPS, ACTIVITY, DATA, CLOSE, CONFIRM,
)  # fmt: skip
OWN_PAGES = MappingProxyType({page.path: page for page in _ALL})


def named_page(path: str | None) -> OwnPage:
    """The page at exactly this path; for everything else the overview."""
    return OWN_PAGES.get(path or "", OVERVIEW)
