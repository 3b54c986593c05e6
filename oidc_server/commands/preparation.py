"""Before the first request, whatever serves it."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING

import click

from oidc_server.commands.options import EXIT_SETTINGS

if TYPE_CHECKING:
    from flask import Flask


def leave_out_of_collections() -> None:
    """Let no collection look again at what is loaded by now: it stays until the process ends. And in a forked worker,
    a look would write to every object, and so copy the pages that it shares with its parent."""
    gc.collect()
    gc.freeze()


def prepare(app: Flask) -> None:
    """Check what must stand before the first request, and make the first signing key on the first start.

    Ends the program with exit code 2 and the mend in words when the schema or the key store cannot be used."""
    from sqlalchemy.exc import SQLAlchemyError

    from oidc_server.clients.registry import EXTENSION as CLIENTS
    from oidc_server.core import schema
    from oidc_server.core.database import EXTENSION as DATABASE
    from oidc_server.keys.ring import EXTENSION as KEY_RING
    from oidc_server.keys.store import KeyStoreError

    database = app.extensions[DATABASE]
    engine = database.engine
    try:
        if not schema.suffices(engine):
            _give_up("The database schema is not current: run `oidc-server db upgrade`.")
        app.extensions[KEY_RING].ensure_first_key()
        # What workers fall back on, from their first moment on, when the database is away.
        clients = app.extensions[CLIENTS]
        clients.grant_types()
        clients.origins()
    except KeyStoreError as error:
        _give_up(f"The key store cannot be used: {error}")
    except SQLAlchemyError as error:
        _give_up(f"The database cannot be used ({type(error).__name__}): check OIDC_DATABASE_URL and that it runs.")
    finally:
        database.dispose()


def _give_up(message: str) -> None:
    click.echo(message, err=True)
    sys.exit(EXIT_SETTINGS)
