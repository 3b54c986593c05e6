"""What admins do to accounts of others: making, changing, suspending, closing. Nothing here can make an admin."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from oidc_server.accounts.closing import close_account
from oidc_server.accounts.editing import change_account
from oidc_server.accounts.refusals import AccountGone, EmailTaken, LastAdmin, MembersWrong, NameTaken, OwnAccount
from oidc_server.accounts.suspension import suspend_account
from oidc_server.audit.catalogue import Event
from oidc_server.audit.service import Actor, record
from oidc_server.core import clock
from oidc_server.core.identity import NotAnEmail, NotAUsername, email_key
from oidc_server.messages.kinds import Kind
from oidc_server.messages.service import enqueue
from oidc_server.users import service
from oidc_server.users.links import Purpose, cancel_links
from oidc_server.users.models import Closure, User
from oidc_server.users.service import check_new_identity, create_user, refusal_of

_BOUND_TO_ADDRESS = (Purpose.VERIFY_EMAIL, Purpose.RESET_PASSWORD, Purpose.INVITATION, Purpose.CHANGE_EMAIL)


def check_names(session: Session, email: str, username: str | None) -> None:
    """Accept an email address and a username for a new account.

    Raises :class:`EmailTaken`, :class:`NameTaken`, :class:`MembersWrong`."""
    try:
        check_new_identity(session, email, username)
    except NotAnEmail as error:
        raise MembersWrong({"email": [str(error)]}) from error
    except NotAUsername as error:
        raise MembersWrong({"username": [str(error)]}) from error
    except service.EmailTaken as error:
        raise EmailTaken from error
    except service.UsernameTaken as error:
        raise NameTaken from error


def make_account(session: Session, body: Mapping[str, Any], *, password_hash: str | None, admin: Actor) -> uuid.UUID:
    """Make an account with the ``email``, ``username``, ``full_name``, ``profile`` and ``is_verified`` of ``body``; its
    id. Without a password the person is invited to set one; with one they are asked to confirm an unknown address.

    Raises :class:`EmailTaken`, :class:`NameTaken`, :class:`MembersWrong`."""
    email, username, verified = body["email"], body.get("username"), body.get("is_verified", False)
    check_names(session, email, username)
    try:
        user = create_user(
            session, actor=admin, email=email, username=username, password_hash=password_hash, verified=verified
        )
    except IntegrityError as error:  # somebody took one of them at the same moment
        raise (NameTaken if "username_key" in str(error.orig) else EmailTaken) from error
    profile = {name: body[name] for name in ("full_name", "profile") if name in body}
    change_account(session, user.id, profile, actor=admin)
    if password_hash is None:
        locale = body.get("profile", {}).get("locale")  # the language of the request is the admin's
        enqueue(session, kind=Kind.INVITATION, user_id=user.id, language=locale)
        record(session, Event.USER_INVITED, actor=admin, subject=str(user.id), user_id=user.id)
    elif not verified:
        enqueue(session, kind=Kind.VERIFY_EMAIL, user_id=user.id)
    return user.id


def change_as_admin(session: Session, user_id: uuid.UUID, changes: Mapping[str, Any], *, actor: Actor) -> None:
    """Change what ``changes`` names: ``email`` and ``is_verified`` beside what the person could change themselves.

    An address that an admin sets is unverified until it is proven, unless ``is_verified`` says that it is. Links that
    were sent to the one before die. Raises :class:`AccountGone`, :class:`EmailTaken`, :class:`NameTaken`,
    :class:`MembersWrong`."""
    user = account_to_change(session, user_id)
    if "email" in changes:
        _change_email(session, user, changes["email"], actor)
    if "is_verified" in changes:
        _change_verified(session, user, changes["is_verified"], actor)
    others = {name: value for name, value in changes.items() if name not in {"email", "is_verified"}}
    change_account(session, user_id, others, actor=actor)


def account_to_change(session: Session, user_id: uuid.UUID) -> User:
    """The account, under a lock. Raises :class:`AccountGone`."""
    user = session.get(User, user_id, with_for_update={"key_share": True})
    if user is None:
        raise AccountGone
    return user


def suspend_another(
    session: Session, user_id: uuid.UUID, *, admin_id: uuid.UUID, until: datetime | None, note: str
) -> None:
    """Suspend an account, or lock it ``until`` an instant, and end all that it has begun.

    Raises :class:`AccountGone`, :class:`OwnAccount`, :class:`LastAdmin`, and :class:`MembersWrong` when ``until`` is
    over."""
    if until is not None and until <= clock.now():
        raise MembersWrong({"until": ["Has to be in the future."]})
    user = _account_of_another(session, user_id, admin_id)
    suspend_account(session, user, actor=Actor("user", str(admin_id)), until=until, note=note)


def close_another(session: Session, user_id: uuid.UUID, *, admin_id: uuid.UUID, grace: timedelta) -> datetime:
    """Close an account as its owner would: all that it has begun ends, and it is erased after ``grace`` unless the
    person signs in before; when that will be. Doing it twice is doing it once.

    Raises :class:`AccountGone`, :class:`OwnAccount`, :class:`LastAdmin`."""
    _account_of_another(session, user_id, admin_id)
    if (closure := session.get(Closure, user_id)) is not None:
        return closure.erase_at
    return close_account(session, user_id, actor=Actor("user", str(admin_id)), grace=grace)


def _account_of_another(session: Session, user_id: uuid.UUID, admin_id: uuid.UUID) -> User:
    """The account, locked, when it is not the admin's own and another active admin remains. All admins are locked in
    one order: this closes the race of two who suspend each other at the same moment, and leave nobody."""
    if user_id == admin_id:
        raise OwnAccount
    now = clock.now()
    admins = session.execute(
        select(User.id, User.suspended_at, User.locked_until)
        .where(User.superuser_since.is_not(None))
        .order_by(User.id)
        .with_for_update(key_share=True)
    ).all()
    active = {row.id for row in admins if refusal_of(row.suspended_at, row.locked_until, now) is None}
    if active <= {user_id}:
        raise LastAdmin
    return account_to_change(session, user_id)


def _change_email(session: Session, user: User, email: str, admin: Actor) -> None:
    try:
        key = email_key(email)
    except NotAnEmail as error:
        raise MembersWrong({"email": [str(error)]}) from error
    if (user.email, user.email_key) == (email, key):
        return
    if session.scalar(select(User.id).where(User.email_key == key, User.id != user.id)) is not None:
        raise EmailTaken
    if key != user.email_key:
        user.email_verified_at = None
        cancel_links(session, user.id, _BOUND_TO_ADDRESS)
    user.email, user.email_key, user.updated_at = email, key, clock.now()
    try:
        session.flush()
    except IntegrityError as error:  # somebody took it at the same moment
        raise EmailTaken from error
    # The addresses are not kept: the audit log cannot forget, and a person may want to be forgotten.
    record(session, Event.USER_EMAIL_CHANGED, actor=admin, subject=str(user.id), user_id=user.id)


def _change_verified(session: Session, user: User, verified: bool, admin: Actor) -> None:
    if verified == (user.email_verified_at is not None):
        return
    user.email_verified_at = clock.now() if verified else None
    user.updated_at = clock.now()
    record(
        session, Event.USER_UPDATED, actor=admin, subject=str(user.id), user_id=user.id,
        detail={"changed": ["is_verified"]},
    )  # fmt: skip
