"""One-time links in mails: typed by purpose, stored as a digest, single use, dead as soon as something overtakes them.

The secret is derived from the message that carries the link, so that a mail that has to be sent twice has the same link
in it, and nothing secret is stored anywhere."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import cast

from sqlalchemy import CursorResult, select, update
from sqlalchemy.orm import Session

from oidc_server.core import clock, crypto
from oidc_server.core.errors import Reason, Refusal
from oidc_server.users.models import Link, User
from oidc_server.users.service import refusal_of

KEYS_PURPOSE = "oidc-server/links"


class Purpose(StrEnum):
    """What a link is for, and for how long."""

    lifetime: timedelta

    def __new__(cls, name: str, lifetime: timedelta) -> Purpose:
        member = str.__new__(cls, name)
        member._value_ = name
        member.lifetime = lifetime
        return member

    VERIFY_EMAIL = ("verify_email", timedelta(days=3))
    RESET_PASSWORD = ("reset_password", timedelta(hours=1))
    CHANGE_EMAIL = ("change_email", timedelta(days=1))
    UNDO_EMAIL_CHANGE = ("undo_email_change", timedelta(days=7))
    INVITATION = ("invitation", timedelta(days=7))


# To take an address back must be possible for whoever lost the account with it: nothing that a thief does ends that,
# neither another password nor another change of the address, which has a link of its own.
OVERTAKEN_BY_PASSWORD = tuple(purpose for purpose in Purpose if purpose is not Purpose.UNDO_EMAIL_CHANGE)
# These prove that whoever follows them reads the account's mail, so they die with the address.
_OF_PRESENT_ADDRESS = (Purpose.VERIFY_EMAIL, Purpose.RESET_PASSWORD, Purpose.INVITATION)


class LinkRefused(Refusal):
    """The link is not good: unknown, used, too old, overtaken, or of an account that may not sign in. The caller is
    told the same of each."""

    def __init__(self, reason: Reason, detail: str) -> None:
        if reason in {Reason.USER_SUSPENDED, Reason.USER_LOCKED}:
            reason, detail = Reason.LINK_CANCELLED, f"{detail}: {reason}"
        super().__init__(reason, detail)


@dataclass(frozen=True)
class Place:
    """Where a link stands: the message it is in, which was asked for at ``asked_at``, and the address it is about."""

    message_id: uuid.UUID
    asked_at: datetime
    email: str
    email_key: str
    browser_digest: bytes | None = None


def make_link(session: Session, keys: Sequence[bytes], user: User, purpose: Purpose, place: Place) -> str | None:
    """The secret of the link in a message, or None when something has overtaken it: a newer link, a changed password.

    Asked again for the same message it is the same link. Older links of the purpose die, except those that each take
    another change back. Its life begins when it was
    asked for, so one that waited for too long in the queue is not sent any more."""
    session.refresh(user, with_for_update=True)  # two messages at once come one after the other
    for key in keys:
        secret = _secret(key, purpose, place.message_id)
        link = session.scalar(select(Link).where(Link.digest == crypto.digest(secret)))
        if link is not None:
            return None if _fault(link, user) else secret
    now, expires_at = clock.now(), place.asked_at + purpose.lifetime
    if expires_at <= now or _is_overtaken(session, user, purpose, place):
        return None
    if purpose is not Purpose.UNDO_EMAIL_CHANGE:
        cancel_links(session, user.id, (purpose,))
    secret = _secret(keys[0], purpose, place.message_id)
    session.add(
        Link(
            user_id=user.id, purpose=purpose.value, digest=crypto.digest(secret), email=place.email,
            email_key=place.email_key, browser_digest=place.browser_digest, created_at=place.asked_at,
            expires_at=expires_at,
        )
    )  # fmt: skip
    session.flush()
    return secret


def find_link(session: Session, secret: str, purpose: Purpose) -> tuple[Link, User]:
    """The link and its account, to be shown and not yet used. Raises :class:`LinkRefused`."""
    link, user = _find(session, secret, purpose)
    if (reason := _fault(link, user)) is not None:
        raise LinkRefused(reason, purpose)
    return link, user


def redeem_link(session: Session, secret: str, purpose: Purpose) -> tuple[Link, User]:
    """Use the link up; its account comes locked. Raises :class:`LinkRefused`.

    The lock on the account and the conditional write close the race of many who use one link at once: one wins."""
    link, user = _find(session, secret, purpose)
    session.refresh(user, with_for_update=True)
    session.refresh(link)
    if (reason := _fault(link, user)) is not None:
        raise LinkRefused(reason, purpose)
    used = update(Link).where(Link.id == link.id, Link.used_at.is_(None)).values(used_at=clock.now())
    if cast("CursorResult[object]", session.execute(used)).rowcount != 1:
        raise LinkRefused(Reason.LINK_SPENT, purpose)
    return link, user


def cancel_links(session: Session, user_id: uuid.UUID, purposes: Collection[Purpose]) -> None:
    """End the links of an account that were not used yet."""
    unused = (Link.user_id == user_id, Link.purpose.in_([purpose.value for purpose in purposes]))
    session.execute(
        update(Link)
        .where(*unused, Link.used_at.is_(None), Link.cancelled_at.is_(None))
        .values(cancelled_at=clock.now())
    )


def _find(session: Session, secret: str, purpose: Purpose) -> tuple[Link, User]:
    query = select(Link, User).join(User, User.id == Link.user_id)
    found = session.execute(query.where(Link.digest == crypto.digest(secret), Link.purpose == purpose.value)).first()
    if found is None:
        raise LinkRefused(Reason.LINK_UNKNOWN, purpose)
    return found[0], found[1]


def _fault(link: Link, user: User) -> Reason | None:
    now = clock.now()
    if link.used_at is not None:
        return Reason.LINK_SPENT
    if link.cancelled_at is not None:
        return Reason.LINK_CANCELLED
    if link.expires_at <= now:
        return Reason.LINK_EXPIRED
    if link.purpose in _OF_PRESENT_ADDRESS and link.email_key != user.email_key:
        return Reason.LINK_CANCELLED
    return refusal_of(user.suspended_at, user.locked_until, now) if link.purpose != Purpose.VERIFY_EMAIL else None


def _is_overtaken(session: Session, user: User, purpose: Purpose, place: Place) -> bool:
    """Whether, between the asking and the sending, the password changed, a newer link was made, or the like."""
    changed_at, signed_in_at = user.password_changed_at, user.last_login_at
    if purpose in OVERTAKEN_BY_PASSWORD and changed_at is not None and changed_at > place.asked_at:
        return True
    if purpose is Purpose.RESET_PASSWORD and signed_in_at is not None and signed_in_at > place.asked_at:
        return True  # who has signed in needs none, as for those that were sent before (sessions/arrivals.py)
    same = select(Link.id).where(Link.user_id == user.id, Link.purpose == purpose.value)
    if purpose is Purpose.UNDO_EMAIL_CHANGE:  # a change from before was taken back, and with it what came after
        overtaking = same.where(Link.created_at <= place.asked_at, Link.used_at > place.asked_at)
    else:
        overtaking = same.where(Link.created_at > place.asked_at)
    return session.scalar(overtaking.limit(1)) is not None


def _secret(key: bytes, purpose: Purpose, message_id: uuid.UUID) -> str:
    return crypto.urlsafe(crypto.keyed_digest(key, f"{purpose.value}\n{message_id}"))
