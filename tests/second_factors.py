"""People with second factors, as tests need them: made at once, without the pages and calls by which people do."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pyotp
from sqlalchemy import select

from oidc_server.audit.service import SYSTEM
from oidc_server.clients.models import Client
from oidc_server.core import clock
from oidc_server.core.identity import new_id
from oidc_server.mfa.factors import EXTENSION, SecondFactors
from oidc_server.mfa.methods import note_change
from oidc_server.mfa.models import Method
from oidc_server.mfa.policy import stored_policy
from oidc_server.mfa.proof import Given
from oidc_server.mfa.recovery_codes import make_codes, store_codes
from oidc_server.mfa.totp import STEP_SECONDS, seal_secret
from oidc_server.users.models import User
from tests.relying_party import Server, TestClient, TestUser


@dataclass(frozen=True)
class Totp:
    """An authenticator app that somebody has set up."""

    method_id: uuid.UUID
    secret: str

    def code(self, steps: int = 0) -> str:
        """The code that it shows now, or so many steps of 30 seconds later."""
        return pyotp.HOTP(self.secret).at(clock.timestamp() // STEP_SECONDS + steps)

    def wrong_code(self) -> str:
        """Six digits that are no code of about now."""
        near = {self.code(steps) for steps in range(-3, 4)}
        return next(code for code in (f"{number:06}" for number in range(10)) if code not in near)

    def given(self, steps: int = 0) -> Given:
        """The present code, as it is given."""
        return Given(self.method_id, self.code(steps))


def factors_of(server: Server) -> SecondFactors:
    """The second factors of the server's application."""
    factors: SecondFactors = server.app.extensions[EXTENSION]
    return factors


def enrol_totp(server: Server, user: TestUser, name: str = "Authenticator app") -> Totp:
    """Give a person an authenticator app, of which no code was used yet. They get no recovery codes by it."""
    totp = Totp(new_id(), pyotp.random_base32(32))
    sealed = seal_secret(factors_of(server), totp.method_id, totp.secret)
    _add_method(server, user, id=totp.method_id, kind="totp", name=name, totp_secret=sealed)
    return totp


def enrol_email(server: Server, user: TestUser, name: str = "Email") -> uuid.UUID:
    """Give a person codes by mail."""
    return _add_method(server, user, id=new_id(), kind="email", name=name)


def enrol_sms(server: Server, user: TestUser, number: str = "+491701234567", name: str = "Phone") -> uuid.UUID:
    """Give a person codes by text message to this number."""
    return _add_method(server, user, id=new_id(), kind="sms", name=name, phone_number=number)


def recovery_codes(server: Server, user: TestUser) -> list[str]:
    """Give a person new recovery codes, of which they get no mail."""
    factors = factors_of(server)
    new = make_codes(factors.passwords)
    with server.database.transaction() as session:
        store_codes(session, session.get_one(User, user.id), new, SYSTEM, tell=False)
    return list(new.codes)


def set_policy(
    server: Server,
    *,
    user: TestUser | None = None,
    client: TestClient | None = None,
    level: str | None = None,
    methods: Iterable[str] = (),
    trusted_devices: bool = True,
) -> None:
    """Put this policy in place of that of an account, of a client, or of both."""
    policy = stored_policy(level, methods, trusted_devices)
    with server.database.transaction() as session:
        if user is not None:
            session.get_one(User, user.id).mfa_policy = policy
        if client is not None:
            session.scalars(select(Client).where(Client.client_id == client.client_id)).one().mfa_policy = policy
    server.app.extensions["oidc_server.clients"].forget()


def account_of(server: Server, user: TestUser) -> User:
    """The account as it is now."""
    with server.database.reading() as session:
        return session.get_one(User, user.id)


def _add_method(server: Server, user: TestUser, **columns: Any) -> uuid.UUID:
    now = clock.now()
    with server.database.transaction() as session:
        place = len(list(session.scalars(select(Method.id).where(Method.user_id == user.id))))
        method = Method(user_id=user.id, position=place, created_at=now, confirmed_at=now, **columns)
        session.add(method)
        session.flush()
        note_change(session, session.get_one(User, user.id))
        return method.id
