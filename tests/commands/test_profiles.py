"""``oidc-server users update``: what a person tells of themselves, changed and shown by an operator."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.commands.command_line import CommandLine
from tests.relying_party import Server

EVERYTHING: dict[str, Any] = {
    "name": "Ada King Lovelace",
    "given_name": "Ada",
    "family_name": "Lovelace",
    "middle_name": "King",
    "nickname": "A",
    "profile": "https://example.com/ada",
    "picture": "https://example.com/ada.png",
    "website": "https://ada.example.com/",
    "gender": "female",
    "birthdate": "1815-12-10",
    "zoneinfo": "Europe/London",
    "locale": "en-GB",
    "phone_number": "+442079460123",
    "phone_number_verified": True,
    "address": {"street_address": "1 Example Street\nBack door", "country": "Exampleland"},
}


def test_a_file_sets_every_member_and_show_gives_them_back(cli: CommandLine, server: Server, tmp_path: Path) -> None:
    user = server.user()
    assert cli.json("users", "show", user.email)["profile"] == {}
    (tmp_path / "ada.json").write_text(json.dumps(EVERYTHING))
    done = cli.json("users", "update", user.email, "--profile", str(tmp_path / "ada.json"))
    assert done["profile"] == EVERYTHING
    shown = cli.json("users", "show", user.email)
    assert shown["profile"] == EVERYTHING
    again = cli.run("users", "update", user.email, "--profile", "-", given=json.dumps(shown["profile"]))
    assert "nothing was changed" in again.stdout


def test_what_the_command_sets_is_what_an_app_reads(cli: CommandLine, server: Server) -> None:
    user = server.user()
    cli.json("users", "update", str(user.id), "--profile", "-", given=json.dumps(EVERYTHING))
    scope = "openid profile address phone"
    tokens = server.sign_in(server.first_party(scope=scope), user, scope=scope)
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    claims = server.http.get("/oauth/userinfo", headers=headers).json
    assert claims is not None
    assert {name: claims[name] for name in EVERYTHING} == EVERYTHING


def test_options_set_members_empty_ones_remove_them_and_the_rest_stays(cli: CommandLine, server: Server) -> None:
    user = server.user()
    options = (
        "--name", "Ada Lovelace", "--given-name", "Ada", "--family-name", "Lovelace", "--nickname", "A",
        "--locale", "en-GB", "--zoneinfo", "Europe/London", "--phone-number", "+442079460123", "--phone-verified",
    )  # fmt: skip
    told = cli.json("users", "update", user.email, *options)["profile"]
    assert told == {
        "name": "Ada Lovelace",
        "given_name": "Ada",
        "family_name": "Lovelace",
        "nickname": "A",
        "zoneinfo": "Europe/London",
        "locale": "en-GB",
        "phone_number": "+442079460123",
        "phone_number_verified": True,
    }
    left = cli.json("users", "update", user.email, "--nickname", "", "--no-phone-verified")["profile"]
    assert left == {name: value for name, value in told.items() if name != "nickname"} | {
        "phone_number_verified": False
    }


def test_an_option_goes_before_the_file(cli: CommandLine, server: Server) -> None:
    user = server.user()
    arguments = ("users", "update", user.email, "--profile", "-", "--name", "Ada Lovelace")
    told = cli.json(*arguments, given='{"name": "Ada", "nickname": "A"}')["profile"]
    assert told == {"name": "Ada Lovelace", "nickname": "A"}


def test_null_in_a_file_removes_a_member_of_the_address_too(cli: CommandLine, server: Server) -> None:
    user = server.user()
    arguments = ("users", "update", user.email, "--profile", "-")
    cli.json(*arguments, given=json.dumps(EVERYTHING))
    given = '{"phone_number": null, "address": {"street_address": null, "region": "Exampleshire"}}'
    told = cli.json(*arguments, given=given)["profile"]
    assert told["address"] == {"region": "Exampleshire", "country": "Exampleland"}
    assert not {"phone_number", "phone_number_verified"} & set(told)


def test_in_words_each_member_has_its_line_and_the_terminal_gets_no_control_character(
    cli: CommandLine, server: Server
) -> None:
    user = server.user()
    told = EVERYTHING | {"name": "Jörg <b>{{7*7}}</b>"}
    changed = cli.run("users", "update", user.email, "--profile", "-", given=json.dumps(told)).stdout
    assert "Changed: address, birthdate, family_name, " in changed
    shown = cli.run("users", "show", user.email).stdout
    lines = dict(line.split(None, 1) for line in shown.splitlines())
    assert lines["name"] == "Jörg <b>{{7*7}}</b>"
    assert lines["address.street_address"] == r"'1 Example Street\nBack door'"
    assert lines["phone_number_verified"] == "yes"
    assert "address.locality" not in lines


def test_a_change_is_recorded_with_the_operator_and_without_values(cli: CommandLine, server: Server) -> None:
    user = server.user()
    cli.json("users", "update", user.email, "--name", "Ada Lovelace", "--locale", "en-GB")
    (event,) = server.audit("user.profile_updated", str(user.id))
    assert event.actor_kind == "operator"
    assert event.detail == {"changed": ["locale", "name"]}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("{", "cannot be read"),
        ("", "cannot be read"),
        (b'{"name": "\xff"}', "cannot be read"),
        ("[" * 60000, "cannot be read"),
        ('{"name": ' + "1" * 5000 + "}", "cannot be read"),
        ("[]", "JSON object"),
        ("null", "JSON object"),
        ('"name"', "JSON object"),
        ('{"name": "' + "x" * 65536 + '"}', "at most 65536 bytes"),
        ("{}", "nothing to change"),
        ('{"name": 7}', "name: "),
        ('{"name": "a\\u0000b"}', "name: "),
        ('{"name": "a\\ud800b"}', "name: "),
        ('{"email": "other@example.com"}', "email: "),
        ('{"\\u001b[31m": 1}', r"'\x1b[31m': "),
        ('{"nickname": "A", "address": {"planet": "Earth"}}', "address.planet: "),
        ('{"phone_number_verified": true}', "no phone number"),
    ],
)
def test_a_profile_that_may_not_be_is_one_line_and_changes_nothing(
    cli: CommandLine, server: Server, given: str | bytes, words: str
) -> None:
    user = server.user()
    assert words in cli.refusal("users", "update", user.email, "--profile", "-", given=given)
    assert cli.json("users", "show", user.email)["profile"] == {}
    assert server.audit("user.profile_updated", str(user.id)) == []


def test_every_problem_is_told_at_once(cli: CommandLine, server: Server) -> None:
    user = server.user()
    arguments = ("--locale", "en_GB", "--zoneinfo", "Mars", "--phone-number", "020 7946 0123", "--name", "a\tb")
    line = cli.refusal("users", "update", user.email, *arguments)
    assert all(f"{name}: " in line for name in ("locale", "zoneinfo", "phone_number", "name"))


def test_no_option_is_nothing_to_change_and_an_unknown_user_is_refused(cli: CommandLine, server: Server) -> None:
    user = server.user()
    assert "nothing to change" in cli.refusal("users", "update", user.email)
    assert "No user is" in cli.refusal("users", "update", "missing@example.com", "--name", "Ada")
    assert cli.run("users", "update", user.email, "--profile", "missing.json").exit_code == 2
