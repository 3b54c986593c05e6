"""Setting a password, whichever way the person proved that they may: everything that rests on the one before ends."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from oidc_server.accounts.refusals import MembersWrong
from oidc_server.audit.catalogue import Event
from oidc_server.audit.service import Actor, record
from oidc_server.authorizations.ending import end_all
from oidc_server.authorizations.models import Consent
from oidc_server.core import clock
from oidc_server.core.errors import Reason
from oidc_server.messages.kinds import Kind
from oidc_server.messages.service import enqueue
from oidc_server.mfa.methods import remove_all
from oidc_server.mfa.pending import end_pending
from oidc_server.mfa.trusted_devices import end_trusted
from oidc_server.users.links import OVERTAKEN_BY_PASSWORD, cancel_links
from oidc_server.users.models import Profile, User
from oidc_server.users.new_passwords import check_new_password
from oidc_server.users.password_policy import PasswordRefused

_NAMES = (Profile.name, Profile.given_name, Profile.family_name, Profile.nickname)


def names_of(session: Session, user: User) -> list[str]:
    """What a guesser of this person's password tries first, for :func:`accept_password`."""
    told = session.execute(select(*_NAMES).where(Profile.user_id == user.id)).one_or_none()
    return [name for name in (user.email, user.username, *(told or ())) if name]


def accept_password(password: str, names: Iterable[str], *, member: str) -> None:
    """Accept a new password; ``member`` of the request or the form is the one that holds it, and ``names`` are the
    person's email address, username and names.

    Raises :class:`MembersWrong`. It may ask another server: call it outside of any transaction."""
    try:
        check_new_password(password, *(name for name in names if name))
    except PasswordRefused as error:
        raise MembersWrong({member: [str(error)]}, Reason.PASSWORD_REFUSED) from error


def set_password(
    session: Session,
    user: User,
    password_hash: str,
    *,
    event: Event,
    address: str,
    except_session: uuid.UUID | None = None,
) -> None:
    """Set the password of a user whose row is locked, as they asked from ``address``. What rests on the one before
    ends: every session but ``except_session``, every grant made outside of it, every pending link (ASVS 7.4.3), the
    trust in browsers, and every sign-in that waits for a second factor.

    The person is told at the address that the account has now: when the mail is sent it may have another."""
    actor = Actor("user", str(user.id))
    user.password_hash = password_hash
    user.password_changed_at = user.updated_at = clock.now()
    session.flush()
    end_all(session, user_id=user.id, actor=actor, reason=Reason.PASSWORD_CHANGED, except_session=except_session)
    cancel_links(session, user.id, OVERTAKEN_BY_PASSWORD)
    end_trusted(session, user.id)
    end_pending(session, user_id=user.id)
    record(session, event, actor=actor, subject=str(user.id), user_id=user.id)
    enqueue(session, kind=Kind.PASSWORD_CHANGED, user_id=user.id, recipient=user.email, parameters={"address": address})


def take_over(session: Session, user: User, password_hash: str, *, address: str) -> None:
    """Set the password of a user whose row is locked for who has just proven, by a link, that they read its mail, and
    who may be another person than the one who had the password: nothing that was there stays (attack G18). It begins no
    session and asks for no second factor, so none is skipped; those of a verified account stay, and it is noted that a
    mail alone set its password (attack G10)."""
    if user.email_verified_at is None:
        actor = Actor("user", str(user.id))
        user.email_verified_at = clock.now()
        session.execute(delete(Consent).where(Consent.user_id == user.id))  # somebody else may have given them
        record(session, Event.USER_EMAIL_VERIFIED, actor=actor, subject=str(user.id), user_id=user.id)
        if user.second_factors:
            remove_all(session, user, actor=actor)
    elif user.second_factors:
        user.password_set_by_mail_at = clock.now()
    set_password(session, user, password_hash, event=Event.USER_PASSWORD_RESET, address=address)
