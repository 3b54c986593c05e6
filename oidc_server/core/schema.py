"""The database schema: what this code needs, and whether this database has it. ``core/migration.py`` changes it."""

import re
from functools import cache
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

_REVISION = re.compile(r"\d{4}")
_REVISION_OF_FILE = re.compile(r"(\d{4})_\w+\.py")


def scripts() -> Path:
    """The migrations: inside the package when installed, beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "migrations"
    return inside if inside.is_dir() else package.parent / "migrations"


def current(engine: Engine) -> str | None:
    """The revision that the database is at; None when it is empty."""
    with engine.connect() as connection:
        return revision_of(connection)


def revision_of(connection: Connection) -> str | None:
    """:func:`current`, as the transaction of this connection sees it."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return revision


@cache
def head() -> str:
    """The newest revision that this code knows: each file of the migrations begins with its revision's number."""
    names = (_REVISION_OF_FILE.fullmatch(file.name) for file in (scripts() / "versions").iterdir())
    return max(name[1] for name in names if name)


def is_newer(revision: str | None) -> bool:
    """Whether a later version of this code made the schema."""
    return revision is not None and _REVISION.fullmatch(revision) is not None and revision > head()


def suffices(engine: Engine) -> bool:
    """Whether the database has the schema that this code needs, or a newer one.

    A migration leaves the version before it working: while servers are replaced one by one, old ones run on the new
    schema, and start on it when they have to."""
    revision = current(engine)
    return revision == head() or is_newer(revision)
