"""The authorization, its refresh tokens, and the deny list of single access tokens."""

import uuid

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.orm import Mapped, mapped_column

from oidc_server.core.database import Base, Instant, JsonColumn, JsonObject, OptionalInstant, RowId, StringList


class Authorization(Base):
    """One act of granting: this client may act for this user, with this scope, until it is revoked or ends.

    ``claims`` are those asked for one by one, by where they go: ``{"userinfo": [...], "id_token": [...]}`` (OpenID
    Connect Core §5.5). ``offline``: it outlives the session in which it was granted (§11). ``auth_time``, ``amr`` and
    ``acr`` say how the person had signed in by then, whatever they do in the session later (§12.2)."""

    __tablename__ = "authorizations"

    id: Mapped[RowId]
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.client_id", ondelete="CASCADE"), index=True)
    user_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("users.id", ondelete="CASCADE"), index=True)
    session_id: Mapped[uuid.UUID | None] = mapped_column(
        Uuid, ForeignKey("sessions.id", ondelete="SET NULL"), index=True
    )
    scope: Mapped[str] = mapped_column(Text)
    resource: Mapped[StringList]
    claims: Mapped[JsonObject]
    offline: Mapped[bool] = mapped_column(Boolean, default=False)
    auth_time: Mapped[OptionalInstant]
    amr: Mapped[list[str] | None] = mapped_column(JsonColumn)
    acr: Mapped[str | None] = mapped_column(String(64))
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


class AuthorizationCode(Base):
    """A code and everything it is bound to (RFC 6749 §4.1.2, RFC 7636 §4.4).

    By ``code_challenge`` and ``nonce_digest`` a client is found out that always sends the same."""

    __tablename__ = "authorization_codes"
    __table_args__ = (
        UniqueConstraint("digest"),
        Index(None, "authorization_id"),
        Index(None, "code_challenge"),
        Index(None, "nonce_digest"),
        Index(None, "expires_at"),
    )

    id: Mapped[RowId]
    authorization_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("authorizations.id", ondelete="CASCADE"))
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    redirect_uri: Mapped[str] = mapped_column(Text)
    code_challenge: Mapped[str | None] = mapped_column(String(43))
    nonce: Mapped[str | None] = mapped_column(Text)
    nonce_digest: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    created_at: Mapped[Instant]
    expires_at: Mapped[Instant]
    used_at: Mapped[OptionalInstant]


class Consent(Base):
    """What a person has allowed a client, remembered: every scope, and every claim asked for by itself."""

    __tablename__ = "consents"

    user_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    client_id: Mapped[str] = mapped_column(
        ForeignKey("clients.client_id", ondelete="CASCADE"), primary_key=True, index=True
    )
    scope: Mapped[str] = mapped_column(Text)
    claims: Mapped[StringList]
    granted_at: Mapped[Instant]


class Interaction(Base):
    """A validated authorization request that waits for a person, bound to the browser that brought it.

    What pages send back can add the facts below, and never change the request."""

    __tablename__ = "interactions"

    id: Mapped[RowId]
    browser_digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.client_id", ondelete="CASCADE"), index=True)
    request: Mapped[JsonObject]
    session_id: Mapped[uuid.UUID | None] = mapped_column(
        Uuid, ForeignKey("sessions.id", ondelete="CASCADE"), index=True
    )
    account_chosen_at: Mapped[OptionalInstant]
    another_account_wanted_at: Mapped[OptionalInstant]
    consented_at: Mapped[OptionalInstant]
    denied_at: Mapped[OptionalInstant]
    created_at: Mapped[Instant]
    expires_at: Mapped[Instant] = mapped_column(index=True)
    used_at: Mapped[OptionalInstant]


class RevokedAccessToken(Base):
    """An access token that was revoked by itself (RFC 7009); the row ends when the token would have."""

    __tablename__ = "revoked_access_tokens"

    jti: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_at: Mapped[Instant] = mapped_column(index=True)
