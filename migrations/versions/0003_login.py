"""Login for apps: profiles, what clients show and ask for, browser sessions, codes, consents, interactions."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
URI = sa.String(length=2000)


def upgrade() -> None:
    _make_profiles()
    _extend_clients()
    _extend_sessions()
    with op.batch_alter_table("authorizations") as table:
        table.add_column(sa.Column("claims", JSON, nullable=False, server_default="{}"))
        table.add_column(sa.Column("offline", sa.Boolean(), nullable=False, server_default=sa.false()))
        # Where these are missing, the session says it: so in what the version before has granted.
        table.add_column(sa.Column("auth_time", INSTANT, nullable=True))
        table.add_column(sa.Column("amr", JSON, nullable=True))
        table.add_column(sa.Column("acr", sa.String(length=64), nullable=True))
    _make_codes()
    _make_consents()
    _make_interactions()


def _make_profiles() -> None:
    op.create_table(
        "profiles",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=True),
        sa.Column("given_name", sa.String(length=100), nullable=True),
        sa.Column("family_name", sa.String(length=100), nullable=True),
        sa.Column("middle_name", sa.String(length=100), nullable=True),
        sa.Column("nickname", sa.String(length=100), nullable=True),
        sa.Column("profile", URI, nullable=True),
        sa.Column("picture", URI, nullable=True),
        sa.Column("website", URI, nullable=True),
        sa.Column("gender", sa.String(length=50), nullable=True),
        sa.Column("birthdate", sa.String(length=10), nullable=True),
        sa.Column("zoneinfo", sa.String(length=64), nullable=True),
        sa.Column("locale", sa.String(length=35), nullable=True),
        sa.Column("phone_number", sa.String(length=32), nullable=True),
        sa.Column("phone_number_verified_at", INSTANT, nullable=True),
        sa.Column("address", JSON, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_profiles_user_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_profiles")),
    )


def _extend_clients() -> None:
    op.create_table(
        "pairwise_sectors",
        sa.Column("sector_identifier", sa.String(length=255), nullable=False),
        sa.Column("salt", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("sector_identifier", name=op.f("pk_pairwise_sectors")),
    )
    with op.batch_alter_table("clients") as table:
        table.add_column(sa.Column("userinfo_signed_response_alg", sa.String(length=16), nullable=True))
        table.add_column(sa.Column("post_logout_redirect_uris", JSON, nullable=False, server_default="[]"))
        table.add_column(sa.Column("subject_type", sa.String(length=8), nullable=False, server_default="public"))
        table.add_column(sa.Column("sector_identifier", sa.String(length=255), nullable=True))
        table.add_column(sa.Column("default_max_age", sa.Integer(), nullable=True))
        table.add_column(sa.Column("require_pkce", sa.Boolean(), nullable=False, server_default=sa.true()))
        for name in ("client_uri", "policy_uri", "tos_uri"):
            table.add_column(sa.Column(name, URI, nullable=True))
        table.create_check_constraint(op.f("ck_clients_subject_type"), "subject_type IN ('public', 'pairwise')")
        table.create_check_constraint(
            op.f("ck_clients_pairwise_means_a_sector"), "(subject_type = 'pairwise') = (sector_identifier IS NOT NULL)"
        )
        table.create_check_constraint(op.f("ck_clients_public_means_pkce"), "client_type <> 'public' OR require_pkce")
        table.create_foreign_key(
            op.f("fk_clients_sector_identifier_pairwise_sectors"),
            "pairwise_sectors",
            ["sector_identifier"],
            ["sector_identifier"],
        )
    op.create_table(
        "client_logos",
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("media_type", sa.String(length=16), nullable=False),
        sa.Column("image", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.String(length=22), nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.CheckConstraint(
            "media_type IN ('image/png', 'image/webp', 'image/jpeg')", name=op.f("ck_client_logos_media_type")
        ),
        sa.CheckConstraint("length(image) <= 65536", name=op.f("ck_client_logos_image_size")),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.client_id"], name=op.f("fk_client_logos_client_id_clients"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("client_id", name=op.f("pk_client_logos")),
    )


def _extend_sessions() -> None:
    with op.batch_alter_table("sessions") as table:
        table.add_column(sa.Column("secret_digest", sa.LargeBinary(length=32), nullable=True))
        table.add_column(sa.Column("remembered", sa.Boolean(), nullable=False, server_default=sa.false()))
        # A process of the version before writes no value while both run.
        table.add_column(sa.Column("last_seen_at", INSTANT, nullable=False, server_default=sa.func.now()))
        table.create_unique_constraint(op.f("uq_sessions_secret_digest"), ["secret_digest"])


def _make_codes() -> None:
    op.create_table(
        "authorization_codes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("authorization_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("redirect_uri", sa.Text(), nullable=False),
        sa.Column("code_challenge", sa.String(length=43), nullable=True),
        sa.Column("nonce", sa.Text(), nullable=True),
        sa.Column("nonce_digest", sa.LargeBinary(length=32), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("used_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(
            ["authorization_id"],
            ["authorizations.id"],
            name=op.f("fk_authorization_codes_authorization_id_authorizations"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_authorization_codes")),
        sa.UniqueConstraint("digest", name=op.f("uq_authorization_codes_digest")),
    )
    for column in ("authorization_id", "code_challenge", "expires_at", "nonce_digest"):
        op.create_index(op.f(f"ix_authorization_codes_{column}"), "authorization_codes", [column])


def _make_consents() -> None:
    op.create_table(
        "consents",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("claims", JSON, nullable=False),
        sa.Column("granted_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_consents_user_id_users"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.client_id"], name=op.f("fk_consents_client_id_clients"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "client_id", name=op.f("pk_consents")),
    )
    op.create_index(op.f("ix_consents_client_id"), "consents", ["client_id"])


def _make_interactions() -> None:
    op.create_table(
        "interactions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("browser_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("request", JSON, nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=True),
        sa.Column("account_chosen_at", INSTANT, nullable=True),
        sa.Column("another_account_wanted_at", INSTANT, nullable=True),
        sa.Column("consented_at", INSTANT, nullable=True),
        sa.Column("denied_at", INSTANT, nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("used_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.client_id"], name=op.f("fk_interactions_client_id_clients"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name=op.f("fk_interactions_session_id_sessions"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_interactions")),
    )
    for column in ("client_id", "expires_at", "session_id"):
        op.create_index(op.f(f"ix_interactions_{column}"), "interactions", [column])


def what_forbids_downgrade(connection: sa.Connection) -> str | None:
    """Pairwise subjects hide from a client who its people are elsewhere; their salts cannot be made again."""
    if connection.scalar(sa.text("SELECT count(*) FROM clients WHERE subject_type = 'pairwise'")):
        return "a client has pairwise subjects, and an older version would tell it the public ones"
    return None


def downgrade() -> None:
    for name in ("interactions", "consents", "authorization_codes", "profiles", "client_logos"):
        op.drop_table(name)
    with op.batch_alter_table("authorizations") as table:
        for name in ("acr", "amr", "auth_time", "offline", "claims"):
            table.drop_column(name)
    with op.batch_alter_table("sessions") as table:
        table.drop_constraint(op.f("uq_sessions_secret_digest"), type_="unique")
        for name in ("last_seen_at", "remembered", "secret_digest"):
            table.drop_column(name)
    with op.batch_alter_table("clients") as table:
        table.drop_constraint(op.f("fk_clients_sector_identifier_pairwise_sectors"), type_="foreignkey")
        for check in ("public_means_pkce", "pairwise_means_a_sector", "subject_type"):
            table.drop_constraint(op.f(f"ck_clients_{check}"), type_="check")
        for name in (
            "tos_uri", "policy_uri", "client_uri", "require_pkce", "default_max_age", "sector_identifier",
            "subject_type", "post_logout_redirect_uris", "userinfo_signed_response_alg",
        ):  # fmt: skip
            table.drop_column(name)
    op.drop_table("pairwise_sectors")
