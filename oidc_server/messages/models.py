"""What has to be told to somebody, written in the transaction of the fact and sent later by the worker."""

import uuid

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, String, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from oidc_server.core.database import Base, Instant, JsonObject, OptionalInstant, RowId


class Message(Base):
    """One message. It holds no text and no secret: both are made when it is sent, from the state of that moment.

    ``recipient`` is the address as it was typed where no account was looked up. ``next_attempt_at`` is NULL when
    nothing is left to do: it was sent, or dropped because there was nothing to tell or nobody took it."""

    __tablename__ = "messages"
    __table_args__ = (
        CheckConstraint("channel IN ('mail', 'sms')", name="channel"),
        Index(None, "next_attempt_at"),
        Index(None, "created_at"),
    )

    id: Mapped[RowId]
    channel: Mapped[str] = mapped_column(String(8), default="mail")
    kind: Mapped[str] = mapped_column(String(32))
    user_id: Mapped[uuid.UUID | None] = mapped_column(Uuid, ForeignKey("users.id", ondelete="CASCADE"), index=True)
    recipient: Mapped[str | None] = mapped_column(String(320))
    language: Mapped[str | None] = mapped_column(String(35))
    parameters: Mapped[JsonObject]
    created_at: Mapped[Instant]
    next_attempt_at: Mapped[OptionalInstant]
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    sent_at: Mapped[OptionalInstant]
    dropped_at: Mapped[OptionalInstant]
    last_error: Mapped[str | None] = mapped_column(String(200))
