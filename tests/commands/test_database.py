"""``oidc-server db``: each change of the schema is told, and so is each refusal."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import text

from oidc_server.core import schema
from oidc_server.core.database import make_engine
from tests.commands.command_line import CommandLine
from tests.running import ISSUER, free_port

HEAD = schema.head()
BEFORE = f"{int(HEAD) - 1:04}"


@pytest.fixture
def cli(database_kind: str, make_database: Callable[[str], str]) -> CommandLine:
    """The command line on an empty database."""
    return CommandLine(
        {
            "OIDC_ISSUER": ISSUER,
            "OIDC_DATABASE_URL": make_database(database_kind),
            "OIDC_SECRET_KEY": "s" * 48,
            "OIDC_MASTER_KEY": "m" * 48,
        }
    )


def test_the_schema_goes_forward_and_back_by_steps(cli: CommandLine) -> None:
    assert cli.json("db", "status", exit_code=1) == {"current": None, "head": HEAD, "is_current": False}
    assert "There is no schema" in cli.run("db", "downgrade").output
    assert cli.json("db", "upgrade") == {"before": None, "after": HEAD}
    assert f"is current ({HEAD})" in cli.run("db", "upgrade").output
    assert f"went back from {HEAD} to {BEFORE}" in cli.run("db", "downgrade").output
    assert "run `oidc-server db upgrade`" in cli.run("db", "status").output
    assert f"went from {BEFORE} to {HEAD}" in cli.run("db", "upgrade").output
    assert cli.json("db", "status")["is_current"] is True


def test_a_downgrade_that_is_refused_changes_nothing_and_says_why(cli: CommandLine) -> None:
    cli.run("db", "upgrade")
    for _ in range(int(HEAD) - 1):
        assert cli.run("db", "downgrade").exit_code == 0
    refused = cli.run("db", "downgrade")
    assert (refused.exit_code, "the first revision" in refused.output) == (1, True)
    assert cli.json("db", "status", exit_code=1)["current"] == "0001"


def test_a_database_that_refuses_a_statement_is_told_by_its_own_words(cli: CommandLine) -> None:
    engine = make_engine(str(cli.environment["OIDC_DATABASE_URL"]), pool_size=1, statement_timeout_ms=5000)
    with engine.connect().execution_options(write=True) as connection, connection.begin():
        connection.execute(text("CREATE TABLE audit_events (id INTEGER)"))
    engine.dispose()
    refused = cli.run("db", "upgrade")
    assert refused.exit_code == 1
    assert "audit_events" in refused.output
    assert "already exists" in refused.output
    assert cli.json("db", "status", exit_code=1)["current"] is None


def test_a_database_that_is_away_is_told_with_its_address(cli: CommandLine) -> None:
    away = cli.with_variables(OIDC_DATABASE_URL=f"postgresql://oidc@127.0.0.1:{free_port()}/oidc")
    refused = away.run("db", "upgrade")
    assert (refused.exit_code, "127.0.0.1" in refused.output) == (1, True)
    assert "Check OIDC_DATABASE_URL" in refused.output
