"""Logins that still owe a second factor. Between the password and the factor there is no session and no token: only a
secret, good for giving the factor, once, and dead as soon as something overtakes it."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, cast

from sqlalchemy import CursorResult, select, update
from sqlalchemy.orm import Session

from oidc_server.core import clock, crypto
from oidc_server.core.errors import Reason, Refusal
from oidc_server.core.identity import parse_id
from oidc_server.mfa.models import PendingLogin
from oidc_server.users.models import User
from oidc_server.users.service import refusal_of

_BOUND = "login "


class Channel(StrEnum):
    """Where a login began, and for how long it waits: people set up a factor on pages, programs only ask for one."""

    lifetime: timedelta

    def __new__(cls, name: str, lifetime: timedelta) -> Channel:
        member = str.__new__(cls, name)
        member._value_ = name
        member.lifetime = lifetime
        return member

    PAGE = ("page", timedelta(minutes=15))
    TOKEN = ("token", timedelta(minutes=5))
    API = ("api", timedelta(minutes=5))


class PendingLoginGone(Refusal):
    """There is no such login any more, or it is another client's; the caller is told the same of each."""

    status = 401

    def __init__(self, detail: str) -> None:
        super().__init__(Reason.PENDING_LOGIN_GONE, detail)


@dataclass(frozen=True)
class Pending:
    """A login that waits, with the account as it was read together with it."""

    login: PendingLogin
    user: User

    @property
    def bound_to(self) -> str:
        """What codes and challenges for it are bound to."""
        return f"{_BOUND}{self.login.id}"


def begin_pending(
    session: Session,
    user: User,
    channel: Channel,
    *,
    amr: list[str],
    client_id: str | None = None,
    request: Mapping[str, Any] | None = None,
) -> str:
    """Keep a login that has come as far as ``amr``; the secret that goes on with it, which is told once."""
    secret, now = crypto.new_secret(), clock.now()
    session.add(
        PendingLogin(
            user_id=user.id, channel=channel.value, digest=crypto.digest(secret), client_id=client_id,
            request=dict(request or {}), amr=amr, password_changed_at=user.password_changed_at, created_at=now,
            expires_at=now + channel.lifetime,
        )
    )  # fmt: skip
    session.flush()
    return secret


def find_pending(session: Session, secret: str | None, channel: Channel, client_id: str | None = None) -> Pending:
    """The login that waits, with its account; on a page the client does not matter. Raises
    :class:`PendingLoginGone`."""
    pending = find_pending_of(session, secret, (channel,))
    if channel is not Channel.PAGE and pending.login.client_id != client_id:
        raise PendingLoginGone("another client's")
    return pending


def find_pending_of(session: Session, secret: str | None, channels: Collection[Channel]) -> Pending:
    """The login that waits on one of the channels, whichever client asked for it: to have a code sent, the secret is
    enough. Raises :class:`PendingLoginGone`."""
    query = select(PendingLogin, User).join(User, User.id == PendingLogin.user_id)
    here = PendingLogin.channel.in_([channel.value for channel in channels])
    found = session.execute(query.where(PendingLogin.digest == crypto.digest(secret or ""), here)).first()
    if found is None:
        raise PendingLoginGone("unknown")
    login, user = found
    now = clock.now()
    if login.used_at is not None or login.expires_at <= now:
        raise PendingLoginGone("used" if login.used_at is not None else "expired")
    if login.password_changed_at != user.password_changed_at:
        raise PendingLoginGone("the password changed")
    if (reason := refusal_of(user.suspended_at, user.locked_until, now)) is not None:
        raise PendingLoginGone(reason)
    return Pending(login, user)


def finish_pending(session: Session, secret: str | None, channel: Channel, client_id: str | None = None) -> Pending:
    """Use the login up; its account comes locked. Raises :class:`PendingLoginGone`.

    The lock on the account and the conditional write close the race of many that finish one login at once: one
    wins."""
    pending = find_pending(session, secret, channel, client_id)
    session.refresh(pending.user, with_for_update=True)
    pending = find_pending(session, secret, channel, client_id)
    used = update(PendingLogin).where(PendingLogin.id == pending.login.id, PendingLogin.used_at.is_(None))
    if cast("CursorResult[object]", session.execute(used.values(used_at=clock.now()))).rowcount != 1:
        raise PendingLoginGone("used")
    return pending


def end_pending(
    session: Session, *, secret: str | None = None, user_id: uuid.UUID | None = None, but: str | None = None
) -> None:
    """End the login with this secret, or every one of an account: nobody finishes it any more. ``but`` is what the one
    is bound to that goes on: that on whose way a factor was enrolled."""
    if secret is None and user_id is None:
        return
    named = PendingLogin.user_id == user_id if secret is None else PendingLogin.digest == crypto.digest(secret)
    ended = update(PendingLogin).where(named, PendingLogin.used_at.is_(None)).values(used_at=clock.now())
    kept = parse_id(but.removeprefix(_BOUND)) if but is not None else None
    session.execute(ended if kept is None else ended.where(PendingLogin.id != kept))
