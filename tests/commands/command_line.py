"""The command line as an operator uses it, run inside the test's process so that the clock can be moved."""

from __future__ import annotations

import dataclasses
import json
import os
import time
from collections.abc import Mapping
from typing import Any

from click.testing import CliRunner, Result
from sqlalchemy import text

from oidc_server.commands import main
from oidc_server.core.database import Database
from oidc_server.core.settings import PREFIX, Settings, variable
from tests.log_lines import logs_kept_as_they_are


def environment_of(settings: Settings) -> dict[str, str]:
    """The environment variables that give these settings."""
    variables = {}
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if value != field.default:
            variables[variable(field.name)] = ",".join(value) if isinstance(value, tuple) else str(value)
    return variables


class CommandLine:
    """Runs ``oidc-server`` with some settings in the environment and no others."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        inherited = dict.fromkeys(name for name in os.environ if name.startswith(PREFIX))
        self.environment: dict[str, str | None] = inherited | dict(variables)

    def with_variables(self, **variables: str) -> CommandLine:
        """The same with further variables in its environment."""
        other = CommandLine(variables)
        other.environment = {**self.environment, **variables}
        return other

    def run(self, *arguments: str, given: str | bytes = "") -> Result:
        """Run one command with ``given`` on its standard input; a fault in it is the test's."""
        with logs_kept_as_they_are():  # a command logs to its own standard error, which is gone afterwards
            return CliRunner(env=self.environment).invoke(main, arguments, input=given, catch_exceptions=False)

    def json(self, *arguments: str, given: str | bytes = "", exit_code: int = 0) -> Any:
        """Run one command with ``--json``; what it printed, read."""
        result = self.run(*arguments, "--json", given=given)
        assert result.exit_code == exit_code, result.output
        return json.loads(result.stdout)

    def refusal(self, *arguments: str, given: str | bytes = "", exit_code: int = 1) -> str:
        """Run one command that must be refused; the one line in which it says why."""
        result = self.run(*arguments, given=given)
        assert result.exit_code == exit_code, result.output
        assert result.stdout == ""
        assert result.stderr.endswith("\n")
        assert result.stderr.count("\n") == 1
        return result.stderr.removeprefix("Error: ").rstrip("\n")


def until_somebody_waits(database: Database) -> None:
    """Return when a connection to this PostgreSQL database waits for a lock that another one holds."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    for _ in range(500):
        with database.glance() as connection:
            if connection.execute(text(query)).scalar_one():
                return
        time.sleep(0.01)
    raise AssertionError("nobody waits")
