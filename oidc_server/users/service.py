"""Making, finding, and suspending users."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from oidc_server.audit.catalogue import Event
from oidc_server.audit.service import Actor, record
from oidc_server.core import clock
from oidc_server.core.errors import Reason
from oidc_server.core.identity import NotAnEmail, NotAUsername, email_key, parse_id, username_key
from oidc_server.users.models import User

_EMAIL_CHARACTERS = 320
_USERNAME_CHARACTERS = 64


class EmailTaken(Exception):
    """Another account has this email address."""


class UsernameTaken(Exception):
    """Another account has this username."""


def check_new_identity(session: Session, email: str, username: str | None) -> tuple[str, str | None]:
    """The keys of an email address and a username that no account has yet.

    Raises :class:`EmailTaken`, :class:`UsernameTaken`, ``NotAnEmail``, ``NotAUsername``."""
    # What was typed is kept too, and may be longer than its normal form.
    if len(email) > _EMAIL_CHARACTERS:
        raise NotAnEmail("an address has at most 254 characters")
    if username is not None and len(username) > _USERNAME_CHARACTERS:
        raise NotAUsername(NotAUsername.__doc__)
    key = email_key(email)
    name_key = username_key(username) if username is not None else None
    if session.scalar(select(User.id).where(User.email_key == key)) is not None:
        raise EmailTaken(email)
    if name_key and session.scalar(select(User.id).where(User.username_key == name_key)) is not None:
        raise UsernameTaken(username)
    return key, name_key


def create_user(
    session: Session,
    *,
    actor: Actor,
    email: str,
    username: str | None = None,
    password_hash: str | None = None,
    verified: bool = False,
    superuser: bool = False,
) -> User:
    """Add an account. Raises :class:`EmailTaken`, :class:`UsernameTaken`, ``NotAnEmail``, ``NotAUsername``."""
    now = clock.now()
    key, name_key = check_new_identity(session, email, username)
    user = User(
        email=email,
        email_key=key,
        email_verified_at=now if verified else None,
        username=username,
        username_key=name_key,
        password_hash=password_hash,
        password_changed_at=now if password_hash else None,
        superuser_since=now if superuser else None,
        created_at=now,
        updated_at=now,
    )
    session.add(user)
    session.flush()
    record(
        session, Event.USER_CREATED, actor=actor, subject=str(user.id), user_id=user.id,
        detail={"verified": verified, "superuser": superuser},
    )  # fmt: skip
    return user


def find_user(session: Session, identifier: str) -> User | None:
    """The user whose id, email address or username this is, however it is written."""
    identity = parse_id(identifier)
    if identity is not None:
        return session.get(User, identity)
    return find_by_login(session, identifier)


def find_by_login(session: Session, login: str) -> User | None:
    """The user who signs in with this email address or username."""
    condition = login_key(login)
    if condition is None:
        return None
    kind, key = condition
    column = User.email_key if kind == "email" else User.username_key
    return session.scalar(select(User).where(column == key))


def login_key(login: str) -> tuple[str, str] | None:
    """``("email", key)`` or ``("username", key)`` for what a person typed, or None when it can be neither.

    Every spelling of one account gives one key, so that limits count them together."""
    try:
        return ("email", email_key(login.strip())) if "@" in login else ("username", username_key(login.strip()))
    except (NotAnEmail, NotAUsername):
        return None


def list_users(session: Session, *, limit: int, after: uuid.UUID | None = None) -> Sequence[User]:
    """Users by age, ``limit`` at most, those made after the one with the id ``after``."""
    query = select(User).order_by(User.id).limit(limit)
    if after is not None:
        query = query.where(User.id > after)
    return session.scalars(query).all()


def refusal_of(suspended_at: datetime | None, locked_until: datetime | None, now: datetime) -> Reason | None:
    """Why a user in this state may not get a token, or None when they may."""
    if suspended_at is not None:
        return Reason.USER_SUSPENDED
    if locked_until is not None and locked_until > now:
        return Reason.USER_LOCKED
    return None


def suspend(session: Session, user: User, *, actor: Actor, until: datetime | None = None, note: str = "") -> None:
    """Suspend the account, or lock it ``until`` an instant; ``note`` says why, and is kept with the account. Its
    sessions and authorizations are the caller's to end."""
    if until is None:
        user.suspended_at = clock.now()
    else:
        user.locked_until = until
    user.suspension_note = note or None
    user.updated_at = clock.now()
    detail = {"until": until.isoformat() if until else None, "note": note}
    record(session, Event.USER_SUSPENDED, actor=actor, subject=str(user.id), user_id=user.id, detail=detail)


def activate(session: Session, user: User, *, actor: Actor, note: str = "") -> None:
    """End a suspension and a lock; ``note`` says why."""
    user.suspended_at = user.locked_until = user.suspension_note = None
    user.updated_at = clock.now()
    detail = {"note": note}
    record(session, Event.USER_ACTIVATED, actor=actor, subject=str(user.id), user_id=user.id, detail=detail)


def unlock(session: Session, user: User, *, actor: Actor, note: str = "") -> None:
    """End a lock, and leave a suspension; ``note`` says why."""
    user.locked_until = None
    if user.suspended_at is None:
        user.suspension_note = None
    user.updated_at = clock.now()
    detail = {"note": note}
    record(session, Event.USER_UNLOCKED, actor=actor, subject=str(user.id), user_id=user.id, detail=detail)


def upgrade_password_hash(session: Session, user_id: uuid.UUID, old: str, new: str) -> None:
    """Replace a hash of an older scheme, unless the password changed meanwhile."""
    user = session.get(User, user_id, with_for_update=True)
    if user is not None and user.password_hash == old:
        user.password_hash = new
        record(
            session,
            Event.USER_PASSWORD_UPGRADED,
            actor=Actor("user", str(user_id)),
            subject=str(user_id),
            user_id=user_id,
        )
