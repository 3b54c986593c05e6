"""The table of the ``database`` key store: private keys sealed under the master key."""

import uuid

from sqlalchemy import CheckConstraint, String, Text, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from oidc_server.core.database import Base, Instant, OptionalInstant
from oidc_server.core.identity import new_id
from oidc_server.core.settings_checks import SIGNING_ALGORITHMS

_ALGORITHMS = ", ".join(f"'{alg}'" for alg in SIGNING_ALGORITHMS)


class SigningKeyRow(Base):
    """One key and its instants. ``revision`` is new with every write: processes look at it alone to see a change."""

    __tablename__ = "signing_keys"
    __table_args__ = (
        CheckConstraint(f"alg IN ({_ALGORITHMS})", name="alg_known"),
        CheckConstraint("activates_at >= published_at", name="published_before_it_activates"),
        CheckConstraint("retires_at >= activates_at", name="activates_before_it_retires"),
        CheckConstraint("removed_at >= retires_at", name="retires_before_it_is_removed"),
    )

    kid: Mapped[str] = mapped_column(String(64), primary_key=True)
    alg: Mapped[str] = mapped_column(String(16))
    sealed_private_key: Mapped[str] = mapped_column(Text)
    published_at: Mapped[Instant]
    activates_at: Mapped[OptionalInstant]
    retires_at: Mapped[OptionalInstant]
    removed_at: Mapped[OptionalInstant]
    revoked_at: Mapped[OptionalInstant]
    first_activated_at: Mapped[OptionalInstant]
    revision: Mapped[uuid.UUID] = mapped_column(Uuid, default=new_id)
