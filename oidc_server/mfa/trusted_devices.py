"""Browsers in which the second factor was given, and need not be given again for a while.

A browser holds a secret that is replaced at each use by one that is derived from it, so that a browser that asks twice
because the first answer was lost gets the same one. Whoever comes with a secret that was replaced longer ago holds a
copy, or the copy is what was used: then the trust ends (attack M24)."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from oidc_server.audit.catalogue import Event
from oidc_server.audit.service import Actor, record
from oidc_server.core import clock, crypto
from oidc_server.mfa.models import TrustedDevice
from oidc_server.sessions.programs import program_of
from oidc_server.sessions.service import printable
from oidc_server.users.models import User

if TYPE_CHECKING:
    from oidc_server.mfa.factors import SecondFactors

# As long as a refresh token may be asked for again.
_RETRY = timedelta(seconds=30)
MOST = 20  # of a person; the one that was not used for longest makes place


def trust(session: Session, factors: SecondFactors, user: User, user_agent: str) -> str:
    """Trust this browser; the secret that shows it, which is told once. The caller has asked the policy whether
    browsers are trusted; for how long, the deployment says."""
    secret, now = crypto.new_secret(), clock.now()
    _make_place(session, user.id)
    device = TrustedDevice(
        user_id=user.id, digest=crypto.digest(secret), user_agent=printable(user_agent), created_at=now,
        last_used_at=now, expires_at=now + factors.policy.trust,
    )  # fmt: skip
    session.add(device)
    session.flush()
    _record(session, Event.MFA_DEVICE_TRUSTED, device)
    return secret


def recognise(session: Session, factors: SecondFactors, user: User, secret: str | None, user_agent: str) -> str | None:
    """The secret that takes the place of this one, when it is that of a browser that this user trusts; None when it is
    not. Do not roll back: a copy that was found out has to stay found out.

    The lock closes the race of two sign-ins with one secret: they get the same next one."""
    if not secret or not factors.policy.trust:
        return None
    digest, now = crypto.digest(secret), clock.now()
    theirs = TrustedDevice.user_id == user.id
    held = or_(TrustedDevice.digest == digest, TrustedDevice.previous_digest == digest)
    device = session.scalar(select(TrustedDevice).where(theirs, held).with_for_update())
    if device is None or device.expires_at <= now or device.created_at + factors.policy.trust <= now:
        return None
    successor = crypto.urlsafe(crypto.keyed_digest(factors.device_keys[0], secret))
    if device.digest != digest:
        return successor if _is_retry(session, device, successor) else None
    if program_of(device.user_agent) != program_of(user_agent):
        return None
    device.digest, device.previous_digest = crypto.digest(successor), digest
    device.replaced_at = device.last_used_at = now
    session.flush()
    return successor


def trusted_devices_of(session: Session, user_id: uuid.UUID) -> list[TrustedDevice]:
    """The browsers that a user trusts, the one that was used last first."""
    theirs = (TrustedDevice.user_id == user_id, TrustedDevice.expires_at > clock.now())
    return list(session.scalars(select(TrustedDevice).where(*theirs).order_by(TrustedDevice.last_used_at.desc())))


def end_trusted(session: Session, user_id: uuid.UUID, device_id: uuid.UUID | None = None) -> None:
    """Trust one browser of a user no more, or none of them."""
    ended = delete(TrustedDevice).where(TrustedDevice.user_id == user_id)
    session.execute(ended if device_id is None else ended.where(TrustedDevice.id == device_id))


def _is_retry(session: Session, device: TrustedDevice, successor: str) -> bool:
    """Whether a secret that was replaced comes again because the answer was lost; otherwise the trust ends."""
    at = device.replaced_at
    if at is not None and clock.now() < at + _RETRY and device.digest == crypto.digest(successor):
        return True
    _record(session, Event.MFA_DEVICE_COPIED, device)
    session.delete(device)
    session.flush()
    return False


def _make_place(session: Session, user_id: uuid.UUID) -> None:
    others = select(TrustedDevice.id).where(TrustedDevice.user_id == user_id)
    kept = others.order_by(TrustedDevice.last_used_at.desc()).limit(MOST - 1)
    too_many = TrustedDevice.id.not_in(session.scalars(kept).all())
    session.execute(delete(TrustedDevice).where(TrustedDevice.user_id == user_id, too_many))


def _record(session: Session, event: Event, device: TrustedDevice) -> None:
    user_id = device.user_id
    record(
        session, event, actor=Actor("user", str(user_id)), subject=str(user_id), user_id=user_id,
        detail={"device_id": str(device.id), "user_agent": device.user_agent},
    )  # fmt: skip
