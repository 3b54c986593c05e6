"""Statements of the hot paths: compiled once, and run on the driver's own cursor where that is PostgreSQL's.

Of the time that SQLAlchemy takes for a statement it knows already, two thirds are work around the driver's. What is
kept of it here is what these statements need: the conversion of values by their types, and the errors."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from sqlalchemy import Connection, Dialect, Insert, Select, Update
from sqlalchemy.exc import DBAPIError, InvalidRequestError

Statement = Select[Any] | Insert | Update
Convert = Callable[[Any], Any]


class _Compiled(NamedTuple):
    """The text, what has to be converted on the way in and out, and the class of a row (None: there are no rows)."""

    text: str
    given: tuple[tuple[str, Convert], ...]
    found: tuple[tuple[int, Convert], ...]
    row: Callable[[Iterable[Any]], Any] | None


class HotStatement:
    """A statement whose values are all parameters: ``bindparam(name)``, each given by name at every execution.

    The first execution raises ``ValueError`` when a value is written into the statement instead."""

    def __init__(self, statement: Statement) -> None:
        self._statement = statement
        self._compiled: _Compiled | None = None

    def one_or_none(self, connection: Connection, **parameters: Any) -> Any:
        """The first row as a named tuple of its columns, or None when there is none.

        Raises :class:`sqlalchemy.exc.DBAPIError`, as :meth:`Connection.execute` does."""
        if connection.dialect.name != "postgresql":
            return connection.execute(self._statement, parameters).first()
        return self._run(connection, parameters)

    def execute(self, connection: Connection, **parameters: Any) -> None:
        """Run a statement that writes and gives no row, in the transaction that was begun.

        Raises :class:`sqlalchemy.exc.DBAPIError`, and :class:`InvalidRequestError` without a transaction: SQLAlchemy
        would not know that there is something to commit."""
        if not connection.in_transaction():
            raise InvalidRequestError("a hot statement begins no transaction: begin one before it")
        if connection.dialect.name != "postgresql":
            connection.execute(self._statement, parameters)
        else:
            self._run(connection, parameters)

    def _run(self, connection: Connection, parameters: dict[str, Any]) -> Any:
        compiled = self._compiled
        if compiled is None:
            compiled = self._compiled = _compile(self._statement, connection.dialect)
        for name, convert in compiled.given:
            parameters[name] = convert(parameters[name])
        row = _fetch(connection, compiled, parameters)
        if compiled.row is None or row is None:
            return None
        values = list(row)
        for index, convert in compiled.found:
            values[index] = convert(values[index])
        return compiled.row(values)


def _fetch(connection: Connection, compiled: _Compiled, parameters: dict[str, Any]) -> Any:
    driver_connection: Any = connection.connection.dbapi_connection
    cursor = driver_connection.cursor()
    try:
        cursor.execute(compiled.text, parameters)
        return None if compiled.row is None else cursor.fetchone()
    except Exception as error:
        raise _translated(connection, compiled, error, cursor) from error
    finally:
        cursor.close()


def _translated(connection: Connection, compiled: _Compiled, error: Exception, cursor: Any) -> BaseException:
    """The driver's error as SQLAlchemy's, without the values; a connection that is gone leaves the pool."""
    dialect = connection.dialect
    driver_error = dialect.loaded_dbapi.Error
    gone = isinstance(error, driver_error) and dialect.is_disconnect(error, connection.connection, cursor)
    if gone:
        connection.invalidate(error)
    return DBAPIError.instance(
        compiled.text, {}, error, driver_error, hide_parameters=True, connection_invalidated=gone, dialect=dialect
    )


def _compile(statement: Statement, dialect: Dialect) -> _Compiled:
    compiled = statement.compile(dialect=dialect)
    given = []
    for parameter, name in compiled.bind_names.items():
        if not parameter.required:
            raise ValueError(f"the value of {name} is written into the statement")
        convert = parameter.type.dialect_impl(dialect).bind_processor(dialect)
        if convert is not None:
            given.append((name, convert))
    columns = list(statement.selected_columns) if isinstance(statement, Select) else []
    found = []
    for index, column in enumerate(columns):
        convert = column.type.dialect_impl(dialect).result_processor(dialect, None)
        if convert is not None:
            found.append((index, convert))
    row: Any = namedtuple("Row", [column.name for column in columns]) if columns else None
    return _Compiled(str(compiled), tuple(given), tuple(found), row and row._make)
