"""The schema changes under servers that use it: one step back where that is safe, and never in anybody's way."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event

import pytest
from sqlalchemy import Engine, text

from oidc_server.core import migration, schema
from oidc_server.core.database import make_engine
from oidc_server.core.migration import MigrationRefused

GIVES_WAY_WITHIN = 2.0  # X32: no request may be held up for longer


@pytest.fixture
def engine(database_kind: str, make_database: Callable[[str], str]) -> Iterator[Engine]:
    """A database with the newest schema."""
    engine = make_engine(make_database(database_kind), pool_size=4, statement_timeout_ms=20_000)
    migration.upgrade(engine)
    yield engine
    engine.dispose()


def run(engine: Engine, statement: str) -> None:
    with engine.connect().execution_options(write=True) as connection, connection.begin():
        connection.execute(text(statement))


def test_one_step_back_and_forward_again_x34(engine: Engine) -> None:
    head = schema.head()
    migration.downgrade(engine)
    assert schema.current(engine) == f"{int(head) - 1:04}"
    assert not schema.suffices(engine)
    migration.upgrade(engine)
    assert schema.current(engine) == head


def test_the_first_revision_is_never_taken_back_x34(engine: Engine) -> None:
    while schema.current(engine) != "0001":
        migration.downgrade(engine)
    with pytest.raises(MigrationRefused, match="no data at all"):
        migration.downgrade(engine)
    assert schema.current(engine) == "0001"


def test_an_epoch_is_not_forgotten_x34(engine: Engine) -> None:
    """What it ended would be accepted again."""
    while schema.current(engine) != "0002":
        migration.downgrade(engine)
    instant = "'2026-01-01 00:00:00'"
    run(engine, f"INSERT INTO epochs VALUES ('{'0' * 32}', {instant}, {instant})")
    with pytest.raises(MigrationRefused, match="accept again what it ended"):
        migration.downgrade(engine)
    assert schema.current(engine) == "0002"


def test_a_newer_schema_is_used_as_it_is_x31(engine: Engine) -> None:
    """An old server goes on, and starts again, while its successors have migrated already."""
    run(engine, "UPDATE alembic_version SET version_num = '9999'")
    assert schema.suffices(engine)
    migration.upgrade(engine)
    assert schema.current(engine) == "9999"
    with pytest.raises(MigrationRefused, match="does not know"):
        migration.downgrade(engine)


@pytest.fixture
def tables_of_0002(engine: Engine, database_kind: str) -> Engine:
    """A PostgreSQL at revision 0002, whose undoing drops a table."""
    if database_kind == "sqlite":
        pytest.skip("SQLite locks the whole database for each writer")
    while schema.current(engine) != "0002":
        migration.downgrade(engine)
    return engine


def test_a_migration_that_waits_for_a_table_holds_nobody_up_x32(tables_of_0002: Engine) -> None:
    engine, ended, waits = tables_of_0002, Event(), []

    def read() -> None:
        while not ended.is_set():
            began = time.monotonic()
            with suppress(Exception), engine.connect() as connection:  # it is dropped in the end
                connection.execute(text("SELECT count(*) FROM epochs"))
            waits.append(time.monotonic() - began)
            ended.wait(0.01)

    with ThreadPoolExecutor(2) as pool:
        with engine.connect() as long_reader:
            long_reader.execute(text("SELECT count(*) FROM epochs"))
            downgrading, reading = pool.submit(migration.downgrade, engine), pool.submit(read)
            ended.wait(3)
            assert not downgrading.done()
            long_reader.rollback()
        downgrading.result(30)
        ended.set()
        reading.result(30)
    assert schema.current(engine) == "0001"
    assert max(waits) < GIVES_WAY_WITHIN


def test_a_migration_gives_up_with_advice_when_a_table_is_in_use_for_too_long(
    tables_of_0002: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migration, "_PATIENCE_SECONDS", 0.0)
    with tables_of_0002.connect() as long_reader:
        long_reader.execute(text("SELECT count(*) FROM epochs"))
        with pytest.raises(MigrationRefused, match="pg_stat_activity"):
            migration.downgrade(tables_of_0002)
    assert schema.current(tables_of_0002) == "0002"
