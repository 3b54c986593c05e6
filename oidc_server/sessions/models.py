"""The login session: one act of proving who one is, on one device; and the epochs that end all of them at once."""

import uuid

from sqlalchemy import Boolean, ForeignKey, LargeBinary, String, UniqueConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from oidc_server.core.database import Base, Instant, OptionalInstant, RowId, StringList


class LoginSession(Base):
    """A session; its id is the ``sid`` of ID and access tokens. A browser addresses it by a secret, of which the digest
    is here; one that a form with a password began, at the token endpoint, has none."""

    __tablename__ = "sessions"
    __table_args__ = (UniqueConstraint("secret_digest"),)

    id: Mapped[RowId]
    user_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("users.id", ondelete="CASCADE"), index=True)
    auth_time: Mapped[Instant]
    amr: Mapped[StringList]
    acr: Mapped[str] = mapped_column(String(64))
    user_agent: Mapped[str | None] = mapped_column(String(255))
    address: Mapped[str | None] = mapped_column(String(64))
    device_name: Mapped[str | None] = mapped_column(String(100))
    secret_digest: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    remembered: Mapped[bool] = mapped_column(Boolean, default=False)
    last_seen_at: Mapped[Instant]
    created_at: Mapped[Instant]
    expires_at: Mapped[Instant] = mapped_column(index=True)
    ended_at: Mapped[OptionalInstant]


class Epoch(Base):
    """What began before an epoch did has ended: nobody can tell any more what of it had been revoked."""

    __tablename__ = "epochs"

    id: Mapped[RowId]
    began_at: Mapped[Instant]
    created_at: Mapped[Instant]
