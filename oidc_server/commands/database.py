"""``oidc-server db``: the schema, and the epoch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from oidc_server.commands.instants import utc
from oidc_server.commands.options import (
    EXIT_REFUSED,
    Output,
    Refused,
    database_of_no_use,
    drivers_words,
    on_database,
    schema_of_no_use,
    with_settings,
)

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from oidc_server.core.settings import Settings


@click.group()
def db() -> None:
    """Make, change and check the database schema; begin a new epoch."""


@db.command()
@with_settings
def upgrade(output: Output, settings: Settings) -> None:
    """Bring the schema to what this version needs. Safe to run on several hosts at once, and while servers run."""
    from oidc_server.core import migration, schema

    with _engine_of(settings) as engine:
        before = schema.current(engine)
        migration.upgrade(engine)
        after = schema.current(engine)
    if schema.is_newer(before):
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


@db.command("begin-epoch")
@click.option("--yes", is_flag=True, help="Do not ask.")
@on_database
def begin_epoch(output: Output, yes: bool) -> None:
    """End every session, authorization and token there is: after a restore, or the promotion of a lagging standby.

    Such a database has forgotten the last revocations and sign-outs, and which tokens had been used."""
    from oidc_server.audit.service import operator
    from oidc_server.core.database import transaction
    from oidc_server.protocol.server import current_server
    from oidc_server.sessions import epochs

    if not yes:
        click.confirm("Everybody who is signed in will have to sign in again. Go on?", abort=True, err=True)
    settings = current_server().settings
    skew = timedelta(seconds=settings.clock_skew_bound)
    with transaction() as session:
        began_at = epochs.begin_epoch(session, actor=operator(), clock_skew=skew)
    output.say(
        {"began_at": began_at},
        [
            f"A new epoch begins at {utc(began_at)}. What was issued before then is refused here from now on.",
            "Resource servers that verify by JWKS alone accept access tokens until they expire, for up to "
            f"{settings.access_token_lifetime} s.",
            "Suspensions, disabled clients, new passwords and revoked keys of the lost time are for you to repeat.",
        ],
    )


@contextmanager
def _engine_of(settings: Settings) -> Iterator[Engine]:
    from alembic.util import CommandError
    from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

    from oidc_server.core.database import make_engine
    from oidc_server.core.migration import MigrationRefused

    engine = make_engine(settings.database_url, pool_size=1, statement_timeout_ms=settings.statement_timeout_ms)
    try:
        yield engine
    except MigrationRefused as error:
        raise Refused(str(error)) from error
    except CommandError as error:
        raise Refused(schema_of_no_use(error)) from error
    except (OperationalError, InterfaceError) as error:
        raise Refused(database_of_no_use(error)) from error
    except DBAPIError as error:
        raise Refused(f"Nothing has changed: the database refused a statement ({drivers_words(error)}).") from error
    finally:
        engine.dispose()
