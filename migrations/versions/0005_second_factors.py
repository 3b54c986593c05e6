"""Second factors: what people have enrolled, what they are asked for, and what the policy says of accounts and
clients."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
_OF_USERS: dict[str, Any] = {
    "second_factors": JSON,
    "second_factors_changed_at": INSTANT,
    "second_factor_due_at": INSTANT,
    "second_factor_forced_at": INSTANT,
    "password_set_by_mail_at": INSTANT,
    "mfa_policy": JSON,
}


def upgrade() -> None:
    for name, kind in _OF_USERS.items():
        op.add_column("users", sa.Column(name, kind, nullable=True))
    op.add_column("clients", sa.Column("mfa_policy", JSON, nullable=True))
    _make_methods()
    _make_webauthn_credentials()
    _make_recovery_codes()
    _make_sent_codes()
    _make_pending_logins()
    _make_trusted_devices()
    _make_used_challenges()


def _id(table: str) -> tuple[sa.Column[object], sa.PrimaryKeyConstraint]:
    return sa.Column("id", sa.Uuid(), nullable=False), sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}"))


def _of(
    table: str, column: str, other: str, kind: sa.types.TypeEngine[Any], *, nullable: bool = False
) -> tuple[sa.Column[object], sa.ForeignKeyConstraint]:
    """A column that names a row of another table, and goes with it."""
    owner, _, key = other.partition(".")
    name = op.f(f"fk_{table}_{column}_{owner}")
    return (
        sa.Column(column, kind, nullable=nullable),
        sa.ForeignKeyConstraint([column], [f"{owner}.{key}"], name=name, ondelete="CASCADE"),
    )


def _index(table: str, *names: str) -> None:
    for name in names:
        op.create_index(op.f(f"ix_{table}_{name}"), table, [name])


def _make_methods() -> None:
    table = "mfa_methods"
    op.create_table(
        table,
        *_id(table),
        *_of(table, "user_id", "users.id", sa.Uuid()),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("totp_secret", sa.Text(), nullable=True),
        sa.Column("totp_last_step", sa.BigInteger(), nullable=True),
        sa.Column("phone_number", sa.String(length=32), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=True),
        sa.Column("confirmed_at", INSTANT, nullable=True),
        sa.Column("last_used_at", INSTANT, nullable=True),
        sa.CheckConstraint("kind IN ('totp', 'email', 'sms', 'webauthn')", name=op.f("ck_mfa_methods_kind")),
        sa.CheckConstraint(
            "(kind = 'totp') = (totp_secret IS NOT NULL)", name=op.f("ck_mfa_methods_totp_has_a_secret")
        ),
        sa.CheckConstraint("(kind = 'sms') = (phone_number IS NOT NULL)", name=op.f("ck_mfa_methods_sms_has_a_number")),
    )
    _index(table, "user_id", "expires_at")


def _make_webauthn_credentials() -> None:
    table = "webauthn_credentials"
    op.create_table(
        table,
        *_of(table, "method_id", "mfa_methods.id", sa.Uuid()),
        sa.Column("credential_id", sa.LargeBinary(length=1023), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("transports", JSON, nullable=False),
        sa.Column("aaguid", sa.String(length=36), nullable=False),
        sa.Column("discoverable", sa.Boolean(), nullable=False),
        sa.Column("backup_eligible", sa.Boolean(), nullable=False),
        sa.Column("backed_up", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("method_id", name=op.f("pk_webauthn_credentials")),
        sa.UniqueConstraint("credential_id", name=op.f("uq_webauthn_credentials_credential_id")),
    )


def _make_recovery_codes() -> None:
    table = "mfa_recovery_codes"
    op.create_table(
        table,
        *_id(table),
        *_of(table, "user_id", "users.id", sa.Uuid()),
        sa.Column("selector", sa.String(length=8), nullable=False),
        sa.Column("code_hash", sa.String(length=255), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("used_at", INSTANT, nullable=True),
        sa.UniqueConstraint("user_id", "selector", name=op.f("uq_mfa_recovery_codes_user_id_selector")),
    )


def _make_sent_codes() -> None:
    table = "mfa_sent_codes"
    op.create_table(
        table,
        *_id(table),
        *_of(table, "method_id", "mfa_methods.id", sa.Uuid()),
        sa.Column("bound_to", sa.String(length=100), nullable=False),
        sa.Column("sent_to", sa.String(length=320), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("used_at", INSTANT, nullable=True),
        sa.Column("cancelled_at", INSTANT, nullable=True),
    )
    _index(table, "method_id", "expires_at")


def _make_pending_logins() -> None:
    table = "mfa_pending_logins"
    op.create_table(
        table,
        *_id(table),
        *_of(table, "user_id", "users.id", sa.Uuid()),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        *_of(table, "client_id", "clients.client_id", sa.String(length=64), nullable=True),
        sa.Column("request", JSON, nullable=False),
        sa.Column("amr", JSON, nullable=False),
        sa.Column("password_changed_at", INSTANT, nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("used_at", INSTANT, nullable=True),
        sa.CheckConstraint("channel IN ('page', 'token', 'api')", name=op.f("ck_mfa_pending_logins_channel")),
        sa.UniqueConstraint("digest", name=op.f("uq_mfa_pending_logins_digest")),
    )
    _index(table, "user_id", "client_id", "expires_at")


def _make_trusted_devices() -> None:
    table = "mfa_trusted_devices"
    op.create_table(
        table,
        *_id(table),
        *_of(table, "user_id", "users.id", sa.Uuid()),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("previous_digest", sa.LargeBinary(length=32), nullable=True),
        sa.Column("replaced_at", INSTANT, nullable=True),
        sa.Column("user_agent", sa.String(length=255), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("last_used_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.UniqueConstraint("digest", name=op.f("uq_mfa_trusted_devices_digest")),
        sa.UniqueConstraint("previous_digest", name=op.f("uq_mfa_trusted_devices_previous_digest")),
    )
    _index(table, "user_id", "expires_at")


def _make_used_challenges() -> None:
    table = "webauthn_used_challenges"
    op.create_table(
        table,
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_webauthn_used_challenges")),
    )
    _index(table, "expires_at")


def what_forbids_downgrade(connection: sa.Connection) -> str | None:
    """The version before would let people in without what was promised to be asked of them."""
    if connection.scalar(sa.text("SELECT count(*) FROM mfa_methods WHERE confirmed_at IS NOT NULL")):
        return "somebody has a second factor, and an older version would not ask for it"
    for table in ("users", "clients"):
        if connection.scalar(sa.text(f"SELECT count(*) FROM {table} WHERE mfa_policy IS NOT NULL")):  # noqa: S608
            return f"the table {table} has a policy for second factors, and an older version would not keep it"
    return None


def downgrade() -> None:
    for table in (
        "webauthn_used_challenges", "mfa_trusted_devices", "mfa_pending_logins", "mfa_sent_codes",
        "mfa_recovery_codes", "webauthn_credentials", "mfa_methods",
    ):  # fmt: skip
        op.drop_table(table)
    with op.batch_alter_table("clients") as clients:
        clients.drop_column("mfa_policy")
    with op.batch_alter_table("users") as users:
        for name in reversed(_OF_USERS):
            users.drop_column(name)
