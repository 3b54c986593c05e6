"""Sessions that are as sure as a test needs them, and accounts that have second factors, without going the way there:
for what the protocol makes of them."""

from __future__ import annotations

from sqlalchemy import update

from oidc_server.core import clock
from oidc_server.sessions.assurance import acr_of
from oidc_server.sessions.models import LoginSession
from oidc_server.users.models import User
from tests.app_login import App
from tests.browsing import Browser
from tests.protocol.authorizing import signed_in
from tests.relying_party import Server, TestUser

PASSWORD_ALONE = ["pwd"]
TRUSTED = ["pwd", "trusted_device"]
BY_TOTP = ["pwd", "otp", "mfa"]
BY_PASSKEY = ["pwd", "pop", "user", "mfa"]


def enrol(server: Server, user: TestUser, *kinds: str) -> None:
    """The account says that the person has second factors of these kinds."""
    with server.database.transaction() as session:
        session.execute(update(User).where(User.id == user.id).values(second_factors=list(kinds)))


def raise_sessions(server: Server, user: TestUser, amr: list[str]) -> None:
    """The person has just proven all of this in their sessions."""
    values = {"amr": amr, "acr": acr_of(amr), "auth_time": clock.now()}
    with server.database.transaction() as session:
        session.execute(update(LoginSession).where(LoginSession.user_id == user.id).values(values))


def signed_in_by(app: App, user: TestUser, amr: list[str], *kinds: str) -> Browser:
    """A browser in which the person, who has second factors of these kinds, has signed in by ``amr``."""
    browser = signed_in(app, user)
    enrol(app.server, user, *kinds)
    raise_sessions(app.server, user, amr)
    return browser
