"""The database schema as the migrations make it, and whether this database has it.

Alembic is imported only where something is migrated: a worker process that merely looks would carry its weight."""

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

if TYPE_CHECKING:
    from alembic.config import Config

_ADVISORY_LOCK = 0x6F696463  # "oidc": one migration at a time, whichever host starts it
_REVISION_OF_FILE = re.compile(r"(\d{4})_\w+\.py")


def scripts() -> Path:
    """The migrations: inside the package when installed, beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "migrations"
    return inside if inside.is_dir() else package.parent / "migrations"


def _config(connection: Connection) -> "Config":
    from alembic.config import Config  # noqa: PLC0415 - see the module's docstring

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(scripts()))
    return config


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the schema to ``revision``. Several processes may try at once: one works, the others find it done."""
    from alembic import command  # noqa: PLC0415 - see the module's docstring

    with engine.connect().execution_options(write=True) as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            from oidc_server.core.postgresql import wait_without_end  # noqa: PLC0415 - its driver is an optional extra

            # A migration may take longer than a request may.
            wait_without_end(connection)
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            connection.execute(text("SET LOCAL lock_timeout = '60s'"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        command.upgrade(_config(connection), revision)


def current(engine: Engine) -> str | None:
    """The revision that the database is at; None when it is empty."""
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        revision: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
        return revision


@cache
def head() -> str:
    """The newest revision that this code knows: each file of the migrations begins with its revision's number."""
    names = (_REVISION_OF_FILE.fullmatch(file.name) for file in (scripts() / "versions").iterdir())
    return max(name[1] for name in names if name)


def is_current(engine: Engine) -> bool:
    """Whether the database has the schema that this code needs."""
    return current(engine) == head()
