"""The user and what proves them."""

import uuid
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, UniqueConstraint, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from oidc_server.core.database import Base, Instant, JsonObject, OptionalInstant, OptionalJsonColumn, RowId

_INACTIVE = "suspended_at IS NOT NULL OR locked_until IS NOT NULL"
_UNVERIFIED = "email_verified_at IS NULL"


class User(Base):
    """A person with an account. ``email`` and ``username`` are what they typed; the keys are what is compared."""

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("email_key <> ''", name="email_key_not_empty"),
        # For searching by the beginning, which the unique indexes serve only under the collation "C".
        Index("ix_users_email_key_prefix", "email_key", postgresql_ops={"email_key": "text_pattern_ops"}),
        Index("ix_users_username_key_prefix", "username_key", postgresql_ops={"username_key": "text_pattern_ops"}),
        # For finding the few among very many.
        Index("ix_users_inactive", "id", postgresql_where=text(_INACTIVE), sqlite_where=text(_INACTIVE)),
        Index("ix_users_unverified", "id", postgresql_where=text(_UNVERIFIED), sqlite_where=text(_UNVERIFIED)),
    )

    id: Mapped[RowId]
    email: Mapped[str] = mapped_column(String(320))
    email_key: Mapped[str] = mapped_column(String(320), unique=True)
    email_verified_at: Mapped[OptionalInstant]
    username: Mapped[str | None] = mapped_column(String(64))
    username_key: Mapped[str | None] = mapped_column(String(64), unique=True)
    password_hash: Mapped[str | None] = mapped_column(String(255))
    password_changed_at: Mapped[OptionalInstant]
    superuser_since: Mapped[OptionalInstant]
    suspended_at: Mapped[OptionalInstant]
    suspension_note: Mapped[str | None] = mapped_column(String(500))
    locked_until: Mapped[OptionalInstant]
    last_login_at: Mapped[OptionalInstant]
    # The kinds of second factors that the person has; kept here, because every token depends on it.
    second_factors: Mapped[list[str] | None] = mapped_column(OptionalJsonColumn)
    second_factors_changed_at: Mapped[OptionalInstant]
    # When whoever has to enrol one and has none is let in no more without; and since when an admin wants it at once.
    second_factor_due_at: Mapped[OptionalInstant]
    second_factor_forced_at: Mapped[OptionalInstant]
    # When the password was last set by a mail alone: then a mail is no second factor.
    password_set_by_mail_at: Mapped[OptionalInstant]
    mfa_policy: Mapped[dict[str, Any] | None] = mapped_column(OptionalJsonColumn)
    created_at: Mapped[Instant]
    updated_at: Mapped[Instant]


class Profile(Base):
    """What a person tells of themselves, under the names of OpenID Connect Core §5.1; None is not told.

    ``address`` has the members of §5.1.1. ``preferred_username`` is the username of the account."""

    __tablename__ = "profiles"

    user_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str | None] = mapped_column(String(200))
    given_name: Mapped[str | None] = mapped_column(String(100))
    family_name: Mapped[str | None] = mapped_column(String(100))
    middle_name: Mapped[str | None] = mapped_column(String(100))
    nickname: Mapped[str | None] = mapped_column(String(100))
    profile: Mapped[str | None] = mapped_column(String(2000))
    picture: Mapped[str | None] = mapped_column(String(2000))
    website: Mapped[str | None] = mapped_column(String(2000))
    gender: Mapped[str | None] = mapped_column(String(50))
    birthdate: Mapped[str | None] = mapped_column(String(10))
    zoneinfo: Mapped[str | None] = mapped_column(String(64))
    locale: Mapped[str | None] = mapped_column(String(35))
    phone_number: Mapped[str | None] = mapped_column(String(32))
    phone_number_verified_at: Mapped[OptionalInstant]
    address: Mapped[JsonObject]
    bio: Mapped[str | None] = mapped_column(String(2000))
    updated_at: Mapped[Instant]


class Preferences(Base):
    """What a person chose for the apps of this deployment, by namespace; this server gives it no meaning."""

    __tablename__ = "preferences"

    user_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    values: Mapped[JsonObject]
    updated_at: Mapped[Instant]


class Closure(Base):
    """An account that its owner has closed: signing in until ``erase_at`` takes it back; then the account is erased."""

    __tablename__ = "closures"

    user_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    closed_at: Mapped[Instant]
    erase_at: Mapped[Instant] = mapped_column(index=True)


class Link(Base):
    """A one-time link in a mail; its secret is known to the mail only, its digest is here.

    ``email`` is the address that the link is about: the one it was sent to, or the one it would bring back.
    ``browser_digest`` names the browser in which the person registered."""

    __tablename__ = "links"
    __table_args__ = (UniqueConstraint("digest"), Index(None, "user_id", "purpose"))

    id: Mapped[RowId]
    user_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("users.id", ondelete="CASCADE"))
    purpose: Mapped[str] = mapped_column(String(32))
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    email: Mapped[str] = mapped_column(String(320))
    email_key: Mapped[str] = mapped_column(String(320))
    browser_digest: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    created_at: Mapped[Instant]
    expires_at: Mapped[Instant] = mapped_column(index=True)
    used_at: Mapped[OptionalInstant]
    cancelled_at: Mapped[OptionalInstant]
