"""``oidc-server db``: the schema."""

import click

from oidc_server.commands.options import EXIT_REFUSED, Output, Refused, with_settings
from oidc_server.core.settings import Settings


@click.group()
def db() -> None:
    """Make and check the database schema."""


@db.command()
@with_settings
def upgrade(output: Output, settings: Settings) -> None:
    """Bring the schema to what this version needs. Safe to run on several hosts at once."""
    from sqlalchemy.exc import SQLAlchemyError

    from oidc_server.core import schema
    from oidc_server.core.database import make_engine

    engine = make_engine(settings.database_url, pool_size=1, statement_timeout_ms=settings.statement_timeout_ms)
    try:
        before = schema.current(engine)
        schema.upgrade(engine)
    except SQLAlchemyError as error:
        raise Refused(f"The database cannot be used: {type(error).__name__}. Check OIDC_DATABASE_URL.") from error
    after = schema.head()
    words = f"The schema is current ({after})." if before == after else f"The schema went from {before} to {after}."
    output.say({"before": before, "after": after}, words)


@db.command()
@with_settings
def status(output: Output, settings: Settings) -> None:
    """Say whether the schema is current; exit code 1 when it is not."""
    from sqlalchemy.exc import SQLAlchemyError

    from oidc_server.core import schema
    from oidc_server.core.database import make_engine

    engine = make_engine(settings.database_url, pool_size=1, statement_timeout_ms=settings.statement_timeout_ms)
    try:
        current = schema.current(engine)
    except SQLAlchemyError as error:
        raise Refused(f"The database cannot be used: {type(error).__name__}. Check OIDC_DATABASE_URL.") from error
    is_current = current == schema.head()
    words = "The schema is current." if is_current else "The schema is not current: run `oidc-server db upgrade`."
    output.say({"current": current, "head": schema.head(), "is_current": is_current}, words)
    if not is_current:
        raise SystemExit(EXIT_REFUSED)
