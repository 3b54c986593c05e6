"""Changing the database schema while servers use it: forward to what this code needs, or back by one step.

A statement that changes a table waits until nobody uses the table, and whoever comes after it waits behind it. So it
waits for a moment only, gives way, and tries again: no request is held up for longer than that moment."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import OperationalError

from oidc_server.core import schema

_ADVISORY_LOCK = 0x6F696463  # "oidc": one migration at a time, whichever host starts it
_OTHER_MIGRATION_SECONDS = 60
_TABLE_SECONDS = 0.5
_PAUSE_SECONDS = 0.5
_PATIENCE_SECONDS = 60.0
_LOCK_NOT_AVAILABLE = "55P03"


class MigrationRefused(Exception):
    """The schema is as it was; the text says why, and how to go on."""


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the schema to ``revision``. Several processes may try at once: one works, the others find it done.

    A schema that is newer than this code stays as it is. Raises :class:`MigrationRefused` when a table is in use for
    as long as patience lasts."""

    def step(connection: Connection) -> None:
        if not schema.is_newer(schema.revision_of(connection)):
            command.upgrade(_config(connection), revision)

    _migrate(engine, step)


def downgrade(engine: Engine) -> None:
    """Take the newest migration back, for the version before it.

    Raises :class:`MigrationRefused` when there is none, or when the older version would accept or lose something that
    it must not."""

    def step(connection: Connection) -> None:
        config, current = _config(connection), schema.revision_of(connection)
        if current is None:
            raise MigrationRefused("There is no schema.")
        if schema.is_newer(current):
            raise MigrationRefused(
                f"The schema is at {current}, which this version does not know: use the version that made it."
            )
        script = ScriptDirectory.from_config(config).get_revision(current)
        if script.down_revision is None:
            raise MigrationRefused(f"{current} is the first revision; before it there is no data at all.")
        forbids: Callable[[Connection], str | None] = getattr(script.module, "what_forbids_downgrade", lambda _: None)
        if reason := forbids(connection):
            raise MigrationRefused(f"The schema stays at {current}: {reason}.")
        command.downgrade(config, "-1")

    _migrate(engine, step)


def _config(connection: Connection) -> Config:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(schema.scripts()))
    return config


def _migrate(engine: Engine, step: Callable[[Connection], None]) -> None:
    end = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return _migrate_once(engine, step)
        except OperationalError as error:
            if getattr(error.orig, "pgcode", None) != _LOCK_NOT_AVAILABLE:
                raise
            if time.monotonic() > end:
                raise MigrationRefused(
                    f"For {_PATIENCE_SECONDS:.0f} s something used a table that has to change: end long transactions "
                    "(pg_stat_activity shows them) and try again."
                ) from error
        time.sleep(_PAUSE_SECONDS)


def _migrate_once(engine: Engine, step: Callable[[Connection], None]) -> None:
    """All of it in one transaction: it is done, or nothing has changed."""
    with (
        engine.connect().execution_options(write=True) as connection,
        _tables_may_be_rebuilt(connection),
        connection.begin(),
    ):
        if connection.dialect.name == "postgresql":
            from oidc_server.core.postgresql import wait_without_end  # noqa: PLC0415 - its driver is an optional extra

            wait_without_end(connection)  # a migration may take longer than a request may
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            connection.execute(text(f"SET LOCAL lock_timeout = '{_OTHER_MIGRATION_SECONDS}s'"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
            connection.execute(text(f"SET LOCAL lock_timeout = '{_TABLE_SECONDS * 1000:.0f}ms'"))
        step(connection)


@contextmanager
def _tables_may_be_rebuilt(connection: Connection) -> Iterator[None]:
    """SQLite changes a table by copying it and dropping the old one, which must not delete the rows that refer to it.

    Foreign keys can be switched off only outside of a transaction, and are checked before it ends."""
    if connection.dialect.name != "sqlite":
        yield
        return
    driver_connection: Any = connection.connection.dbapi_connection
    driver_connection.execute("PRAGMA foreign_keys=OFF")
    event.listen(connection, "commit", _check_foreign_keys)
    try:
        yield
    finally:
        driver_connection.execute("PRAGMA foreign_keys=ON")


def _check_foreign_keys(connection: Connection) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if broken:
        raise RuntimeError(f"the migration left rows that refer to nothing: {broken[:5]}")
