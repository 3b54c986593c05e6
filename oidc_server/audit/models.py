"""The audit table. It is append-only: triggers in the database refuse to change or delete a row."""

import uuid

from sqlalchemy import Index, String, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from oidc_server.core.database import Base, Instant, JsonObject, RowId


class AuditEvent(Base):
    """One security fact: who did what to what, from where, in which request."""

    __tablename__ = "audit_events"
    __table_args__ = (Index(None, "subject_kind", "subject_id", "id"),)

    id: Mapped[RowId]
    occurred_at: Mapped[Instant] = mapped_column(index=True)
    event: Mapped[str] = mapped_column(String(64), index=True)
    actor_kind: Mapped[str] = mapped_column(String(16))
    actor_id: Mapped[str | None] = mapped_column(String(255))
    subject_kind: Mapped[str] = mapped_column(String(32))
    subject_id: Mapped[str] = mapped_column(String(255))
    client_id: Mapped[str | None] = mapped_column(String(255))
    user_id: Mapped[uuid.UUID | None] = mapped_column(Uuid, index=True)
    address: Mapped[str | None] = mapped_column(String(64))
    request_id: Mapped[str | None] = mapped_column(String(64), index=True)
    detail: Mapped[JsonObject]
