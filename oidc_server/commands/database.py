"""``oidc-server db``: the schema."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from oidc_server.commands.options import EXIT_REFUSED, Output, Refused, with_settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from oidc_server.core.settings import Settings


@click.group()
def db() -> None:
    """Make, change and check the database schema."""


@db.command()
@with_settings
def upgrade(output: Output, settings: Settings) -> None:
    """Bring the schema to what this version needs. Safe to run on several hosts at once, and while servers run."""
    from oidc_server.core import migration, schema

    with _engine_of(settings) as engine:
        before = schema.current(engine)
        migration.upgrade(engine)
        after = schema.current(engine)
    if before is not None and before > schema.head():
        words = f"The schema ({after}) is newer than this version needs ({schema.head()}), which is all right."
    elif before == after:
        words = f"The schema is current ({after})."
    else:
        words = f"The schema went from {before} to {after}."
    output.say({"before": before, "after": after}, words)


@db.command()
@with_settings
def downgrade(output: Output, settings: Settings) -> None:
    """Take the newest migration back by one step, when no server of this version runs any more.

    It is refused when the older version would accept or lose something that it must not."""
    from oidc_server.core import migration, schema

    with _engine_of(settings) as engine:
        before = schema.current(engine)
        migration.downgrade(engine)
        after = schema.current(engine)
    output.say({"before": before, "after": after}, f"The schema went back from {before} to {after}.")


@db.command()
@with_settings
def status(output: Output, settings: Settings) -> None:
    """Say whether the schema has what this version needs; exit code 1 when it has not."""
    from oidc_server.core import schema

    with _engine_of(settings) as engine:
        current, suffices = schema.current(engine), schema.suffices(engine)
    words = "The schema is current." if suffices else "The schema is not current: run `oidc-server db upgrade`."
    output.say({"current": current, "head": schema.head(), "is_current": suffices}, words)
    if not suffices:
        raise SystemExit(EXIT_REFUSED)


@contextmanager
def _engine_of(settings: Settings) -> Iterator[Engine]:
    from sqlalchemy.exc import SQLAlchemyError

    from oidc_server.core.database import make_engine
    from oidc_server.core.migration import MigrationRefused

    engine = make_engine(settings.database_url, pool_size=1, statement_timeout_ms=settings.statement_timeout_ms)
    try:
        yield engine
    except MigrationRefused as error:
        raise Refused(str(error)) from error
    except SQLAlchemyError as error:
        raise Refused(f"The database cannot be used: {type(error).__name__}. Check OIDC_DATABASE_URL.") from error
    finally:
        engine.dispose()
