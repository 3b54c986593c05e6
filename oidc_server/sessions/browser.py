"""Login sessions of a browser: found by the secret in its cookie, with a new secret at every authentication.

A session ends when it was not used for the idle lifetime, at its absolute end, with an epoch, when it is told to, when
its user's password changes, and when its user may not sign in any more (NIST SP 800-63B-4 §2.2.3, ASVS 7.3)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, bindparam, select, update
from sqlalchemy.orm import Session

from oidc_server.audit.catalogue import Event
from oidc_server.audit.service import Actor, record
from oidc_server.core import clock, crypto
from oidc_server.core.settings import Settings
from oidc_server.core.statements import HotStatement
from oidc_server.sessions.assurance import acr_of
from oidc_server.sessions.epochs import ended_by_epoch
from oidc_server.sessions.models import LoginSession
from oidc_server.sessions.service import BrowserPlace, Device, begin_session
from oidc_server.users.models import User
from oidc_server.users.service import refusal_of

_TOUCHED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """How long sessions last: without use, and at most; longer where the person asked to be remembered."""

    idle_lifetime: timedelta
    lifetime: timedelta
    remembered_lifetime: timedelta

    @classmethod
    def of(cls, settings: Settings) -> SessionPolicy:
        """What the settings say."""
        return cls(
            idle_lifetime=timedelta(seconds=settings.session_idle_lifetime),
            lifetime=timedelta(seconds=settings.session_lifetime),
            remembered_lifetime=timedelta(seconds=settings.session_remembered_lifetime),
        )

    def end_of(self, remembered: bool, begins: datetime) -> datetime:
        """The absolute end."""
        return begins + (self.remembered_lifetime if remembered else self.lifetime)

    def cookie_lifetime(self, remembered: bool) -> timedelta | None:
        """How long the browser keeps the cookie; None is until it is closed."""
        return self.remembered_lifetime if remembered else None

    def is_idle(self, remembered: bool, last_seen_at: datetime, now: datetime) -> bool:
        """A remembered session waits until its absolute end."""
        return not remembered and last_seen_at + self.idle_lifetime <= now


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """Who is signed in, and what one transaction read of it."""

    id: uuid.UUID
    user_id: uuid.UUID
    auth_time: datetime
    amr: list[str]
    acr: str
    remembered: bool
    last_seen_at: datetime
    expires_at: datetime
    email: str
    username: str | None
    login_keys: frozenset[tuple[str, str]]
    second_factors: list[str] | None = None
    second_factor_due_at: datetime | None = None
    second_factor_forced_at: datetime | None = None
    password_set_by_mail_at: datetime | None = None
    mfa_policy: dict[str, Any] | None = None


_BY_SECRET = HotStatement(
    "session_by_secret",
    select(
        LoginSession.id, LoginSession.user_id, LoginSession.auth_time, LoginSession.amr, LoginSession.acr,
        LoginSession.remembered, LoginSession.last_seen_at, LoginSession.expires_at, LoginSession.ended_at,
        ended_by_epoch(LoginSession.created_at).label("ended_by_epoch"),
        User.email, User.email_key, User.username, User.username_key, User.suspended_at, User.locked_until,
        User.password_changed_at, User.second_factors, User.second_factor_due_at, User.second_factor_forced_at,
        User.password_set_by_mail_at, User.mfa_policy,
    )
    .join(User, User.id == LoginSession.user_id)
    .where(LoginSession.secret_digest == bindparam("digest")),
)  # fmt: skip


def resume(session: Session, policy: SessionPolicy, secret: str | None) -> BrowserSession | None:
    """The session of the browser that holds this secret, while it lasts."""
    if not secret:
        return None
    row = _BY_SECRET.one_or_none(session.connection(), digest=crypto.digest(secret))
    now = clock.now()
    if row is None or row.ended_at is not None or row.ended_by_epoch or row.expires_at <= now:
        return None
    if policy.is_idle(row.remembered, row.last_seen_at, now):
        return None
    if refusal_of(row.suspended_at, row.locked_until, now) is not None:
        return None
    if row.password_changed_at is not None and row.auth_time < row.password_changed_at:
        return None  # whoever changed it may have done so because of this very session (ASVS 7.4.3)
    keys = {("email", row.email_key)} | ({("username", row.username_key)} if row.username_key else set())
    return BrowserSession(
        row.id, row.user_id, row.auth_time, row.amr, row.acr, row.remembered, row.last_seen_at, row.expires_at,
        row.email, row.username, frozenset(keys), row.second_factors, row.second_factor_due_at,
        row.second_factor_forced_at, row.password_set_by_mail_at, row.mfa_policy,
    )  # fmt: skip


def begin_browser_session(
    session: Session,
    policy: SessionPolicy,
    *,
    user_id: uuid.UUID,
    amr: list[str],
    remembered: bool,
    device: Device,
) -> tuple[LoginSession, str]:
    """A session and the secret that addresses it, which is told once. Every authentication makes both anew, so nobody
    can have planted the secret before (session fixation, ASVS 7.2.4)."""
    secret, now = crypto.new_secret(), clock.now()
    login = begin_session(
        session, user_id=user_id, amr=amr, lifetime=policy.end_of(remembered, now) - now,
        device=device, browser=BrowserPlace(secret, remembered),
    )  # fmt: skip
    return login, secret


def renew(session: Session, policy: SessionPolicy, login: BrowserSession, *, amr: list[str], remembered: bool) -> str:
    """The person has signed in once more where they were signed in: the session goes on, and what apps were granted in
    it, under a new secret, which is returned. The old one is worth nothing from now on (ASVS 7.2.4)."""
    secret, now = crypto.new_secret(), clock.now()
    changes: dict[str, object] = {
        "secret_digest": crypto.digest(secret),
        "auth_time": now,
        "amr": amr,
        "acr": acr_of(amr),
    }
    changes |= {"remembered": remembered, "last_seen_at": now, "expires_at": policy.end_of(remembered, now)}
    session.execute(update(LoginSession).where(LoginSession.id == login.id).values(changes))
    return secret


def end_by_secret(session: Session, secret: str | None) -> None:
    """End the session that a browser had, if any."""
    if secret:
        session.execute(
            update(LoginSession)
            .where(LoginSession.secret_digest == crypto.digest(secret), LoginSession.ended_at.is_(None))
            .values(ended_at=clock.now())
        )


def touch(session: Session, login: BrowserSession) -> None:
    """Note that the session was used; a minute more or less does not matter, a write for each page would."""
    now = clock.now()
    if now - login.last_seen_at >= _TOUCHED_EVERY:
        session.execute(update(LoginSession).where(LoginSession.id == login.id).values(last_seen_at=now))


def sign_out(session: Session, login: BrowserSession, *, client_id: str | None = None) -> bool:
    """End the session, and with it every authorization that does not outlive it; False when it had ended already."""
    statement = (
        update(LoginSession)
        .where(LoginSession.id == login.id, LoginSession.ended_at.is_(None))
        .values(ended_at=clock.now())
    )
    if cast("CursorResult[object]", session.execute(statement)).rowcount != 1:
        return False
    record(
        session, Event.USER_SIGNED_OUT, actor=Actor("user", str(login.user_id)), subject=str(login.user_id),
        client_id=client_id, user_id=login.user_id, detail={"sid": str(login.id)},
    )  # fmt: skip
    return True
