"""The login session: one act of proving who one is, on one device; and the epochs that end all of them at once."""

import uuid

from sqlalchemy import ForeignKey, String, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from oidc_server.core.database import Base, Instant, OptionalInstant, RowId, StringList


class LoginSession(Base):
    """A session; its id is the ``sid`` of ID and access tokens."""

    __tablename__ = "sessions"

    id: Mapped[RowId]
    user_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("users.id", ondelete="CASCADE"), index=True)
    auth_time: Mapped[Instant]
    amr: Mapped[StringList]
    acr: Mapped[str] = mapped_column(String(64))
    user_agent: Mapped[str | None] = mapped_column(String(255))
    address: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[Instant]
    expires_at: Mapped[Instant] = mapped_column(index=True)
    ended_at: Mapped[OptionalInstant]


class Epoch(Base):
    """What began before an epoch did has ended: nobody can tell any more what of it had been revoked."""

    __tablename__ = "epochs"

    id: Mapped[RowId]
    began_at: Mapped[Instant]
    created_at: Mapped[Instant]
