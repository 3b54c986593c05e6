"""The authorization, its refresh tokens, and the deny list of single access tokens."""

import uuid

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, LargeBinary, String, Text, UniqueConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from oidc_server.core.database import Base, Instant, OptionalInstant, RowId, StringList


class Authorization(Base):
    """One act of granting: this client may act for this user, with this scope, until it is revoked or ends."""

    __tablename__ = "authorizations"

    id: Mapped[RowId]
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.client_id", ondelete="CASCADE"), index=True)
    user_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("users.id", ondelete="CASCADE"), index=True)
    session_id: Mapped[uuid.UUID | None] = mapped_column(
        Uuid, ForeignKey("sessions.id", ondelete="SET NULL"), index=True
    )
    scope: Mapped[str] = mapped_column(Text)
    resource: Mapped[StringList]
    created_at: Mapped[Instant]
    expires_at: Mapped[Instant] = mapped_column(index=True)
    revoked_at: Mapped[OptionalInstant]
    revoked_reason: Mapped[str | None] = mapped_column(String(32))


class RefreshToken(Base):
    """One link in an authorization's chain of refresh tokens; ``generation`` counts them from 0.

    ``scope`` and ``resource`` are what was asked for when this token was made, so that a retry can be told from another
    request."""

    __tablename__ = "refresh_tokens"
    __table_args__ = (
        # Two successors of one token cannot exist, whatever the code above does.
        UniqueConstraint("authorization_id", "generation"),
        UniqueConstraint("digest"),
        CheckConstraint("generation >= 0", name="generation_not_negative"),
        Index(None, "expires_at"),
        Index(None, "created_at"),
    )

    id: Mapped[RowId]
    authorization_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("authorizations.id", ondelete="CASCADE"))
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    generation: Mapped[int] = mapped_column(Integer)
    scope: Mapped[str] = mapped_column(Text)
    resource: Mapped[StringList]
    created_at: Mapped[Instant]
    expires_at: Mapped[Instant]
    used_at: Mapped[OptionalInstant]


class RevokedAccessToken(Base):
    """An access token that was revoked by itself (RFC 7009); the row ends when the token would have."""

    __tablename__ = "revoked_access_tokens"

    jti: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_at: Mapped[Instant] = mapped_column(index=True)
