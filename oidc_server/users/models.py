"""The user and what proves them."""

from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from oidc_server.core.database import Base, Instant, OptionalInstant, RowId


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
