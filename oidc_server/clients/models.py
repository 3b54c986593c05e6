"""The client, under the metadata names of RFC 7591, and the secrets and assertions it authenticates with."""

from typing import Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    select,
)
from sqlalchemy.orm import Mapped, column_property, mapped_column, relationship

from oidc_server.core.database import Base, Instant, JsonColumn, OptionalInstant, OptionalJsonColumn, RowId, StringList

URI_CHARACTERS = 2000


class ClientLogo(Base):
    """Our copy of a client's logo, so that no page asks another site for it. ``digest`` ends its address."""

    __tablename__ = "client_logos"
    __table_args__ = (
        CheckConstraint("media_type IN ('image/png', 'image/webp', 'image/jpeg')", name="media_type"),
        CheckConstraint("length(image) <= 65536", name="image_size"),
    )

    client_id: Mapped[str] = mapped_column(ForeignKey("clients.client_id", ondelete="CASCADE"), primary_key=True)
    media_type: Mapped[str] = mapped_column(String(16))
    # Whoever wants the bytes asks for them by name: nothing loads them by accident.
    image: Mapped[bytes] = mapped_column(LargeBinary, deferred=True, deferred_raiseload=True)
    digest: Mapped[str] = mapped_column(String(22))
    updated_at: Mapped[Instant]


class Client(Base):
    """An OAuth client (RFC 6749 §2). ``scope`` is what it may ask for, ``resources`` which audiences (RFC 8707)."""

    __tablename__ = "clients"
    __table_args__ = (
        CheckConstraint("client_type IN ('confidential', 'public', 'service')", name="client_type"),
        CheckConstraint(
            "(client_type = 'public') = (token_endpoint_auth_method = 'none')", name="public_means_no_authentication"
        ),
        CheckConstraint("subject_type IN ('public', 'pairwise')", name="subject_type"),
        CheckConstraint(
            "(subject_type = 'pairwise') = (sector_identifier IS NOT NULL)", name="pairwise_means_a_sector"
        ),
        CheckConstraint("client_type <> 'public' OR require_pkce", name="public_means_pkce"),
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
    userinfo_signed_response_alg: Mapped[str | None] = mapped_column(String(16))
    post_logout_redirect_uris: Mapped[StringList]
    subject_type: Mapped[str] = mapped_column(String(8), default="public")
    sector_identifier: Mapped[str | None] = mapped_column(ForeignKey("pairwise_sectors.sector_identifier"))
    default_max_age: Mapped[int | None] = mapped_column(Integer)
    require_pkce: Mapped[bool] = mapped_column(Boolean, default=True)
    client_uri: Mapped[str | None] = mapped_column(String(URI_CHARACTERS))
    policy_uri: Mapped[str | None] = mapped_column(String(URI_CHARACTERS))
    tos_uri: Mapped[str | None] = mapped_column(String(URI_CHARACTERS))
    first_party: Mapped[bool] = mapped_column(Boolean, default=False)
    mfa_policy: Mapped[dict[str, Any] | None] = mapped_column(OptionalJsonColumn)
    created_at: Mapped[Instant]
    updated_at: Mapped[Instant]
    disabled_at: Mapped[OptionalInstant]

    secrets: Mapped[list["ClientSecret"]] = relationship(
        cascade="all, delete-orphan", order_by="ClientSecret.created_at", passive_deletes=True
    )
    sector: Mapped["PairwiseSector | None"] = relationship()
    logo: Mapped[str | None] = column_property(
        select(ClientLogo.digest)
        .where(ClientLogo.client_id == client_id)
        .correlate_except(ClientLogo)
        .scalar_subquery(),
        expire_on_flush=False,
    )


class PairwiseSector(Base):
    """Clients that see the same pairwise subjects (OpenID Connect Core §8.1). Its salt never changes, or they would."""

    __tablename__ = "pairwise_sectors"

    sector_identifier: Mapped[str] = mapped_column(String(255), primary_key=True)
    salt: Mapped[bytes] = mapped_column(LargeBinary(32))
    created_at: Mapped[Instant]


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


class ApiKey(Base):
    """A key that an internal service sends in ``X-API-Key``. It is shown once; here are its digest and, so that people
    can tell keys apart, its first characters. While it is rotated the one before it is good too, for a while."""

    __tablename__ = "api_keys"
    __table_args__ = (UniqueConstraint("digest"), UniqueConstraint("previous_digest"))

    id: Mapped[RowId]
    name: Mapped[str] = mapped_column(String(100))
    prefix: Mapped[str] = mapped_column(String(16))
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    previous_digest: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    previous_expires_at: Mapped[OptionalInstant]
    scope: Mapped[str] = mapped_column(Text)
    networks: Mapped[StringList]
    created_at: Mapped[Instant]
    expires_at: Mapped[OptionalInstant]
    revoked_at: Mapped[OptionalInstant]
    last_used_at: Mapped[OptionalInstant]
