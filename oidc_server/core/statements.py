"""Statements of the hot paths. On PostgreSQL they are compiled once, prepared once a connection, and run by the driver.

PostgreSQL takes longer to plan such a statement than to run it. And of the time that SQLAlchemy takes for a statement
that it knows, two thirds are work around the driver's; what is kept of it here is what these statements need: the
conversion of values by their types, and the errors."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Dialect, Engine, Insert, Select, Update
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2
from sqlalchemy.exc import DBAPIError, InvalidRequestError
from sqlalchemy.pool import PoolProxiedConnection

Statement = Select[*tuple[Any, ...]] | Insert | Update
Convert = Callable[[Any], Any]
Invalidate = Callable[[BaseException], None]

_NUMBERED = PGDialect_psycopg2(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]


class _Compiled(NamedTuple):
    """The name under which it is prepared, its text and the one that executes it, the names of its values in their
    order, what has to be converted on the way in and out, and what makes a row (None: there are no rows)."""

    name: str
    text: str
    execution: str
    names: tuple[str, ...]
    given: tuple[tuple[str, Convert], ...]
    found: tuple[tuple[int, Convert], ...]
    row: Callable[[Iterable[Any]], Any] | None

    def made_of(self, row: Iterable[Any]) -> Any:
        """The row of what the driver has read."""
        values = list(row)
        for index, convert in self.found:
            values[index] = convert(values[index])
        assert self.row is not None  # noqa: S101 - narrows the type: without it there are no rows
        return self.row(values)


class HotStatement:
    """A statement whose values are all parameters: ``bindparam(name)``, each given by name at every execution.

    PostgreSQL's logs show it under its name, which no other statement may have.

    The first execution raises ``ValueError`` when a value is written into the statement instead."""

    def __init__(self, name: str, statement: Statement) -> None:
        self._name = name
        self._statement = statement
        self._compiled: _Compiled | None = None

    def ask(self, engine: Engine, **parameters: Any) -> Sequence[Any]:
        """:meth:`rows` on a connection of its own, for one read outside of any transaction."""
        if engine.dialect.name != "postgresql":
            with engine.connect() as connection:
                return self.rows(connection, **parameters)
        lent = _lend(engine)
        try:
            return self._run(lent, lent.invalidate, engine.dialect, parameters)
        finally:
            lent.close()

    def rows(self, connection: Connection, **parameters: Any) -> Sequence[Any]:
        """Every row as a named tuple of its columns.

        Raises :class:`sqlalchemy.exc.DBAPIError`, as :meth:`Connection.execute` does."""
        if connection.dialect.name != "postgresql":
            return connection.execute(self._statement, parameters).all()
        return self._run(connection.connection, connection.invalidate, connection.dialect, parameters)

    def one_or_none(self, connection: Connection, **parameters: Any) -> Any:
        """The first of :meth:`rows`, or None when there is none."""
        return next(iter(self.rows(connection, **parameters)), None)

    def execute(self, connection: Connection, **parameters: Any) -> None:
        """Run a statement that writes and gives no row, in the transaction that was begun.

        Raises :class:`sqlalchemy.exc.DBAPIError`, and :class:`InvalidRequestError` without a transaction: SQLAlchemy
        would not know that there is something to commit."""
        if not connection.in_transaction():
            raise InvalidRequestError("a hot statement begins no transaction: begin one before it")
        if connection.dialect.name != "postgresql":
            connection.execute(self._statement, parameters)
        else:
            self._run(connection.connection, connection.invalidate, connection.dialect, parameters)

    def _run(
        self, lent: PoolProxiedConnection, invalidate: Invalidate, dialect: Dialect, parameters: dict[str, Any]
    ) -> list[Any]:
        compiled = self._compiled
        if compiled is None:
            compiled = self._compiled = _compile(self._name, self._statement, dialect)
        for name, convert in compiled.given:
            parameters[name] = convert(parameters[name])
        cursor = lent.cursor()
        try:
            rows = _fetch(lent.dbapi_connection, cursor, compiled, parameters)
        except Exception as error:
            translated, is_of_no_use = _translate(dialect, compiled, error, lent, cursor)
            if is_of_no_use:
                invalidate(error)
            raise translated from error
        finally:
            cursor.close()
        return [compiled.made_of(row) for row in rows]


def _lend(engine: Engine) -> PoolProxiedConnection:
    """A connection of the pool. Raises what ``engine.connect()`` raises when the database is away."""
    driver = engine.dialect.loaded_dbapi
    try:
        return engine.raw_connection()
    except driver.Error as error:
        raise DBAPIError.instance(
            None, None, error, driver.Error, hide_parameters=True, connection_invalidated=True, dialect=engine.dialect
        ) from error


def _fetch(driver_connection: Any, cursor: Any, compiled: _Compiled, parameters: dict[str, Any]) -> list[Any]:
    if compiled.name not in driver_connection.prepared:
        cursor.execute(f"PREPARE {compiled.name} AS {compiled.text}")
        driver_connection.prepared.add(compiled.name)
    cursor.execute(compiled.execution, [parameters[name] for name in compiled.names])
    found: list[Any] = [] if compiled.row is None else cursor.fetchall()
    return found


def _translate(
    dialect: Dialect, compiled: _Compiled, error: Exception, lent: PoolProxiedConnection, cursor: Any
) -> tuple[BaseException, bool]:
    """The driver's error as SQLAlchemy's, without the values, and whether the connection must leave the pool: because
    it is gone, or because a prepared statement no longer fits its table after a migration."""
    driver = dialect.loaded_dbapi
    of_no_use = isinstance(error, driver.NotSupportedError) or (
        isinstance(error, driver.Error) and dialect.is_disconnect(error, lent, cursor)
    )
    translated = DBAPIError.instance(
        compiled.text, {}, error, driver.Error, hide_parameters=True, connection_invalidated=of_no_use, dialect=dialect
    )
    return translated, of_no_use


def _compile(name: str, statement: Statement, dialect: Dialect) -> _Compiled:
    compiled = statement.compile(dialect=_NUMBERED)
    names = tuple(compiled.positiontup or ())
    given = []
    for parameter, key in compiled.bind_names.items():
        if not parameter.required:
            raise ValueError(f"the value of {key} is written into the statement")
        convert = parameter.type.dialect_impl(dialect).bind_processor(dialect)
        if convert is not None:
            given.append((key, convert))
    columns = list(statement.selected_columns) if isinstance(statement, Select) else []
    found = []
    for index, column in enumerate(columns):
        convert = column.type.dialect_impl(dialect).result_processor(dialect, None)
        if convert is not None:
            found.append((index, convert))
    row: Any = namedtuple("Row", [column.name for column in columns]) if columns else None
    execution = f"EXECUTE {name}" + (f" ({', '.join(['%s'] * len(names))})" if names else "")
    return _Compiled(name, str(compiled), execution, names, tuple(given), tuple(found), row and row._make)
