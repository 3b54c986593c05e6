"""Accounts: messages, one-time links, preferences, closures, API keys, and more of people and devices."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_FEW = {
    "inactive": "suspended_at IS NOT NULL OR locked_until IS NOT NULL",
    "unverified": "email_verified_at IS NULL",
}
INSTANT = sa.DateTime(timezone=True)
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.add_column("users", sa.Column("suspension_note", sa.String(length=500), nullable=True))
    op.add_column("users", sa.Column("last_login_at", INSTANT, nullable=True))
    # These take about a second per million of people, in which accounts are read and not written.
    for name in ("email_key", "username_key"):
        op.create_index(f"ix_users_{name}_prefix", "users", [name], postgresql_ops={name: "text_pattern_ops"})
    for name, condition in _FEW.items():
        where = sa.text(condition)
        op.create_index(f"ix_users_{name}", "users", ["id"], postgresql_where=where, sqlite_where=where)
    op.add_column("profiles", sa.Column("bio", sa.String(length=2000), nullable=True))
    op.add_column("sessions", sa.Column("device_name", sa.String(length=100), nullable=True))
    _make_messages()
    _make_links()
    _make_preferences()
    _make_closures()
    _make_api_keys()


def _user_id(table: str, *, nullable: bool = False) -> tuple[sa.Column[object], sa.ForeignKeyConstraint]:
    name = op.f(f"fk_{table}_user_id_users")
    return (
        sa.Column("user_id", sa.Uuid(), nullable=nullable),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=name, ondelete="CASCADE"),
    )


def _make_messages() -> None:
    op.create_table(
        "messages",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        *_user_id("messages", nullable=True),
        sa.Column("recipient", sa.String(length=320), nullable=True),
        sa.Column("language", sa.String(length=35), nullable=True),
        sa.Column("parameters", JSON, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("next_attempt_at", INSTANT, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("sent_at", INSTANT, nullable=True),
        sa.Column("dropped_at", INSTANT, nullable=True),
        sa.Column("last_error", sa.String(length=200), nullable=True),
        sa.CheckConstraint("channel IN ('mail', 'sms')", name=op.f("ck_messages_channel")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
    )
    for column in ("created_at", "next_attempt_at", "user_id"):
        op.create_index(op.f(f"ix_messages_{column}"), "messages", [column])


def _make_links() -> None:
    op.create_table(
        "links",
        sa.Column("id", sa.Uuid(), nullable=False),
        *_user_id("links"),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("email_key", sa.String(length=320), nullable=False),
        sa.Column("browser_digest", sa.LargeBinary(length=32), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("used_at", INSTANT, nullable=True),
        sa.Column("cancelled_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_links")),
        sa.UniqueConstraint("digest", name=op.f("uq_links_digest")),
    )
    op.create_index(op.f("ix_links_expires_at"), "links", ["expires_at"])
    op.create_index(op.f("ix_links_user_id_purpose"), "links", ["user_id", "purpose"])


def _make_preferences() -> None:
    op.create_table(
        "preferences",
        *_user_id("preferences"),
        sa.Column("values", JSON, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_preferences")),
    )


def _make_closures() -> None:
    op.create_table(
        "closures",
        *_user_id("closures"),
        sa.Column("closed_at", INSTANT, nullable=False),
        sa.Column("erase_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_closures")),
    )
    op.create_index(op.f("ix_closures_erase_at"), "closures", ["erase_at"])


def _make_api_keys() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("prefix", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("previous_digest", sa.LargeBinary(length=32), nullable=True),
        sa.Column("previous_expires_at", INSTANT, nullable=True),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("networks", JSON, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=True),
        sa.Column("revoked_at", INSTANT, nullable=True),
        sa.Column("last_used_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("digest", name=op.f("uq_api_keys_digest")),
        sa.UniqueConstraint("previous_digest", name=op.f("uq_api_keys_previous_digest")),
    )


def what_forbids_downgrade(connection: sa.Connection) -> str | None:
    """The version before knows neither of these, and what was promised would not be kept."""
    if connection.scalar(sa.text("SELECT count(*) FROM closures")):
        return "an account was closed by its owner, and an older version would not erase it"
    if connection.scalar(sa.text("SELECT count(*) FROM api_keys WHERE revoked_at IS NULL")):
        return "a service uses an API key, and an older version would not know it"
    if connection.scalar(sa.text("SELECT count(*) FROM users WHERE password_hash NOT LIKE 'bcrypt-sha256$%'")):
        return "an imported password is kept in a form that an older version cannot check"
    return None


def downgrade() -> None:
    for name in ("api_keys", "closures", "preferences", "links", "messages"):
        op.drop_table(name)
    with op.batch_alter_table("sessions") as table:
        table.drop_column("device_name")
    with op.batch_alter_table("profiles") as table:
        table.drop_column("bio")
    for name in ("username_key", "email_key"):
        op.drop_index(f"ix_users_{name}_prefix", table_name="users")
    for name in _FEW:
        op.drop_index(f"ix_users_{name}", table_name="users")
    with op.batch_alter_table("users") as table:
        for name in ("last_login_at", "suspension_note"):
            table.drop_column(name)
