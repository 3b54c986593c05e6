"""``oidc-server users``: accounts that can sign in over HTTP, and what suspending one ends."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from oidc_server.audit.service import SYSTEM
from oidc_server.core import clock
from oidc_server.users.models import User
from oidc_server.users.service import create_user
from tests.commands.command_line import CommandLine, until_somebody_waits
from tests.relying_party import PASSWORD, Server, body_of, error

CREATE = ("users", "create", "--email", "ann@example.com")
ANN = f"{PASSWORD}\n"


def number_of_users(server: Server) -> int:
    with server.database.reading() as session:
        return session.scalar(select(func.count()).select_from(User)) or 0


def test_a_created_user_signs_in_with_the_password_from_standard_input(cli: CommandLine, server: Server) -> None:
    made = cli.json(*CREATE, "--username", "ann", "--verified", "--password-stdin", given=ANN)
    assert made["email"] == "ann@example.com"
    assert made["username"] == "ann"
    assert made["email_verified"] is True
    assert made["admin"] is False
    for login in ("ann@example.com", "ANN@example.com", "Ann"):
        response = server.token(server.first_party(), "password", username=login, password=PASSWORD)
        assert server.verify(body_of(response)["access_token"])["sub"] == made["id"]


def test_the_password_is_asked_for_twice_and_never_echoed(cli: CommandLine, server: Server) -> None:
    result = cli.run(*CREATE, given=f"{PASSWORD}\n{PASSWORD}\n")
    assert result.exit_code == 0
    assert PASSWORD not in result.output
    response = server.token(server.first_party(), "password", username="ann@example.com", password=PASSWORD)
    assert response.status_code == 200


def test_two_different_answers_are_asked_for_again(cli: CommandLine, server: Server) -> None:
    result = cli.run(*CREATE, given=f"{PASSWORD}\nsomething else\n")
    assert result.exit_code == 1
    assert number_of_users(server) == 0


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_only_the_final_newline_is_no_part_of_the_password(cli: CommandLine, server: Server, ending: str) -> None:
    password = "  spaces around, ünïcode  "
    cli.json(*CREATE, "--password-stdin", given=(password + ending).encode())
    client = server.first_party()
    assert server.token(client, "password", username="ann@example.com", password=password).status_code == 200
    assert error(server.token(client, "password", username="ann@example.com", password=password.strip()))[0] == 400


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (b"short", "at least 8"),
        (b"", "at least 8"),
        (b"x" * 257, "at most 256"),
        (b"y" * 5000, "too long"),
        (b"password123", "guessed first"),
        (b"ann@example.com", "your name"),
        (b"annabelle-smith", "your name"),
        (b"two lines\nof a file\n", "one line"),
        (b"with\x00a NUL in it", "control characters"),
        (b"\xff\xfe not UTF-8", "UTF-8"),
    ],
)
def test_a_password_that_may_not_be_is_refused_without_repeating_it(
    cli: CommandLine, server: Server, given: bytes, words: str
) -> None:
    line = cli.refusal(*CREATE, "--username", "annabelle-smith", "--password-stdin", given=given)
    assert words in line
    if len(given) > 8:
        assert given.decode(errors="replace").strip() not in line
    assert number_of_users(server) == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("--email", "not an address"),
        ("--email", "ann@localhost"),
        ("--email", "\udcff@example.com"),
        ("--email", ""),
        ("--email", "ann@example.com", "--username", "with space"),
        ("--email", "ann@example.com", "--username", ""),
        ("--email", "ann@example.com", "--username", "\udcff"),
        ("--email", "ann@example.com", "--username", "x" * 65),
        ("--email", "ann@example.com", "--username", "e\u0301" * 40),
        (
            "--email",
            "e\u0301" * 62 + "@" + "e\u0301" * 40 + ".example." + "o\u0301" * 40 + ".example." + "u\u0308" * 30,
        ),
    ],
)
def test_an_email_or_username_that_cannot_be_is_refused_before_the_password_is_asked_for(
    cli: CommandLine, server: Server, arguments: tuple[str, ...]
) -> None:
    assert cli.refusal("users", "create", *arguments)
    assert number_of_users(server) == 0


def test_an_email_or_username_that_is_taken_is_refused_however_it_is_written(cli: CommandLine, server: Server) -> None:
    cli.json(*CREATE, "--username", "ann", "--password-stdin", given=ANN)
    assert "email" in cli.refusal("users", "create", "--email", "ANN@EXAMPLE.COM", "--password-stdin", given=ANN)
    other = ("users", "create", "--email", "other@example.com", "--username", "ANN")
    assert "username" in cli.refusal(*other, "--password-stdin", given=ANN)
    assert number_of_users(server) == 1


def test_two_that_are_made_at_once_are_one_account_and_one_refusal(
    cli: CommandLine, server: Server, database_kind: str
) -> None:
    with ThreadPoolExecutor(1) as elsewhere:
        with server.database.transaction() as session:
            create_user(session, actor=SYSTEM, email="ann@example.com", username="ann")
            second = elsewhere.submit(cli.refusal, *CREATE, "--password-stdin", given=ANN)
            if database_kind == "postgresql":
                until_somebody_waits(server.database)
        assert "email address" in second.result()
    assert number_of_users(server) == 1


def test_an_administrator_is_made_by_the_command_line_only_and_it_is_recorded_o06(
    cli: CommandLine, server: Server
) -> None:
    made = cli.json(*CREATE, "--admin", "--password-stdin", given=ANN)
    assert made["admin"] is True
    (event,) = server.audit("user.created", made["id"])
    assert event.detail == {"verified": False, "superuser": True}
    assert event.actor_kind == "operator"


def test_the_list_shows_every_account_oldest_first_and_no_password(
    cli: CommandLine, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oidc_server.commands.users._PAGE", 2)
    made = [server.user(f"user-{number}@example.com") for number in range(5)]
    listed = cli.json("users", "list")
    assert [user["id"] for user in listed] == [str(user.id) for user in made]
    table = cli.run("users", "list").stdout
    assert all(user.email in table for user in made)
    assert "bcrypt" not in table + json.dumps(listed)


def test_a_user_is_found_by_id_email_and_username(cli: CommandLine) -> None:
    made = cli.json(*CREATE, "--username", "ann", "--password-stdin", given=ANN)
    for identifier in (made["id"], "ann@example.com", "Ann@Example.COM", "ann", "ANN"):
        shown = cli.json("users", "show", identifier)
        assert shown["id"] == made["id"]
        assert shown["state"] == "active"
    assert "bcrypt" not in cli.run("users", "show", "ann").stdout


def test_show_counts_running_sessions_and_living_authorizations(cli: CommandLine, server: Server) -> None:
    user = server.user()
    server.sign_in(server.first_party(), user)
    shown = cli.json("users", "show", str(user.id))
    assert (shown["sessions"], shown["authorizations"]) == (1, 1)


def test_suspending_ends_sessions_and_tokens_and_says_how_many(cli: CommandLine, server: Server) -> None:
    user, client = server.user(), server.first_party()
    tokens = server.sign_in(client, user)
    server.sign_in(client, user)
    done = cli.json("users", "suspend", user.email, "--note", "asked for it")
    assert (done["sessions_ended"], done["authorizations_revoked"], done["state"]) == (2, 2, "suspended")
    assert error(server.refresh(client, tokens["refresh_token"])) == (400, "invalid_grant")
    assert server.introspect(client, tokens["access_token"]) == {"active": False}
    refused = server.token(client, "password", username=user.email, password=user.password)
    assert error(refused) == (400, "invalid_grant")
    (event,) = server.audit("user.suspended", str(user.id))
    assert event.detail == {"until": None, "note": "asked for it"}
    assert event.actor_kind == "operator"


def test_after_activation_one_may_sign_in_again_and_what_was_ended_stays_ended(
    cli: CommandLine, server: Server
) -> None:
    user, client = server.user(), server.first_party()
    tokens = server.sign_in(client, user)
    cli.json("users", "suspend", user.email)
    assert cli.json("users", "activate", user.email)["state"] == "active"
    assert error(server.refresh(client, tokens["refresh_token"])) == (400, "invalid_grant")
    assert server.sign_in(client, user)
    assert "nothing was changed" in cli.run("users", "activate", user.email).stdout
    assert len(server.audit("user.activated", str(user.id))) == 1


def test_a_lock_ends_by_itself(cli: CommandLine, server: Server) -> None:
    user, client = server.user(), server.first_party()
    until = clock.now() + timedelta(hours=1)
    done = cli.json("users", "suspend", user.email, "--until", until.isoformat())
    assert done["state"] == "locked"
    assert datetime.fromisoformat(done["locked_until"]) == until
    attempt = {"username": user.email, "password": user.password}
    assert error(server.token(client, "password", **attempt)) == (400, "invalid_grant")
    clock.travel(timedelta(hours=1, seconds=1))
    assert server.token(client, "password", **attempt).status_code == 200
    assert cli.json("users", "show", user.email)["state"] == "active"


@pytest.mark.parametrize(
    "instant", ["2200-01-31", "2200-01-31T00:00", "2200-01-31T01:00+01:00", "2200-01-31T00:00:00Z"]
)
def test_an_instant_without_an_offset_is_utc(cli: CommandLine, server: Server, instant: str) -> None:
    user = server.user()
    done = cli.json("users", "suspend", user.email, "--until", instant)
    assert datetime.fromisoformat(done["locked_until"]) == datetime(2200, 1, 31, tzinfo=UTC)
    assert "2200-01-31 00:00:00 UTC" in cli.run("users", "show", user.email).stdout


def test_an_instant_that_is_over_or_no_instant_changes_nothing(cli: CommandLine, server: Server) -> None:
    user = server.user()
    assert "is over" in cli.refusal("users", "suspend", user.email, "--until", "2020-01-01")
    for instant in ("tomorrow", "", "0001-01-01T00:00+14:00"):
        assert cli.run("users", "suspend", user.email, f"--until={instant}").exit_code == 2
    assert cli.json("users", "show", user.email)["state"] == "active"


@pytest.mark.parametrize("note", ["two\nlines", "\udcff", "a\x00b", "x" * 501])
def test_a_note_that_the_audit_cannot_hold_changes_nothing(cli: CommandLine, server: Server, note: str) -> None:
    user = server.user()
    assert "one line" in cli.refusal("users", "suspend", user.email, "--note", note)
    assert cli.json("users", "show", user.email)["state"] == "active"
    assert server.audit("user.suspended", str(user.id)) == []


@pytest.mark.parametrize("command", ["show", "suspend", "activate"])
def test_an_unknown_user_is_one_line_and_changes_nothing(cli: CommandLine, server: Server, command: str) -> None:
    user = server.user()
    unknown = (
        "missing",
        "missing@example.com",
        "0190b5a8-0000-7000-8000-000000000000",
        "",
        "@",
        "\udcff",
        "a\x00b@c.de",
    )
    for identifier in unknown:
        assert "No user is" in cli.refusal("users", command, "--", identifier)
    shown = cli.json("users", "show", user.email)
    assert shown["state"] == "active"
    assert shown["created_at"] == shown["updated_at"]
