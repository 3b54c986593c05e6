"""The migrations make exactly what the models say, can be run by several at once, and can be undone."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, exc, inspect, text

from oidc_server.core import migration, schema
from oidc_server.core.database import Base, make_engine
from tests.relying_party import Server


@pytest.fixture
def engine(database_kind: str, make_database: Callable[[str], str]) -> Engine:
    """An empty database."""
    return make_engine(make_database(database_kind), pool_size=4, statement_timeout_ms=20_000)


def config(connection: Connection) -> Config:
    made = Config(attributes={"connection": connection})
    made.set_main_option("script_location", str(schema.scripts()))
    return made


def test_the_migrations_make_what_the_models_say(engine: Engine) -> None:
    assert schema.current(engine) is None
    migration.upgrade(engine)
    assert schema.suffices(engine)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_the_newest_file_is_the_head_of_the_migrations(engine: Engine) -> None:
    with engine.connect() as connection:
        assert ScriptDirectory.from_config(config(connection)).get_current_head() == schema.head()


def test_several_may_upgrade_at_once_x25(engine: Engine) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: migration.upgrade(engine), range(4)))
    assert schema.suffices(engine)


def test_everything_can_be_undone(engine: Engine) -> None:
    migration.upgrade(engine)
    with engine.connect().execution_options(write=True) as connection, connection.begin():
        command.downgrade(config(connection), "base")
    with engine.connect() as connection:
        assert set(inspect(connection).get_table_names()) == {"alembic_version"}


def test_what_is_in_the_audit_table_can_neither_be_changed_nor_deleted(server: Server) -> None:
    server.client()
    for statement in ("UPDATE audit_events SET event = 'x'", "DELETE FROM audit_events"):
        with (
            pytest.raises(exc.DatabaseError, match="append-only"),
            server.database.transaction() as session,
        ):
            session.execute(text(statement))
