"""``oidc-server clients``: what a client registers for login, in options, in JSON and in words (RFC 7591)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from oidc_server.core.settings import Settings
from tests.commands.command_line import CommandLine
from tests.relying_party import Server, error

WEB = ("clients", "create", "--name", "Web", "--type", "confidential", "--client-id", "web")
CALLBACK = ("--redirect-uri", "https://rp.example.com/cb")
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
OPTIONS = (
    *CALLBACK, "--post-logout-redirect-uri", "https://rp.example.com/bye", "--post-logout-redirect-uri",
    "https://rp.example.com/gone", "--subject-type", "pairwise", "--userinfo-signed-response-alg", "RS256",
    "--default-max-age", "0", "--no-require-pkce", "--client-uri", "https://rp.example.com/",
    "--policy-uri", "https://rp.example.com/privacy", "--tos-uri", "https://rp.example.com/terms",
)  # fmt: skip
METADATA: dict[str, Any] = {
    "post_logout_redirect_uris": ["https://rp.example.com/bye", "https://rp.example.com/gone"],
    "subject_type": "pairwise", "userinfo_signed_response_alg": "RS256", "default_max_age": 0, "require_pkce": False,
    "client_uri": "https://rp.example.com/", "policy_uri": "https://rp.example.com/privacy",
    "tos_uri": "https://rp.example.com/terms",
}  # fmt: skip
NOTHING: dict[str, Any] = {
    "post_logout_redirect_uris": [], "subject_type": "public", "userinfo_signed_response_alg": None,
    "default_max_age": None, "require_pkce": True, "client_uri": None, "policy_uri": None, "tos_uri": None,
    "logo_uri": None,
}  # fmt: skip


@pytest.fixture
def logo(tmp_path: Path) -> Path:
    """An image file."""
    file = tmp_path / "logo.bin"
    file.write_bytes(PNG)
    return file


def named(metadata: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: metadata[name] for name in names}


def test_without_options_a_client_has_the_defaults_of_the_specifications(cli: CommandLine) -> None:
    assert named(cli.json(*WEB, *CALLBACK), *NOTHING) == NOTHING
    assert named(cli.json("clients", "show", "web"), *NOTHING) == NOTHING


def test_what_is_registered_is_shown_under_the_names_of_rfc_7591(cli: CommandLine) -> None:
    assert named(cli.json(*WEB, *OPTIONS), *METADATA) == METADATA
    assert named(cli.json("clients", "show", "web"), *METADATA) == METADATA
    assert named(cli.json("clients", "list")[0], *METADATA) == METADATA
    lines = dict(line.split(maxsplit=1) for line in cli.run("clients", "show", "web").stdout.splitlines())
    assert named(lines, "default_max_age", "require_pkce", "subject_type", "tos_uri") == {
        "default_max_age": "0", "require_pkce": "no", "subject_type": "pairwise", "tos_uri": METADATA["tos_uri"],
    }  # fmt: skip
    assert lines["post_logout_redirect_uris"] == "https://rp.example.com/bye https://rp.example.com/gone"


def test_update_sets_the_same_and_empty_options_take_it_away_again(cli: CommandLine, server: Server) -> None:
    cli.json(*WEB, *CALLBACK)
    assert named(cli.json("clients", "update", "web", *OPTIONS), *METADATA) == METADATA
    empty = (
        "--post-logout-redirect-uri", "", "--userinfo-signed-response-alg", "", "--default-max-age", "",
        "--client-uri", "", "--policy-uri", "", "--tos-uri", "", "--id-token-alg", "", "--logo", "",
    )  # fmt: skip
    after = cli.json("clients", "update", "web", *empty, "--subject-type", "public", "--require-pkce")
    assert named(after, *NOTHING) == NOTHING
    assert named(cli.json("clients", "show", "web"), *NOTHING) == NOTHING
    last = server.audit("client.updated", "web")[-1]
    assert last.detail == {
        "changed": [
            "client_uri", "default_max_age", "id_token_signed_response_alg", "logo", "policy_uri",
            "post_logout_redirect_uris", "require_pkce", "subject_type", "tos_uri", "userinfo_signed_response_alg",
        ]
    }  # fmt: skip


def test_empty_options_at_the_creation_are_as_if_they_were_not_there(cli: CommandLine) -> None:
    made = cli.json(*WEB, *CALLBACK, "--client-uri", "", "--default-max-age", "", "--logo", "")
    assert named(made, *NOTHING) == NOTHING


def test_a_logo_is_copied_and_shown_with_its_address(
    cli: CommandLine, server: Server, settings: Settings, logo: Path
) -> None:
    made = cli.json(*WEB, *CALLBACK, "--logo", str(logo))
    logo.unlink()
    assert made["logo_uri"].startswith(f"{settings.issuer}/logos/web/")
    for described in (cli.json("clients", "show", "web"), *cli.json("clients", "list")):
        assert described["logo_uri"] == made["logo_uri"]
    assert cli.json("clients", "update", "web", "--enable")["logo_uri"] == made["logo_uri"]
    assert made["logo_uri"] in cli.run("clients", "show", "web").stdout
    assert server.http.get(made["logo_uri"].removeprefix(settings.issuer)).data == PNG


def test_a_logo_can_be_given_later_and_taken_away(cli: CommandLine, logo: Path) -> None:
    cli.json(*WEB, *CALLBACK)
    assert cli.json("clients", "update", "web", "--logo", str(logo))["logo_uri"]
    assert cli.json("clients", "update", "web", "--name", "Same logo")["logo_uri"]
    assert cli.json("clients", "update", "web", "--logo", "")["logo_uri"] is None
    assert "logo_uri" not in cli.run("clients", "show", "web").stdout


@pytest.mark.parametrize("content", [b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"GIF89a", PNG + bytes(70_000)])
def test_a_file_that_is_no_logo_is_refused_by_what_is_in_it_d21(
    cli: CommandLine, tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "logo.png"
    file.write_bytes(content)
    assert "A logo " in cli.refusal(*WEB, *CALLBACK, "--logo", str(file))
    assert cli.json("clients", "list") == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--post-logout-redirect-uri", "http://rp.example.com/bye"), "A post-logout redirect URI is https"),
        (("--post-logout-redirect-uri", "https://rp.example.com/bye#x"), "without a fragment"),
        (("--subject-type", "private"), "public or pairwise"),
        (("--subject-type", "pairwise", "--redirect-uri", "https://other.example.com/cb"), "sector_identifier_uri"),
        (("--userinfo-signed-response-alg", "none"), "A UserInfo response is signed by"),
        (("--default-max-age", "-1"), "default_max_age is from 0"),
        (("--client-uri", "http://rp.example.com/"), "client_uri is an https address"),
        (("--policy-uri", "javascript:alert(1)"), "policy_uri is an https address"),
        (("--tos-uri", "https://u:p@rp.example.com/"), "tos_uri is an https address"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_may_not_be_is_refused_in_words(cli: CommandLine, arguments: tuple[str, ...], words: str) -> None:
    assert words in cli.refusal(*WEB, *CALLBACK, *arguments)
    assert cli.json("clients", "list") == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("--post-logout-redirect-uri", "https://rp.example.com/bye"), ("--subject-type", "pairwise"),
        ("--userinfo-signed-response-alg", "RS256"), ("--default-max-age", "0"), ("--no-require-pkce",),
        ("--client-uri", "https://rp.example.com/"), ("--policy-uri", "https://rp.example.com/"),
        ("--tos-uri", "https://rp.example.com/"), ("--logo", "LOGO"),
    ],
    ids=lambda arguments: arguments[0],
)  # fmt: skip
def test_a_service_client_takes_nothing_that_is_for_people(
    cli: CommandLine, logo: Path, arguments: tuple[str, ...]
) -> None:
    given = [str(logo) if value == "LOGO" else value for value in arguments]
    assert "service client" in cli.refusal("clients", "create", "--name", "Orders", "--type", "service", *given)
    assert cli.json("clients", "list") == []


def test_a_change_of_the_subject_type_says_what_it_means(cli: CommandLine) -> None:
    cli.json(*WEB, *CALLBACK)
    assert "another subject" in cli.run("clients", "update", "web", "--subject-type", "pairwise").stdout
    assert "another subject" not in cli.run("clients", "update", "web", "--subject-type", "pairwise").stdout
    words = cli.refusal("clients", "update", "web", "--redirect-uri", "https://other.example.com/cb")
    assert "stay on the host rp.example.com" in words


def test_a_max_age_that_is_no_number_is_a_misspelt_command(cli: CommandLine) -> None:
    result = cli.run(*WEB, *CALLBACK, "--default-max-age", "an hour")
    assert (result.exit_code, "--default-max-age" in result.stderr) == (2, True)


def test_another_subject_type_ends_what_the_client_was_granted(cli: CommandLine, server: Server) -> None:
    """OpenID Connect Core §12.2: a refreshed ID Token has the ``sub`` of the first one."""
    client = server.first_party(redirect_uris=("https://rp.example.com/cb",))
    tokens = server.sign_in(client, server.user())
    changed = cli.run("clients", "update", client.client_id, "--subject-type", "pairwise")
    assert "what it was granted has ended" in changed.stdout
    assert error(server.refresh(client, tokens["refresh_token"])) == (400, "invalid_grant")
    again = server.sign_in(client, server.user())
    assert cli.run("clients", "update", client.client_id, "--subject-type", "pairwise").exit_code == 0
    assert server.refresh(client, again["refresh_token"]).status_code == 200
