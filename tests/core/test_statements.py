"""Statements of the hot paths give, take and raise what the same statements do through SQLAlchemy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any, cast
from uuid import UUID

import pytest
from sqlalchemy import Connection, Table, bindparam, func, insert, literal, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError, InvalidRequestError, OperationalError, StatementError

from oidc_server.authorizations.models import Authorization, RefreshToken
from oidc_server.core.database import make_engine
from oidc_server.core.identity import new_id
from oidc_server.core.limits import RateLimitCounter
from oidc_server.core.statements import HotStatement
from tests.relying_party import Server
from tests.running import free_port

COUNTERS = cast("Table", RateLimitCounter.__table__)
ON_POSTGRESQL = pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
AT = datetime(2026, 5, 4, 3, 2, 1, 654321, tzinfo=UTC)
INSERT = HotStatement(
    "insert_counter",
    insert(COUNTERS).values(key=bindparam("key"), hits=bindparam("hits"), expires_at=bindparam("expires_at")),
)
SELECT = HotStatement("find_counter", select(COUNTERS).where(COUNTERS.c.key == bindparam("key")))
BACKEND = HotStatement("backend", select(func.pg_backend_pid().label("pid")))
UPDATE = HotStatement(
    "change_counter", update(COUNTERS).where(COUNTERS.c.key == bindparam("which")).values(hits=bindparam("hits"))
)


def test_rows_are_written_changed_and_found(server: Server) -> None:
    elsewhere = AT.astimezone(timezone(timedelta(hours=5)))
    with server.database.transaction() as session:
        connection = session.connection()
        INSERT.execute(connection, key="50 %(of)s 100 %", hits=1, expires_at=elsewhere)
        UPDATE.execute(connection, which="50 %(of)s 100 %", hits=7)
    with server.database.glance() as connection:
        row = SELECT.one_or_none(connection, key="50 %(of)s 100 %")
        assert SELECT.one_or_none(connection, key="another") is None
    assert (row.key, row.hits, row.expires_at) == ("50 %(of)s 100 %", 7, AT)
    assert row.expires_at.tzinfo is UTC


def test_asking_needs_no_transaction_and_gives_the_connection_back(server: Server) -> None:
    for _ in range(30):  # more than the pool has
        assert server.database.ask(SELECT, key="nobody's") is None
    with pytest.raises(StatementError):
        server.database.ask(SELECT)
    with server.database.transaction() as session:
        INSERT.execute(session.connection(), key="asked for", hits=3, expires_at=AT)
    row = server.database.ask(SELECT, key="asked for")
    assert (row.hits, row.expires_at) == (3, AT)


def test_what_is_rolled_back_is_gone(server: Server) -> None:
    with server.database.engine.connect() as connection:
        transaction = connection.begin()
        INSERT.execute(connection, key="lost", hits=1, expires_at=AT)
        transaction.rollback()
    with server.database.glance() as connection:
        assert SELECT.one_or_none(connection, key="lost") is None


def test_every_type_of_a_column_comes_back_as_sqlalchemy_gives_it(server: Server) -> None:
    client, user = server.first_party(), server.user()
    server.sign_in(client, user)
    for table in (cast("Table", Authorization.__table__), cast("Table", RefreshToken.__table__)):
        query = select(table)
        with server.database.glance() as connection:
            assert tuple(HotStatement(f"all_{table.name}", query).one_or_none(connection)) == tuple(
                connection.execute(query).one()
            )


def test_ids_and_lists_are_taken_as_sqlalchemy_takes_them(server: Server) -> None:
    table = cast("Table", Authorization.__table__)
    client, user = server.first_party(), server.user()
    server.sign_in(client, user)
    of_user = table.c.user_id == bindparam("user")
    change = HotStatement("change_resource", update(table).where(of_user).values(resource=bindparam("resource")))
    find = HotStatement("find_resource", select(table.c.id, table.c.resource).where(of_user))
    resource = ["https://ä.example.com", 'a "quoted" one']
    with server.database.transaction() as session:
        change.execute(session.connection(), user=UUID(str(user.id)), resource=resource)
    with server.database.glance() as connection:
        row = find.one_or_none(connection, user=UUID(str(user.id)))
        assert find.one_or_none(connection, user=new_id()) is None
    assert isinstance(row.id, UUID)
    assert row.resource == resource


def refusal(connection: Connection, **parameters: Any) -> StatementError:
    with pytest.raises(StatementError) as refused:
        INSERT.execute(connection, **parameters)
    return refused.value


def test_errors_are_sqlalchemy_s_and_name_no_value(server: Server) -> None:
    with server.database.engine.connect() as connection, connection.begin():
        INSERT.execute(connection, key="a secret", hits=1, expires_at=AT)
        error = refusal(connection, key="a secret", hits=1, expires_at=AT)
    assert isinstance(error, IntegrityError)
    assert not error.connection_invalidated
    assert error.statement is not None
    assert error.statement.startswith("INSERT INTO rate_limit_counters")
    assert "a secret" not in str(error).partition("DETAIL")[0]
    with server.database.engine.connect() as connection, connection.begin():
        missing = refusal(connection, key="k", expires_at=AT)
    assert not isinstance(missing, DBAPIError)


@ON_POSTGRESQL
def test_a_lost_connection_leaves_the_pool(server: Server) -> None:
    with server.database.engine.connect() as connection, server.database.engine.connect() as other:
        backend = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        other.execute(text("SELECT pg_terminate_backend(:backend, 5000)"), {"backend": backend})
        error = refusal(connection, key="k", hits=1, expires_at=AT)
        assert isinstance(error, OperationalError)
        assert error.connection_invalidated
        assert connection.invalidated
    with server.database.engine.connect() as connection:
        assert connection.execute(text("SELECT pg_backend_pid()")).scalar_one() != backend


def test_a_database_that_is_away_is_told_in_sqlalchemy_s_words() -> None:
    away = make_engine(f"postgresql://nobody@127.0.0.1:{free_port()}/nothing", pool_size=1, statement_timeout_ms=500)
    with pytest.raises(OperationalError) as refused:
        SELECT.ask(away, key="k")
    assert refused.value.connection_invalidated


@ON_POSTGRESQL
def test_a_lost_connection_on_which_was_asked_leaves_the_pool(server: Server) -> None:
    server.database.dispose()  # those that earlier tests have left would be asked in their turn
    with server.database.glance() as other:
        backends = {server.database.ask(BACKEND).pid for _ in range(2)}
        for backend in backends:
            other.execute(text("SELECT pg_terminate_backend(:backend, 5000)"), {"backend": backend})
        with pytest.raises(OperationalError) as refused:
            server.database.ask(BACKEND)
    assert refused.value.connection_invalidated
    assert server.database.ask(BACKEND).pid not in backends


@ON_POSTGRESQL
def test_a_statement_that_a_migration_has_outdated_costs_one_connection(server: Server) -> None:
    """What PostgreSQL has prepared does not fit the changed table; the next connection prepares it anew."""
    widen = "ALTER TABLE rate_limit_counters ALTER COLUMN key TYPE varchar({})"
    server.database.dispose()  # other tests may have prepared it on connections of their own
    try:
        with server.database.glance() as connection, server.database.glance() as migrating:
            assert SELECT.one_or_none(connection, key="k") is None
            migrating.execute(text(widen.format(130)))
            with pytest.raises(DBAPIError) as refused:
                SELECT.one_or_none(connection, key="k")
            assert refused.value.connection_invalidated
        with server.database.glance() as connection:
            assert SELECT.one_or_none(connection, key="k") is None
    finally:
        with server.database.engine.begin() as connection:
            connection.execute(text(widen.format(120)))
        server.database.dispose()


def test_nothing_is_written_outside_of_a_transaction(server: Server) -> None:
    with server.database.engine.connect() as connection, pytest.raises(InvalidRequestError):
        INSERT.execute(connection, key="k", hits=1, expires_at=AT)


@ON_POSTGRESQL
def test_a_value_inside_of_the_statement_is_refused(server: Server) -> None:
    with server.database.glance() as connection, pytest.raises(ValueError, match="written into the statement"):
        HotStatement("literal", select(literal(1).label("one"))).one_or_none(connection)
