"""What every command says when it cannot do anything: one line and exit code 1, or the settings' problems and 2."""

from __future__ import annotations

import sqlite3
import uuid
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest

from oidc_server.commands import COMMANDS, main
from oidc_server.commands.options import Output
from tests.commands.command_line import CommandLine


@pytest.mark.parametrize("arguments", [("clients", "list"), ("users", "show", "ann"), ("token", "inspect", "x")])
def test_a_database_that_is_down_is_one_line_without_its_password(cli: CommandLine, arguments: tuple[str, ...]) -> None:
    down = cli.with_variables(OIDC_DATABASE_URL="postgresql://oidc:hunter2@127.0.0.1:1/oidc")
    line = down.refusal(*arguments)
    assert "The database cannot be used" in line
    assert "127.0.0.1" in line
    assert "hunter2" not in line


def test_every_problem_of_the_settings_is_told_at_once_with_exit_code_2(cli: CommandLine) -> None:
    broken = cli.with_variables(OIDC_ISSUER="nowhere", OIDC_SIGNING_ALG="none", OIDC_TRUSTED_PROXIES="all")
    result = broken.run("clients", "list", "--json")
    assert result.exit_code == 2
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert [line.split(":")[0].strip() for line in lines[1:]] == [
        "OIDC_ISSUER", "OIDC_SIGNING_ALG", "OIDC_TRUSTED_PROXIES"
    ]  # fmt: skip


def set_revision(revision: str) -> None:
    with sqlite3.connect("var/oidc.sqlite3") as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    connection.close()


def test_the_schema_of_something_else_is_told_and_left_alone(here: CommandLine) -> None:
    here.json("clients", "list")
    set_revision("of-something-else")
    for command in (("clients", "list"), ("db", "upgrade"), ("db", "downgrade")):
        assert "not one that this version knows" in here.refusal(*command)


def test_the_schema_of_the_next_version_is_worked_with_x31(here: CommandLine) -> None:
    """While servers are replaced one by one, the old ones and their commands go on."""
    here.json("clients", "list")
    set_revision("9999")
    assert here.json("clients", "list") == []
    assert here.json("db", "upgrade") == {"before": "9999", "after": "9999"}
    assert "newer than this version needs" in here.run("db", "upgrade").output


def test_a_folder_of_data_that_cannot_be_made_is_a_problem_of_the_settings(here: CommandLine) -> None:
    Path("file").write_text("")
    result = here.run("users", "list", "--data", "file/below")
    assert result.exit_code == 2
    assert "file/below: it cannot be used" in result.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_takes_json_and_data(name: str) -> None:
    """Only `serve` takes neither: it reads the environment, and speaks in its log."""
    command = main.get_command(click.Context(main), name)
    leaves = command.commands.values() if isinstance(command, click.Group) else [command]
    assert leaves
    for leaf in leaves:
        assert leaf is not None
        assert leaf.help
        options = {option for parameter in leaf.params for option in parameter.opts}
        assert name == "serve" or {"--json", "--data"} <= options


def test_json_knows_instants_ids_and_paths_and_nothing_that_it_would_have_to_guess(
    capsys: pytest.CaptureFixture[str],
) -> None:
    identity = uuid.uuid4()
    Output(as_json=True).say({"at": datetime(2030, 1, 31, tzinfo=UTC), "id": identity, "path": Path("a/b")}, "")
    assert capsys.readouterr().out.split() == [
        "{", '"at":', '"2030-01-31T00:00:00Z",', '"id":', f'"{identity}",', '"path":', '"a/b"', "}"
    ]  # fmt: skip
    with pytest.raises(TypeError):
        Output(as_json=True).say({"secret": b"bytes"}, "")
