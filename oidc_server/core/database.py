"""The database: typed columns, one transaction per request, SQLite and PostgreSQL under the same code.

The only module that commits. Returning commits, raising rolls back."""

import sqlite3
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

from flask import current_app
from sqlalchemy import JSON, Connection, DateTime, Dialect, Engine, MetaData, TypeDecorator, Uuid, create_engine, event
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.orm import DeclarativeBase, Session, mapped_column
from sqlalchemy.pool import ConnectionPoolEntry

from oidc_server.core.connections import ConnectionPool
from oidc_server.core.identity import new_id
from oidc_server.core.statements import HotStatement

EXTENSION = "oidc_server.database"
_BUSY_TIMEOUT_MS = 4000
_POOL_SECONDS = 0.5


class UtcDateTime(TypeDecorator[datetime]):
    """``TIMESTAMP WITH TIME ZONE``: aware in, aware UTC out, on every database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive instant: it would be read back as another one."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """SQLite keeps no zone; what it holds is UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


JsonColumn = JSON().with_variant(JSONB(), "postgresql")
# Where nothing is said, nothing is stored: no JSON that says null.
OptionalJsonColumn = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")

RowId = Annotated[uuid.UUID, mapped_column(Uuid, primary_key=True, default=new_id)]
Instant = Annotated[datetime, mapped_column(UtcDateTime)]
OptionalInstant = Annotated[datetime | None, mapped_column(UtcDateTime)]
StringList = Annotated[list[str], mapped_column(JsonColumn, default=list)]
JsonObject = Annotated[dict[str, Any], mapped_column(JsonColumn, default=dict)]


class Base(DeclarativeBase):
    """The declarative base of every model; one convention names the constraints, so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def engine_url(url: str) -> str:
    """The URL with our driver named: ``postgresql://`` means psycopg 3 to SQLAlchemy 2.1, and psycopg2 to us."""
    parsed = make_url(url)
    if parsed.drivername in {"postgresql", "postgres"}:
        parsed = parsed.set(drivername="postgresql+psycopg2")
    return parsed.render_as_string(hide_password=False)


def make_engine(
    url: str, *, pool_size: int, statement_timeout_ms: int, echo: bool = False, autocommit: bool = False
) -> Engine:
    """An engine for ``url``; ``statement_timeout_ms`` bounds every statement and wait for a lock (PostgreSQL).

    ``autocommit`` is for reading on PostgreSQL, which gives each statement its own snapshot anyway (READ COMMITTED): a
    transaction around it would only cost round trips.

    No wait for an answer is longer than that and half a second, and none for a free connection than half a second."""
    full_url = engine_url(url)
    pool: dict[str, Any] = {
        "poolclass": ConnectionPool,
        "pool_size": pool_size,
        "max_overflow": 0,
        "pool_timeout": min(_POOL_SECONDS, statement_timeout_ms / 1000),
        "hide_parameters": True,  # the text of an error can reach a log
    }
    if full_url.startswith("sqlite"):
        engine = create_engine(full_url, echo=echo, **pool)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    from oidc_server.core import postgresql  # noqa: PLC0415 - its driver is an optional extra

    arguments = postgresql.connect_arguments(statement_timeout_ms)
    if autocommit:
        pool["isolation_level"] = "AUTOCOMMIT"
    engine = create_engine(full_url, echo=echo, pool_pre_ping=True, connect_args=arguments, **pool)
    postgresql.bound_waits(engine, statement_timeout_ms)
    return engine


def _prepare_sqlite(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    """Take transaction control from the driver, and set what each connection must have."""
    assert isinstance(connection, sqlite3.Connection)  # noqa: S101 - narrows the driver's type
    connection.isolation_level = None
    for pragma in (f"busy_timeout={_BUSY_TIMEOUT_MS}", "synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()
    _switch_to_wal(connection)


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """SQLite's own waiting does not cover the moment when several processes open a new file and switch it at once."""
    end = time.monotonic() + _BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").close()
            return
        except sqlite3.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)


def _begin_sqlite(connection: Connection) -> None:
    """Writers queue for the write lock at once; readers never take it. A read that turned into a write could fail."""
    write = connection.get_execution_options().get("write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


class Database:
    """An engine for writing and one for reading, which may be the same, and the sessions on them."""

    def __init__(self, engine: Engine, reader: Engine | None = None) -> None:
        self.engine = engine
        self._reader = reader or engine

    @classmethod
    def open(cls, url: str, *, pool_size: int, statement_timeout_ms: int) -> "Database":
        """A database with ``pool_size`` connections; on PostgreSQL half of them are for reading."""
        if engine_url(url).startswith("sqlite"):
            return cls(make_engine(url, pool_size=pool_size, statement_timeout_ms=statement_timeout_ms))
        # Together no more than `pool_size`: when the database hangs, each of them may hold a thread.
        half = max(1, pool_size // 2)
        engine = make_engine(url, pool_size=half, statement_timeout_ms=statement_timeout_ms)
        return cls(engine, make_engine(url, pool_size=half, statement_timeout_ms=statement_timeout_ms, autocommit=True))

    def dispose(self, *, close: bool = True) -> None:
        """Let go of all connections. A forked process says ``close=False``: they stay its parent's."""
        self.engine.dispose(close=close)
        self._reader.dispose(close=close)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session that may write. Leaving the block commits, raising out of it rolls back."""
        with Session(self.engine, expire_on_commit=False) as session:
            session.connection(execution_options={"write": True})
            yield session
            session.commit()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that only reads; it never takes a write lock, and what it changed is thrown away."""
        with Session(self._reader, expire_on_commit=False, autoflush=False) as session:
            yield session

    def ask(self, statement: HotStatement, **parameters: Any) -> Any:
        """The one row of a look-up on a hot path, or None, outside of any transaction."""
        return next(iter(self.ask_all(statement, **parameters)), None)

    def ask_all(self, statement: HotStatement, **parameters: Any) -> Sequence[Any]:
        """Every row of a look-up on a hot path, outside of any transaction."""
        return statement.ask(self._reader, **parameters)

    @contextmanager
    def glance(self) -> Iterator[Connection]:
        """A bare connection for one read."""
        with self._reader.connect() as connection:
            yield connection


def current_database() -> Database:
    """The database of the current application."""
    database: Database = current_app.extensions[EXTENSION]
    return database


def transaction() -> AbstractContextManager[Session]:
    """:meth:`Database.transaction` of the current application: opened in the route, one per request."""
    return current_database().transaction()


def reading() -> AbstractContextManager[Session]:
    """:meth:`Database.reading` of the current application."""
    return current_database().reading()
