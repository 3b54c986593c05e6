"""Second factors: what people have enrolled, what they are being asked for, and what was used up."""

import uuid

from sqlalchemy import (
    BigInteger,
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

from oidc_server.core.database import Base, Instant, JsonObject, OptionalInstant, RowId, StringList


class Method(Base):
    """A second factor of a person: one authenticator app, phone, address or security key. Until ``confirmed_at`` it is
    only being set up, which ends at ``expires_at``, and it is good for nothing else.

    ``position`` orders a person's methods: the first one is asked for. ``totp_secret`` is sealed; ``totp_last_step`` is
    the newest time step that was used (RFC 6238 §5.2). ``phone_number`` is that of an SMS method, in E.164."""

    __tablename__ = "mfa_methods"
    __table_args__ = (
        CheckConstraint("kind IN ('totp', 'email', 'sms', 'webauthn')", name="kind"),
        CheckConstraint("(kind = 'totp') = (totp_secret IS NOT NULL)", name="totp_has_a_secret"),
        CheckConstraint("(kind = 'sms') = (phone_number IS NOT NULL)", name="sms_has_a_number"),
        Index(None, "user_id"),
        Index(None, "expires_at"),
    )

    id: Mapped[RowId]
    user_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("users.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(100))
    position: Mapped[int] = mapped_column(Integer)
    totp_secret: Mapped[str | None] = mapped_column(Text)
    totp_last_step: Mapped[int | None] = mapped_column(BigInteger)
    phone_number: Mapped[str | None] = mapped_column(String(32))
    created_at: Mapped[Instant]
    expires_at: Mapped[OptionalInstant]
    confirmed_at: Mapped[OptionalInstant]
    last_used_at: Mapped[OptionalInstant]


class WebauthnCredential(Base):
    """The public key of a ``webauthn`` method (Web Authentication Level 3 §4, credential record)."""

    __tablename__ = "webauthn_credentials"
    __table_args__ = (UniqueConstraint("credential_id"),)

    method_id: Mapped[uuid.UUID] = mapped_column(
        Uuid, ForeignKey("mfa_methods.id", ondelete="CASCADE"), primary_key=True
    )
    credential_id: Mapped[bytes] = mapped_column(LargeBinary(1023))
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(BigInteger)
    transports: Mapped[StringList]
    aaguid: Mapped[str] = mapped_column(String(36))
    discoverable: Mapped[bool] = mapped_column(Boolean)
    backup_eligible: Mapped[bool] = mapped_column(Boolean)
    backed_up: Mapped[bool] = mapped_column(Boolean)


class RecoveryCode(Base):
    """One of a person's recovery codes. ``selector`` is the part of it that finds the row, so that only one hash has to
    be computed; ``code_hash`` is that of the whole code."""

    __tablename__ = "mfa_recovery_codes"
    __table_args__ = (UniqueConstraint("user_id", "selector"),)

    id: Mapped[RowId]
    user_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("users.id", ondelete="CASCADE"))
    selector: Mapped[str] = mapped_column(String(8))
    code_hash: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[Instant]
    used_at: Mapped[OptionalInstant]


class SentCode(Base):
    """A code that was sent by mail or SMS. It is derived from the row's id and a key of the server, so that the table
    does not tell it. ``bound_to`` says for what it is good: for one enrolment, pending login or session."""

    __tablename__ = "mfa_sent_codes"
    __table_args__ = (Index(None, "method_id"), Index(None, "expires_at"))

    id: Mapped[RowId]
    method_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("mfa_methods.id", ondelete="CASCADE"))
    bound_to: Mapped[str] = mapped_column(String(100))
    # The address or number that it was sent to, as it is compared: the code dies when that is replaced.
    sent_to: Mapped[str] = mapped_column(String(320))
    created_at: Mapped[Instant]
    expires_at: Mapped[Instant]
    used_at: Mapped[OptionalInstant]
    cancelled_at: Mapped[OptionalInstant]


class PendingLogin(Base):
    """A login that still owes a second factor: who has proven the password, where, and for what. Whoever holds the
    secret, of which the digest is here, can finish it, once; nothing else can be done with it.

    ``channel`` is ``page``, ``token`` or ``api``: a login that began on one is finished there. ``client_id`` is the
    client that asked, ``request`` what it asked for. ``password_changed_at`` is that of the account then."""

    __tablename__ = "mfa_pending_logins"
    __table_args__ = (
        UniqueConstraint("digest"),
        CheckConstraint("channel IN ('page', 'token', 'api')", name="channel"),
        Index(None, "user_id"),
        Index(None, "expires_at"),
    )

    id: Mapped[RowId]
    user_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("users.id", ondelete="CASCADE"))
    channel: Mapped[str] = mapped_column(String(8))
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    client_id: Mapped[str | None] = mapped_column(ForeignKey("clients.client_id", ondelete="CASCADE"), index=True)
    request: Mapped[JsonObject]
    amr: Mapped[StringList]
    password_changed_at: Mapped[OptionalInstant]
    created_at: Mapped[Instant]
    expires_at: Mapped[Instant]
    used_at: Mapped[OptionalInstant]


class TrustedDevice(Base):
    """A browser in which the second factor was given and need not be given again until ``expires_at``. Its secret is
    replaced at each use, so that a copy of the cookie is found out."""

    __tablename__ = "mfa_trusted_devices"
    __table_args__ = (
        UniqueConstraint("digest"),
        UniqueConstraint("previous_digest"),
        Index(None, "user_id"),
        Index(None, "expires_at"),
    )

    id: Mapped[RowId]
    user_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("users.id", ondelete="CASCADE"))
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    previous_digest: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    replaced_at: Mapped[OptionalInstant]
    user_agent: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[Instant]
    last_used_at: Mapped[Instant]
    expires_at: Mapped[Instant]


class UsedChallenge(Base):
    """The challenge of a WebAuthn ceremony that succeeded, kept until it would have expired: nobody uses it again."""

    __tablename__ = "webauthn_used_challenges"

    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    expires_at: Mapped[Instant] = mapped_column(index=True)
