"""A person who has a second factor, in front of the pages of their own account."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select, update

from oidc_server.mfa.models import SentCode
from oidc_server.mfa.sent_codes import code_to_send
from oidc_server.sessions.assurance import acr_of
from oidc_server.sessions.models import LoginSession
from tests.accounts.devices import SAFARI, browser_of
from tests.accounts.own_pages import Owner
from tests.relying_party import Server, TestUser
from tests.second_factors import Totp, enrol_totp, factors_of


@dataclass(frozen=True)
class Guarded(Owner):
    """Somebody who has just given the password and a code of their authenticator app."""

    totp: Totp

    @property
    def method_page(self) -> str:
        """The page about the app."""
        return f"/account/security/method?id={self.totp.method_id}"


def guarded_owner(server: Server, user: TestUser) -> Guarded:
    """Give somebody an authenticator app, and sign them in by it at a browser of their own."""
    return signed_in(server, user, enrol_totp(server, user))


def signed_in(server: Server, user: TestUser, totp: Totp, steps: int = 0) -> Guarded:
    """Sign somebody in by password and app at a browser of their own; each code of the app is good once."""
    browser = browser_of(server, SAFARI, "192.0.2.9")
    visit = browser.sign_in(browser.open("/account"), user.email, user.password)
    assert browser.press(visit, "continue", code=totp.code(steps)).path == "/account"
    return Guarded(server, browser, user, totp)


def be_proven_by(server: Server, user: TestUser, amr: list[str]) -> None:
    """Make of every session of a person one that was begun by this."""
    with server.database.transaction() as session:
        changed = update(LoginSession).where(LoginSession.user_id == user.id)
        session.execute(changed.values(amr=amr, acr=acr_of(amr)))


def sent_code(server: Server) -> str:
    """The code that was sent last."""
    with server.database.reading() as session:
        newest = session.scalars(select(SentCode.id).order_by(SentCode.id.desc()).limit(1)).one()
        found = code_to_send(session, factors_of(server), newest)
    assert found is not None
    return found.code
