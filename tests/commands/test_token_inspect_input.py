"""``oidc-server token inspect`` takes whatever it is given, and neither fails on it nor repeats it."""

from __future__ import annotations

from pathlib import Path

import pytest

from oidc_server.protocol.access_token import TYP
from tests.commands.command_line import CommandLine
from tests.commands.inspected_tokens import inspected, jwt_of
from tests.relying_party import Server, body_of


def own_token(server: Server) -> str:
    """A service's token for itself."""
    return str(body_of(server.token(server.client()))["access_token"])


@pytest.mark.parametrize("form", ["{}", "{}\n", "  {}  ", "Bearer {}", "Authorization: Bearer {}\n"])
def test_a_token_is_read_from_standard_input_as_it_was_copied(cli: CommandLine, server: Server, form: str) -> None:
    token = own_token(server)
    for arguments in ((), ("-",)):
        assert cli.json("token", "inspect", *arguments, given=form.format(token))["good"] is True


def test_what_cannot_be_one_token_is_refused_without_repeating_it(cli: CommandLine, server: Server) -> None:
    token = own_token(server)
    assert cli.json("token", "inspect", "Bearer", token)["good"] is True
    for arguments in ((token, token), ("Basic", token), ("",), (), ("Bearer", "-")):
        assert cli.refusal("token", "inspect", *arguments) == "Give one token."


@pytest.mark.parametrize("begin", ["-k", "-h", "-kh", "--", "--h", "---"])
def test_a_refresh_token_that_begins_with_a_hyphen_is_not_taken_for_an_option(cli: CommandLine, begin: str) -> None:
    verdict = inspected(cli, begin + "zJ0b8vQ5y1oXW3gq9f7Yd2u4m6s8AaBbCcDdEeFfG")
    assert verdict["reason"] == "refresh_token_unknown"


@pytest.mark.parametrize(
    "token",
    [
        "no-token-at-all",
        "a.b.c",
        "..",
        ".",
        "a.b",
        "a.b.c.d.e",
        jwt_of([1], {}),
        jwt_of({"typ": TYP}, "{" * 9000),
        jwt_of({"typ": TYP, "kid": "k" * 9000}, {}),
        jwt_of({"typ": TYP, "kid": 5}, {"iss": ["a"]}),
        jwt_of({"typ": TYP, "kid": "k"}, "[" * 900 + "]" * 900),
        jwt_of({"typ": TYP, "kid": "k"}, '{"a":' * 900 + "1" + "}" * 900),
        jwt_of({"typ": TYP, "kid": "k"}, {"exp": 1e300, "iat": True}),
        jwt_of('{"typ": NaN}', '{"exp": 1e999}'),
        "x" * 60_000,
        "é.é.é",
    ],
)
def test_whatever_is_given_the_answer_is_words(cli: CommandLine, token: str) -> None:
    verdict = cli.json("token", "inspect", given=token, exit_code=1)
    assert verdict["good"] is False
    assert verdict["reason"].startswith(("token_", "refresh_token_"))
    assert verdict["words"].endswith(".")
    assert cli.run("token", "inspect", given=token).exit_code == 1


def test_what_a_token_says_cannot_reach_into_the_terminal(cli: CommandLine) -> None:
    evil = "\x1b]0;owned\x07\x9b31m"
    for header in ({"typ": evil, "kid": evil}, {"typ": TYP, "kid": evil}):
        printed = cli.run("token", "inspect", given=jwt_of(header, {"iss": evil, evil: evil})).output
        assert "owned" in printed
        assert printed.replace("\n", "").isprintable()


def test_a_key_store_that_cannot_be_read_is_one_line(cli: CommandLine, server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    folder.mkdir(mode=0o700)
    (folder / "half.pem").write_text("-----BEGIN PRIVATE KEY-----")
    broken = cli.with_variables(OIDC_KEY_DIRECTORY=str(folder))
    assert "half.pem" in broken.refusal("token", "inspect", own_token(server))
