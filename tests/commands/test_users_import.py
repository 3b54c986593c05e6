"""``oidc-server users import``: who is imported, who is left as they are, and which lines are refused."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from sqlalchemy import func, select

from oidc_server.audit.service import SYSTEM
from oidc_server.users.models import User
from oidc_server.users.service import create_user
from tests.commands.command_line import CommandLine, until_somebody_waits
from tests.relying_party import PASSWORD, Server
from tests.users.foreign_hashes import PUBLISHED_PROJECT, SMALL_PROJECT, django, firebase, keycloak

EMPTY = {"read": 0, "imported": 0, "imported_before": 0, "existing": 0, "refused": 0}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "users.jsonl"


def write(file: Path, *records: dict[str, Any] | bytes) -> str:
    """The file with these lines; its path."""
    lines = (record if isinstance(record, bytes) else json.dumps(record).encode() for record in records)
    file.write_bytes(b"".join(line + b"\n" for line in lines))
    return str(file)


def counts(report: dict[str, Any]) -> dict[str, int]:
    """Those that are not 0."""
    return {name: report[name] for name in EMPTY if report[name]}


def number_of_users(server: Server) -> int:
    with server.database.reading() as session:
        return session.scalar(select(func.count()).select_from(User)) or 0


ANN: dict[str, Any] = {
    "email": "Ann@Example.com", "username": "Ann", "email_verified": True, "created_at": "2019-05-31T18:00:00+02:00",
    "password_hash": django("sha256", 1000, "salt", PASSWORD), "name": "Ann Smith", "locale": "en-GB",
    "address": {"locality": "Leeds", "country": None}, "phone_number": "+442079460123", "phone_number_verified": True,
    "nickname": None,
}  # fmt: skip


def test_who_is_imported_keeps_password_profile_and_age(cli: CommandLine, server: Server, file: Path) -> None:
    report = cli.json("users", "import", write(file, ANN))
    assert report == EMPTY | {"read": 1, "imported": 1, "dry_run": False, "lines": []}
    shown = cli.json("users", "show", "ann")
    assert shown["email"] == "Ann@Example.com"
    assert shown["email_verified"] is True
    assert shown["admin"] is False
    assert datetime.fromisoformat(shown["created_at"]) == datetime(2019, 5, 31, 16, tzinfo=UTC)
    assert shown["profile"] == {
        "name": "Ann Smith", "locale": "en-GB", "address": {"locality": "Leeds"}, "phone_number": "+442079460123",
        "phone_number_verified": True,
    }  # fmt: skip
    (event,) = server.audit("user.imported", shown["id"])
    assert event.actor_kind == "operator"
    assert {name: event.detail[name] for name in ("line", "scheme", "verified", "suspended")} == {
        "line": 1, "scheme": "pbkdf2-sha256", "verified": True, "suspended": False,
    }  # fmt: skip
    response = server.token(server.first_party(), "password", username="ANN@example.com", password=PASSWORD)
    assert server.verify(response.json["access_token"])["sub"] == shown["id"]  # type: ignore[index]


def test_passwords_of_each_system_sign_in(cli: CommandLine, server: Server, file: Path, tmp_path: Path) -> None:
    key_file = tmp_path / "key"
    key_file.write_text(f"{SMALL_PROJECT.signer_key}\n")
    hashes: dict[str, Any] = {
        "django": django("sha256", 1000, "salt", PASSWORD),
        "bcrypt": bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode(),
        "keycloak": keycloak("pbkdf2-sha512", "sha512", secret=PASSWORD),
        "firebase": firebase(PASSWORD, SMALL_PROJECT, b"8 bytes!"),
        "argon2": "$argon2id$v=19$m=65536,t=3,p=4$MIIRqgvgQbgj220jfp0MPA$YfwJSVjtjSU0zzV/P3S9nnQ/USre2wvJMjfCIjrTQbg",
    }
    records = [{"email": f"{name}@example.com", "password_hash": given} for name, given in hashes.items()]
    options = ("--firebase-signer-key-file", str(key_file), "--firebase-salt-separator", "AQI=")
    costs = ("--firebase-rounds", "4", "--firebase-mem-cost", "6")
    assert cli.json("users", "import", write(file, *records), *options, *costs)["imported"] == len(hashes)
    client = server.first_party()
    for name in hashes:
        response = server.token(client, "password", username=f"{name}@example.com", password=PASSWORD)
        assert response.status_code == 200, name


def test_who_was_suspended_or_had_no_password_is_so_here(cli: CommandLine, server: Server, file: Path) -> None:
    suspended = {"email": "bob@example.com", "suspended": True, "password_hash": ANN["password_hash"]}
    without = {"email": "eve@example.com", "password_hash": "!unusable", "email_verified": False}
    assert cli.json("users", "import", write(file, suspended, without))["imported"] == 2
    assert cli.json("users", "show", "bob@example.com")["state"] == "suspended"
    assert cli.json("users", "show", "eve@example.com")["email_verified"] is False
    client = server.first_party()
    for email in ("bob@example.com", "eve@example.com"):
        for password in (PASSWORD, "!unusable"):
            assert server.token(client, "password", username=email, password=password).status_code == 400


WRONG: list[tuple[dict[str, Any] | bytes, str]] = [
    ({"email": "a@example.com", "password": "hunter2 in clear"}, "password: A password in clear is never imported"),
    ({"email": "a@example.com", "password_hash": "hunter2 in clear"}, "Never put a password in clear"),
    ({"email": "a@example.com", "password_hash": "pbkdf2_sha256$1000000000$s$" + "A" * 43}, "too long"),
    ({"email": "a@example.com", "is_superuser": True}, "is_superuser: There is no such member"),
    ({"email": "a@example.com", "roles": ["admin"]}, "roles: There is no such member"),
    ({"email": "a@example.com", "id": "0190b5a8-0000-7000-8000-000000000000"}, "an id of its own"),
    ({"email": "a@example.com", "superuser_since": "2020-01-01"}, "There is no such member"),
    ({"email": "a@example.com", "preferred_username": "ann"}, "There is no such member"),
    ({"username": "ann"}, "email: It is text, and has to be there"),
    ({"email": 5}, "email: It is text"),
    ({"email": "a@localhost"}, "email: It is not an email address"),
    ({"email": "a\ud800@example.com"}, "email: It is not an email address"),
    ({"email": "a@example.com", "username": "with space"}, "username:"),
    ({"email": "a@example.com", "username": 5}, "username: It is text"),
    ({"email": "a@example.com", "email_verified": "yes"}, "email_verified: It is true or false"),
    ({"email": "a@example.com", "suspended": 1}, "suspended: It is true or false"),
    ({"email": "a@example.com", "created_at": "2300-01-01"}, "created_at: It is an instant of the past"),
    ({"email": "a@example.com", "created_at": 1559318400}, "created_at: It is an instant"),
    ({"email": "a@example.com", "created_at": "0001-01-01T00:00+14:00"}, "created_at: It is an instant"),
    ({"email": "a@example.com", "name": "a\u0000b"}, "name: It has no control characters"),
    ({"email": "a@example.com", "address": {"planet": "Earth"}}, "address.planet:"),
    ({"email": "a@example.com", "phone_number_verified": True}, "There is no phone number"),
    ({"email": "not one", "name": "", "x\n": 1}, "email: It is not"),
    (b'{"email": "a@example.com", "email": "b@example.com"}', "twice"),
    (b'["a@example.com"]', "no JSON object"),
    (b"{", "no JSON in UTF-8"),
    (b'{"email": "\xff@example.com"}', "no JSON in UTF-8"),
    (b"[" * 60_000, "no JSON in UTF-8"),
    (b'{"name": "' + b"x" * 200_000 + b'"}', "at most 65536 bytes"),
]


def test_a_line_that_says_anything_else_is_refused_with_its_number_and_the_others_are_imported_g23(
    cli: CommandLine, server: Server, file: Path
) -> None:
    path = write(file, b"", ANN, *(line for line, _ in WRONG), {"email": "last@example.com"})
    report = cli.json("users", "import", path, exit_code=1)
    assert counts(report) == {"read": len(WRONG) + 2, "imported": 2, "refused": len(WRONG)}
    told = {line["line"]: line["reason"] for line in report["lines"] if line["fate"] == "refused"}
    for number, (_, words) in enumerate(WRONG, start=3):
        assert words in told[number]
    assert "hunter2" not in json.dumps(report)
    assert number_of_users(server) == 2


def test_in_words_every_refused_line_has_one_line(cli: CommandLine, file: Path) -> None:
    records = [{"email": f"no address {number}", "a\x1b[2J\n": 1} for number in range(60)]
    result = cli.run("users", "import", write(file, ANN, *records))
    assert result.exit_code == 1
    assert "imported         1" in result.stdout
    assert "line 2: " in result.stdout
    assert "10 more lines were refused" in result.stdout
    assert "\x1b" not in result.stdout


def test_existing_accounts_are_left_as_they_are_and_told_apart_from_lines_that_repeat_another(
    cli: CommandLine, server: Server, file: Path
) -> None:
    user = server.user("bob@example.com", username="bob")
    records: list[dict[str, Any]] = [
        {"email": "BOB@example.com", "name": "Robert", "email_verified": False, "suspended": True},
        {"email": "eve@example.com", "username": "eve"},
        {"email": "Eve@EXAMPLE.com", "username": "other"},
        {"email": "other@example.com", "username": "EVE"},
        {"email": "third@example.com", "username": "Bob"},
        {"email": "fourth@example.com", "username": "other"},
    ]
    report = cli.json("users", "import", write(file, *records), exit_code=1)
    assert counts(report) == {"read": 6, "imported": 2, "existing": 1, "refused": 3}
    assert {line["line"]: (line["fate"], line["reason"]) for line in report["lines"]} == {
        1: ("existing", "email: An account has this address; it was left as it is."),
        3: ("refused", "email: Line 2 has this address, too."),
        4: ("refused", "username: Line 2 has this username, too."),
        5: ("refused", "username: Another account has this username."),
    }
    shown = cli.json("users", "show", "bob")
    assert (shown["id"], shown["state"], shown["profile"]) == (str(user.id), "active", {})
    assert server.sign_in(server.first_party(), user)


def test_a_dry_run_says_the_same_and_changes_nothing(cli: CommandLine, server: Server, file: Path) -> None:
    server.user("bob@example.com")
    records = [
        ANN,
        {"email": "bob@example.com"},
        {"email": "ann@example.com"},
        {"email": "x"},
        {"email": "c@example.com"},
    ]
    path = write(file, *records)
    rehearsed = cli.json("users", "import", path, "--dry-run", exit_code=1)
    assert number_of_users(server) == 1
    assert "Nothing was changed" in cli.run("users", "import", path, "--dry-run").stdout
    done = cli.json("users", "import", path, exit_code=1)
    assert rehearsed == done | {"dry_run": True}
    assert number_of_users(server) == 3


def test_importing_a_file_again_imports_nobody_twice(cli: CommandLine, server: Server, file: Path) -> None:
    path = write(file, ANN, {"email": "bob@example.com"}, {"email": "ann@example.com"})
    assert counts(cli.json("users", "import", path, exit_code=1)) == {"read": 3, "imported": 2, "refused": 1}
    for option in ("--dry-run", "--json"):
        again = cli.json("users", "import", path, option, exit_code=1)
        assert counts(again) == {"read": 3, "imported_before": 2, "refused": 1}
    other = write(file, ANN)
    assert counts(cli.json("users", "import", other)) == {"read": 1, "existing": 1}
    assert number_of_users(server) == 2


def test_refused_lines_are_written_as_they_are_to_a_new_file_of_the_owners(
    cli: CommandLine, file: Path, tmp_path: Path
) -> None:
    refused = tmp_path / "refused.jsonl"
    wrong: list[dict[str, Any]] = [{"email": "no address", "name": "Nöname"}, {"email": "b@example.com", "roles": []}]
    cli.json("users", "import", write(file, wrong[0], ANN, wrong[1]), "--refused", str(refused), exit_code=1)
    assert [json.loads(line) for line in refused.read_bytes().splitlines()] == wrong
    assert refused.stat().st_mode & 0o777 == 0o600
    assert "File exists" in cli.refusal("users", "import", str(file), "--refused", str(refused))


def test_a_byte_order_mark_empty_lines_and_a_missing_newline_are_no_matter(cli: CommandLine, file: Path) -> None:
    file.write_bytes(b'\xef\xbb\xbf{"email": "a@example.com"}\r\n\r\n  \n{"email": "b@example.com"}')
    assert counts(cli.json("users", "import", str(file))) == {"read": 2, "imported": 2}
    file.write_bytes(b"")
    assert counts(cli.json("users", "import", str(file))) == {}


def test_parameters_of_firebase_that_cannot_be_used_are_refused_before_anything_is_read(
    cli: CommandLine, server: Server, file: Path, tmp_path: Path
) -> None:
    path, key_file = write(file, ANN), tmp_path / "key"
    for content, options in (
        (b"not base64!", ()),
        (b"YQ==", ()),
        (b"\xff", ()),
        (PUBLISHED_PROJECT.signer_key.encode(), ("--firebase-mem-cost", "24", "--firebase-rounds", "64")),
    ):
        key_file.write_bytes(content)
        words = cli.refusal("users", "import", path, "--firebase-signer-key-file", str(key_file), *options)
        assert "The parameters of Firebase cannot be used" in words
    assert number_of_users(server) == 0


def test_a_pipe_is_refused_because_the_file_is_read_twice(cli: CommandLine, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    descriptor = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)  # so that opening it for reading does not wait
    try:
        assert "not a pipe" in cli.refusal("users", "import", str(pipe))
    finally:
        os.close(descriptor)


def test_an_address_that_is_registered_meanwhile_is_an_existing_account(
    cli: CommandLine, server: Server, file: Path, database_kind: str
) -> None:
    """Between the look and the insertion somebody registers: the batch is decided anew, and nobody else is lost."""
    path = write(file, *({"email": f"user-{number}@example.com"} for number in range(3)))
    with ThreadPoolExecutor(1) as elsewhere:
        with server.database.transaction() as session:
            create_user(session, actor=SYSTEM, email="user-1@example.com")
            importing = elsewhere.submit(cli.json, "users", "import", path)
            if database_kind == "postgresql":
                until_somebody_waits(server.database)
        assert counts(importing.result()) == {"read": 3, "imported": 2, "existing": 1}
    assert number_of_users(server) == 3
