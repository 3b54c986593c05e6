"""Epochs: what began before one has ended."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "epochs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("began_at", INSTANT, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_epochs")),
    )


def what_forbids_downgrade(connection: sa.Connection) -> str | None:
    """An epoch that is forgotten brings back all that it ended."""
    if connection.scalar(sa.text("SELECT count(*) FROM epochs")):
        return "an epoch was begun, and an older version would accept again what it ended"
    return None


def downgrade() -> None:
    op.drop_table("epochs")
