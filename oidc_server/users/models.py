"""The user and what proves them."""

import uuid

from sqlalchemy import CheckConstraint, ForeignKey, String, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from oidc_server.core.database import Base, Instant, JsonObject, OptionalInstant, RowId


class User(Base):
    """A person with an account. ``email`` and ``username`` are what they typed; the keys are what is compared."""

    __tablename__ = "users"
    __table_args__ = (CheckConstraint("email_key <> ''", name="email_key_not_empty"),)

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
    locked_until: Mapped[OptionalInstant]
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
    updated_at: Mapped[Instant]
