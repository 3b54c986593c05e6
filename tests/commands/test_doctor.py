"""``oidc-server doctor``: each thing that can be wrong is found, named, and comes with its mend."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from oidc_server.core import clock
from oidc_server.keys.ring import EXTENSION as KEY_RING
from oidc_server.messages.kinds import Kind
from oidc_server.messages.models import Message
from oidc_server.messages.service import enqueue
from tests.commands.command_line import CommandLine
from tests.relying_party import Server

FIT = {
    "OIDC_SECRET_KEY": secrets.token_urlsafe(48),
    "OIDC_MASTER_KEY": secrets.token_urlsafe(48),
    "OIDC_PASSWORD_HASH_ROUNDS": "12",
}


def examined(cli: CommandLine, *options: str, exit_code: int = 0) -> dict[str, list[dict[str, Any]]]:
    """The findings by the name of their check."""
    report = cli.json("doctor", *options, exit_code=exit_code)
    assert report["healthy"] is (exit_code == 0)
    found: dict[str, list[dict[str, Any]]] = {}
    for finding in report["checks"]:
        found.setdefault(finding["check"], []).append(finding)
    return found


def one(cli: CommandLine, check: str, *options: str, exit_code: int = 0) -> dict[str, Any]:
    """The only finding of a check."""
    (finding,) = examined(cli, *options, exit_code=exit_code)[check]
    return finding


def test_a_healthy_server_passes_every_check(cli: CommandLine) -> None:
    found = examined(cli.with_variables(**FIT), "--production")
    assert found.keys() == {
        "settings", "database", "migrations", "clock", "keys", "key rotation", "key secrecy", "redis", "mail"
    }  # fmt: skip
    statuses = {check: findings[0]["status"] for check, findings in found.items()}
    assert statuses.pop("key secrecy") == "advice"
    assert {statuses.pop("redis"), statuses.pop("mail")} == {"skipped"}
    assert set(statuses.values()) == {"ok"}


def test_the_table_says_the_same_in_words(cli: CommandLine) -> None:
    result = cli.run("doctor")
    assert result.exit_code == 0
    lines = {line.split()[0]: line for line in result.stdout.splitlines()}
    assert "ok" in lines["database"]
    assert "It answers." in lines["database"]
    assert "OIDC_REDIS_URL is not set" in lines["redis"]


def test_what_production_would_refuse_is_a_warning_and_with_production_a_failure(cli: CommandLine) -> None:
    warned = examined(cli)["settings"]
    assert {finding["status"] for finding in warned} == {"warning"}
    assert any("OIDC_PASSWORD_HASH_ROUNDS" in finding["words"] for finding in warned)
    failed = examined(cli, "--production", exit_code=1)["settings"]
    assert {finding["status"] for finding in failed} == {"failed"}
    assert [finding["words"] for finding in failed] == [finding["words"] for finding in warned]


def test_settings_that_cannot_be_used_are_told_all_at_once_with_exit_code_2(cli: CommandLine) -> None:
    broken = cli.with_variables(OIDC_ISSUER="nowhere", OIDC_SIGNING_ALG="none", OIDC_TRUSTED_PROXIES="all")
    found = examined(broken, exit_code=2)
    told = " ".join(finding["words"] for finding in found["settings"])
    assert all(name in told for name in ("OIDC_ISSUER", "OIDC_SIGNING_ALG", "OIDC_TRUSTED_PROXIES"))
    assert all(finding["mend"] for finding in found["settings"])
    assert found["everything else"][0]["status"] == "skipped"


def test_a_value_that_cannot_be_read_is_exit_code_2(cli: CommandLine) -> None:
    found = examined(cli.with_variables(OIDC_WORKERS="many"), exit_code=2)
    assert "OIDC_WORKERS" in found["settings"][0]["words"]


def test_a_database_that_does_not_answer_fails_and_its_password_is_not_told(cli: CommandLine) -> None:
    down = cli.with_variables(OIDC_DATABASE_URL="postgresql://oidc:hunter2@127.0.0.1:1/oidc")
    found = examined(down, exit_code=1)
    assert found["database"][0]["status"] == "failed"
    assert "OIDC_DATABASE_URL" in found["database"][0]["mend"]
    assert {found["migrations"][0]["status"], found["clock"][0]["status"]} == {"skipped"}
    assert "hunter2" not in down.run("doctor").output


def test_without_the_driver_of_postgresql_its_extra_is_named(cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg2", None)
    other = cli.with_variables(OIDC_DATABASE_URL="postgresql://oidc@127.0.0.1:1/oidc")
    assert "oidc-server[postgres]" in one(other, "database", exit_code=1)["mend"]
    assert "oidc-server[postgres]" in other.refusal("clients", "list")


def test_an_old_schema_fails_until_it_is_upgraded(
    cli: CommandLine, database_kind: str, make_database: Callable[[str], str]
) -> None:
    fresh = cli.with_variables(OIDC_DATABASE_URL=make_database(database_kind))
    finding = one(fresh, "migrations", exit_code=1)
    assert finding["status"] == "failed"
    assert "oidc-server db upgrade" in finding["mend"]
    assert "oidc-server db upgrade" in fresh.refusal("clients", "list")
    assert fresh.run("db", "upgrade").exit_code == 0
    assert one(fresh, "migrations")["status"] == "ok"


def test_a_clock_that_differs_from_the_databases_fails(cli: CommandLine, database_kind: str) -> None:
    clock.travel(timedelta(minutes=2))
    on_another_host = database_kind == "postgresql"
    finding = one(cli, "clock", exit_code=1 if on_another_host else 0)
    assert finding["status"] == ("failed" if on_another_host else "ok")
    if on_another_host:
        assert "120 s" in finding["words"]


def test_a_server_on_a_fresh_folder_is_told_what_is_missing(here: CommandLine) -> None:
    found = examined(here, exit_code=1)
    assert found["migrations"][0]["status"] == "failed"
    assert found["keys"][0]["status"] == "warning"
    assert not Path("keys").exists()
    here.json("db", "upgrade")
    examined(here)


def test_a_damaged_state_of_a_development_server_is_exit_code_2(here: CommandLine) -> None:
    for content in ("{", "[]"):
        Path("var").mkdir(exist_ok=True)
        Path("var/dev.json").write_text(content)
        assert "dev.json" in examined(here, exit_code=2)["settings"][0]["words"]


def test_a_folder_that_cannot_be_made_is_exit_code_2(here: CommandLine) -> None:
    Path("file").write_text("")
    assert "file" in examined(here, "--data", "file/below", exit_code=2)["settings"][0]["words"]


# Keys


@pytest.fixture
def own_keys(cli: CommandLine, tmp_path: Path) -> tuple[CommandLine, Path]:
    """The command line with an empty key directory of its own."""
    folder = tmp_path / "keys"
    folder.mkdir(mode=0o700)
    return cli.with_variables(OIDC_KEY_DIRECTORY=str(folder)), folder


def test_a_half_written_key_file_is_named(own_keys: tuple[CommandLine, Path]) -> None:
    cli, folder = own_keys
    (folder / "half.pem").write_text("kid: half\n\n-----BEGIN PRIVATE KEY-----\nMIIE")
    (folder / "half.pem").chmod(0o600)
    finding = one(cli, "keys", exit_code=1)
    assert finding["status"] == "failed"
    assert "half.pem" in finding["words"]
    assert cli.run("doctor").stderr == ""
    assert [path.name for path in folder.iterdir()] == ["half.pem"]


def test_a_key_directory_that_is_open_to_others_fails(
    own_keys: tuple[CommandLine, Path], make_server: Callable[..., Server]
) -> None:
    cli, folder = own_keys
    make_server(key_directory=folder)
    folder.chmod(0o755)
    assert "chmod 700" in one(cli, "keys", exit_code=1)["words"]


def test_a_key_directory_that_cannot_be_looked_at_fails(cli: CommandLine) -> None:
    assert one(cli.with_variables(OIDC_KEY_DIRECTORY="x" * 300), "keys", exit_code=1)["status"] == "failed"


def test_an_empty_key_store_is_for_the_first_start_to_fill(own_keys: tuple[CommandLine, Path]) -> None:
    cli, folder = own_keys
    assert one(cli, "keys")["status"] == "advice"
    assert list(folder.iterdir()) == []


def test_where_no_key_signs_the_next_step_is_named(
    own_keys: tuple[CommandLine, Path], make_server: Callable[..., Server]
) -> None:
    cli, folder = own_keys
    make_server(key_directory=folder)
    other = cli.with_variables(OIDC_SIGNING_ALG="ES256")
    finding = one(other, "keys", exit_code=1)
    assert finding["words"] == "No key signs with ES256."
    assert "keys rotate --now" in finding["mend"]
    kid = cli.json("keys", "list")[0]["kid"]
    cli.json("keys", "revoke", kid)
    assert "The next one signs in" in one(cli, "keys", exit_code=1)["mend"]


def test_a_key_that_was_not_rotated_in_time_is_a_warning(
    own_keys: tuple[CommandLine, Path], make_server: Callable[..., Server], database_kind: str
) -> None:
    cli, folder = own_keys
    make_server(key_directory=folder)
    assert one(cli, "key rotation")["status"] == "ok"
    clock.travel(timedelta(days=92))
    late = 1 if database_kind == "postgresql" else 0  # the database's clock stayed behind
    finding = one(cli, "key rotation", exit_code=late)
    assert finding["status"] == "warning"
    assert "92 days old" in finding["words"]
    assert "keys rotate" in finding["mend"]
    cli.json("keys", "rotate")
    assert one(cli, "key rotation", exit_code=late)["status"] == "ok"
    unscheduled = cli.with_variables(OIDC_KEY_ROTATION_DAYS="0")
    assert one(unscheduled, "key rotation", exit_code=late)["status"] == "ok"
    clock.travel(timedelta(days=366))
    assert one(unscheduled, "key rotation", exit_code=late)["status"] == "advice"


def test_the_secrecy_of_key_files_is_judged(
    own_keys: tuple[CommandLine, Path], make_server: Callable[..., Server]
) -> None:
    cli, folder = own_keys
    make_server(key_directory=folder)
    assert one(cli, "key secrecy")["status"] == "advice"
    encrypted = cli.with_variables(OIDC_KEY_PASSPHRASE="a passphrase")
    finding = one(encrypted, "key secrecy")
    assert finding["status"] == "warning"
    assert "keys reseal" in finding["mend"]
    encrypted.json("keys", "reseal")
    assert one(encrypted, "key secrecy")["status"] == "ok"
    assert "passphrase" in one(cli, "keys", exit_code=1)["words"]


def test_a_wrong_master_key_is_named(
    cli: CommandLine, database_kind: str, make_database: Callable[[str], str], make_server: Callable[..., Server]
) -> None:
    fresh = cli.with_variables(OIDC_DATABASE_URL=make_database(database_kind), OIDC_KEY_STORE="database")
    assert one(fresh, "keys", exit_code=1)["status"] == "skipped"
    fresh.json("db", "upgrade")
    assert one(fresh, "keys")["status"] == "advice"
    url = fresh.environment["OIDC_DATABASE_URL"]
    server = make_server(database_url=url, key_store="database")
    assert one(fresh, "keys")["status"] == "ok"
    assert one(fresh, "key secrecy")["status"] == "ok"
    server.app.extensions[KEY_RING].close()
    wrong = fresh.with_variables(OIDC_MASTER_KEY=secrets.token_urlsafe(48))
    assert "OIDC_MASTER_KEY" in one(wrong, "keys", exit_code=1)["words"]


def test_messages_that_do_not_get_out_are_told(cli: CommandLine, server: Server) -> None:
    with server.database.transaction() as session:
        enqueue(session, kind=Kind.ACCOUNT_ERASED, recipient="ada@example.com")
    assert "mail waits" in one(cli, "mail")["words"]
    with server.database.transaction() as session:
        enqueue(session, kind=Kind.ACCOUNT_ERASED, recipient="bob@example.com")
        session.execute(update(Message).values(created_at=clock.now() - timedelta(minutes=6)))
    _, late = examined(cli)["mail"]
    assert late["status"] == "warning"
    assert late["words"] == "2 messages wait, and not all get out."
    assert "oidc-server worker" in late["mend"]
