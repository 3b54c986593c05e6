"""The client, under the metadata names of RFC 7591, and the secrets and assertions it authenticates with."""

from typing import Any

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from oidc_server.core.database import Base, Instant, JsonColumn, OptionalInstant, RowId, StringList


class Client(Base):
    """An OAuth client (RFC 6749 §2). ``scope`` is what it may ask for, ``resources`` which audiences (RFC 8707)."""

    __tablename__ = "clients"
    __table_args__ = (
        CheckConstraint("client_type IN ('confidential', 'public', 'service')", name="client_type"),
        CheckConstraint(
            "(client_type = 'public') = (token_endpoint_auth_method = 'none')", name="public_means_no_authentication"
        ),
    )

    client_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    client_name: Mapped[str] = mapped_column(String(200))
    client_type: Mapped[str] = mapped_column(String(16))
    token_endpoint_auth_method: Mapped[str] = mapped_column(String(32))
    grant_types: Mapped[StringList]
    response_types: Mapped[StringList]
    redirect_uris: Mapped[StringList]
    resources: Mapped[StringList]
    scope: Mapped[str] = mapped_column(Text, default="")
    jwks: Mapped[dict[str, Any] | None] = mapped_column(JsonColumn)
    id_token_signed_response_alg: Mapped[str | None] = mapped_column(String(16))
    first_party: Mapped[bool] = mapped_column(Boolean, default=False)
    created_at: Mapped[Instant]
    updated_at: Mapped[Instant]
    disabled_at: Mapped[OptionalInstant]

    secrets: Mapped[list["ClientSecret"]] = relationship(
        cascade="all, delete-orphan", order_by="ClientSecret.created_at", passive_deletes=True
    )


class ClientSecret(Base):
    """One of a client's secrets, as a digest; a client has several while it rotates."""

    __tablename__ = "client_secrets"

    id: Mapped[RowId]
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.client_id", ondelete="CASCADE"), index=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    created_at: Mapped[Instant]
    expires_at: Mapped[OptionalInstant]


class UsedAssertion(Base):
    """The ``jti`` of a client assertion that was used (RFC 7523 §3), kept until the assertion has expired."""

    __tablename__ = "used_client_assertions"

    client_id: Mapped[str] = mapped_column(ForeignKey("clients.client_id", ondelete="CASCADE"), primary_key=True)
    jti_digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    expires_at: Mapped[Instant] = mapped_column(index=True)
