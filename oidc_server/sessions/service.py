"""Beginning and ending login sessions."""

import uuid
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import CursorResult, func, select, update
from sqlalchemy.orm import Session

from oidc_server.core import clock, crypto
from oidc_server.sessions.assurance import acr_of
from oidc_server.sessions.epochs import ended_by_epoch
from oidc_server.sessions.models import LoginSession

USER_AGENT_CHARACTERS = 255


class BrowserPlace(NamedTuple):
    """How a browser addresses the session, and whether it keeps it when it is closed."""

    secret: str
    remembered: bool


class Device(NamedTuple):
    """Where somebody signs in: the program as it describes itself, the address, and what the person calls it."""

    user_agent: str
    address: str
    name: str | None = None


def begin_session(
    session: Session,
    *,
    user_id: uuid.UUID,
    amr: list[str],
    lifetime: timedelta,
    device: Device,
    browser: BrowserPlace | None = None,
) -> LoginSession:
    """Begin a session for a person who has just proven who they are by ``amr`` (RFC 8176); that says how sure it is.

    Without a browser's secret nothing addresses it, and only its tokens belong to it."""
    now = clock.now()
    login = LoginSession(
        user_id=user_id,
        auth_time=now,
        amr=amr,
        acr=acr_of(amr),
        user_agent=printable(device.user_agent),
        address=device.address,
        device_name=device.name,
        secret_digest=None if browser is None else crypto.digest(browser.secret),
        remembered=browser is not None and browser.remembered,
        last_seen_at=now,
        created_at=now,
        expires_at=now + lifetime,
    )
    session.add(login)
    session.flush()
    return login


def printable(user_agent: str) -> str:
    """A ``User-Agent`` as it is kept."""
    return "".join(filter(str.isprintable, user_agent))[:USER_AGENT_CHARACTERS]


def end_sessions(session: Session, *, user_id: uuid.UUID) -> int:
    """End every running session of a user; the number of those that ended."""
    statement = (
        update(LoginSession)
        .where(LoginSession.user_id == user_id, LoginSession.ended_at.is_(None))
        .values(ended_at=clock.now())
    )
    result = session.execute(statement)
    assert isinstance(result, CursorResult)  # noqa: S101 - narrows the type of a bulk update's result
    return result.rowcount


def count_running(session: Session, *, user_id: uuid.UUID) -> int:
    """How many sessions of a user have neither ended nor expired."""
    query = (
        select(func.count())
        .select_from(LoginSession)
        .where(
            LoginSession.user_id == user_id,
            LoginSession.ended_at.is_(None),
            LoginSession.expires_at > clock.now(),
            ~ended_by_epoch(LoginSession.created_at),
        )
    )
    return session.scalar(query) or 0
