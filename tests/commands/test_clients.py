"""``oidc-server clients``: what is registered works over HTTP at once, and what is taken away stops."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from joserfc.jwk import RSAKey
from sqlalchemy import func, select

from oidc_server.audit.service import SYSTEM
from oidc_server.clients.models import Client, ClientSecret
from oidc_server.clients.service import Registration, create_client
from oidc_server.core import clock, crypto
from oidc_server.core.settings import Settings
from tests.commands.command_line import CommandLine, until_somebody_waits
from tests.relying_party import Server, TestClient, body_of

SERVICE = ("clients", "create", "--name", "Orders", "--type", "service", "--scope", "orders:read")


def registered(cli: CommandLine, *more: str) -> TestClient:
    """A service client, made by the command."""
    made = cli.json(*SERVICE, *more)
    return TestClient(made["client_id"], made["client_secret"], made["token_endpoint_auth_method"])


def after_the_cache(settings: Settings) -> None:
    """Let the seconds pass for which running servers may keep a client in memory."""
    clock.travel(timedelta(seconds=settings.client_cache_seconds + 1))


def number_of_clients(server: Server) -> int:
    with server.database.reading() as session:
        return session.scalar(select(func.count()).select_from(Client)) or 0


def test_a_created_service_client_gets_a_token_with_the_printed_secret(cli: CommandLine, server: Server) -> None:
    made = cli.json(*SERVICE, "--resource", "https://api.example.com")
    assert made["client_secret_expires_at"] == 0  # RFC 7591 §3.2.1
    assert made["grant_types"] == ["client_credentials"]
    assert made["token_endpoint_auth_method"] == "client_secret_basic"
    client = TestClient(made["client_id"], made["client_secret"])
    token = body_of(server.token(client, resource="https://api.example.com"))["access_token"]
    assert server.verify(token, audience="https://api.example.com")["client_id"] == made["client_id"]


def test_the_metadata_is_told_under_the_names_of_rfc_7591(cli: CommandLine, app: object) -> None:
    made = cli.json(
        "clients", "create", "--name", "Web", "--type", "confidential", "--client-id", "web-app", "--first-party",
        "--redirect-uri", "https://rp.example.com/cb", "--redirect-uri", "https://rp.example.com/other",
        "--grant", "authorization_code", "--grant", "refresh_token", "--grant", "password",
        "--auth-method", "client_secret_post", "--scope", "openid profile", "--id-token-alg", "RS256",
    )  # fmt: skip
    assert made["client_id"] == "web-app"
    assert made["redirect_uris"] == ["https://rp.example.com/cb", "https://rp.example.com/other"]
    assert made["grant_types"] == ["authorization_code", "refresh_token", "password"]
    assert made["response_types"] == ["code"]
    assert made["token_endpoint_auth_method"] == "client_secret_post"
    assert made["id_token_signed_response_alg"] == "RS256"
    assert made["first_party"] is True
    assert made["scope"] == "openid profile"


def test_a_public_client_has_no_secret_and_the_words_say_so(cli: CommandLine) -> None:
    arguments = ("clients", "create", "--name", "App", "--type", "public", "--redirect-uri", "com.example.app:/cb")
    assert "client_secret" not in cli.json(*arguments)
    assert "has no secret" in cli.run(*arguments).stdout


def test_the_secret_is_printed_once_in_words_that_say_so_and_is_stored_as_a_digest(
    cli: CommandLine, server: Server
) -> None:
    result = cli.run(*SERVICE, "--client-id", "once")
    assert result.exit_code == 0
    assert "shown this once" in result.stdout
    secret = next(line.split()[1] for line in result.stdout.splitlines() if line.startswith("client_secret "))
    assert server.token(TestClient("once", secret)).status_code == 200
    with server.database.reading() as session:
        stored = session.scalars(select(ClientSecret.digest).where(ClientSecret.client_id == "once")).all()
    assert stored == [crypto.digest(secret)]
    shown = cli.run("clients", "show", "once").stdout + json.dumps(cli.json("clients", "show", "once"))
    for form in (secret, stored[0].hex(), crypto.urlsafe(stored[0])):
        assert form not in shown


def test_a_client_with_private_key_jwt_is_registered_with_its_public_keys(cli: CommandLine, tmp_path: Path) -> None:
    key = RSAKey.generate_key(2048)
    jwks = tmp_path / "jwks.json"
    jwks.write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
    made = cli.json(*SERVICE, "--auth-method", "private_key_jwt", "--jwks", str(jwks))
    assert "client_secret" not in made
    assert made["jwks"]["keys"][0]["n"] == key.as_dict(private=False)["n"]


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 50_000, b"[]", b'"keys"', b"\xff", b"{}" + b" " * 70_000])
def test_a_jwk_set_that_cannot_be_read_is_refused(
    cli: CommandLine, server: Server, tmp_path: Path, content: bytes
) -> None:
    jwks = tmp_path / "jwks.json"
    jwks.write_bytes(content)
    assert "JWK Set" in cli.refusal(*SERVICE, "--auth-method", "private_key_jwt", "--jwks", str(jwks))
    assert number_of_clients(server) == 0


def test_a_jwk_set_with_a_private_key_is_refused(cli: CommandLine, server: Server, tmp_path: Path) -> None:
    key = RSAKey.generate_key(2048).as_dict(private=True)
    jwks = tmp_path / "jwks.json"
    jwks.write_text(json.dumps({"keys": [key]}))
    words = cli.refusal(*SERVICE, "--auth-method", "private_key_jwt", "--jwks", str(jwks))
    assert "private key" in words
    assert str(key["d"]) not in words
    assert number_of_clients(server) == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("--name", "X", "--type", "machine"),
        ("--name", " ", "--type", "service"),
        ("--name", "line\nbreak", "--type", "service"),
        ("--name", "X", "--type", "service", "--redirect-uri", "https://rp.example.com/cb"),
        ("--name", "X", "--type", "public", "--redirect-uri", "javascript:alert(1)"),
        ("--name", "X", "--type", "confidential", "--grant", "password"),
        ("--name", "X", "--type", "confidential", "--grant", "implicit"),
        ("--name", "X", "--type", "service", "--auth-method", "none"),
        ("--name", "X", "--type", "service", "--auth-method", "private_key_jwt"),
        ("--name", "X", "--type", "service", "--scope", "two  spaces"),
        ("--name", "X", "--type", "service", "--resource", "not a uri"),
        ("--name", "X", "--type", "service", "--id-token-alg", "none"),
        ("--name", "X", "--type", "service", "--client-id", ""),
        ("--name", "X", "--type", "service", "--client-id", "-begins-with-a-hyphen"),
        ("--name", "X", "--type", "service", "--client-id", "with space"),
        ("--name", "X", "--type", "service", "--client-id", "x" * 65),
    ],
)
def test_metadata_that_may_not_be_is_refused_in_one_line(
    cli: CommandLine, server: Server, arguments: tuple[str, ...]
) -> None:
    assert cli.refusal("clients", "create", *arguments)
    assert number_of_clients(server) == 0


def test_a_client_id_that_is_taken_is_refused(cli: CommandLine) -> None:
    cli.json(*SERVICE, "--client-id", "orders")
    before = cli.json("clients", "show", "orders")
    assert "orders" in cli.refusal(*SERVICE, "--client-id", "orders")
    assert cli.json("clients", "show", "orders") == before


def test_two_that_take_one_id_at_once_are_one_client_and_one_refusal(
    cli: CommandLine, server: Server, database_kind: str
) -> None:
    with ThreadPoolExecutor(1) as elsewhere:
        with server.database.transaction() as session:
            registration = Registration(client_name="First")
            create_client(session, actor=SYSTEM, client_type="service", registration=registration, client_id="orders")
            second = elsewhere.submit(cli.refusal, *SERVICE, "--client-id", "orders")
            if database_kind == "postgresql":
                until_somebody_waits(server.database)
        assert "Another client" in second.result()
    assert cli.json("clients", "show", "orders")["client_name"] == "First"


def test_the_list_shows_every_client_without_secrets(cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oidc_server.commands.clients._PAGE", 2)
    made = [cli.json(*SERVICE, "--client-id", f"client-{number}") for number in range(5)]
    listed = cli.json("clients", "list")
    assert [client["client_id"] for client in listed] == [f"client-{number}" for number in range(5)]
    table = cli.run("clients", "list").stdout
    assert all(client["client_id"] in table for client in made)
    assert not any(client["client_secret"] in table + json.dumps(listed) for client in made)


def test_a_name_that_looks_like_markup_is_shown_as_it_is(cli: CommandLine) -> None:
    cli.json("clients", "create", "--name", "[red]Shop[/red] [/]", "--type", "service")
    assert "[red]Shop[/red] [/]" in cli.run("clients", "list").stdout


def test_update_changes_what_is_given_and_leaves_the_rest(cli: CommandLine, server: Server) -> None:
    before = cli.json(*SERVICE, "--resource", "https://a.example.com", "--resource", "https://b.example.com")
    after = cli.json(
        "clients",
        "update",
        before["client_id"],
        "--name",
        "New",
        "--scope",
        "x y",
        "--resource",
        "https://c.example.com",
    )
    changed = {"client_name": "New", "scope": "x y", "resources": ["https://c.example.com"]}
    kept = {name: value for name, value in before.items() if name in after and name not in {"updated_at", *changed}}
    assert {name: after[name] for name in kept} == kept
    assert {name: after[name] for name in changed} == changed
    (event,) = server.audit("client.updated", before["client_id"])
    assert event.detail == {"changed": ["client_name", "resources", "scope"]}
    assert event.actor_kind == "operator"


def test_an_empty_value_empties_a_list(cli: CommandLine) -> None:
    client = registered(cli, "--resource", "https://a.example.com")
    assert cli.json("clients", "update", client.client_id, "--resource", "")["resources"] == []


def test_an_update_that_may_not_be_changes_nothing(cli: CommandLine, server: Server) -> None:
    client = registered(cli)
    before = cli.json("clients", "show", client.client_id)
    cli.refusal("clients", "update", client.client_id, "--name", "New", "--grant", "authorization_code")
    assert "nothing to change" in cli.refusal("clients", "update", client.client_id)
    assert cli.json("clients", "show", client.client_id) == before
    assert server.audit("client.updated", client.client_id) == []


@pytest.mark.parametrize("command", ["show", "update", "rotate-secret", "disable", "delete"])
def test_an_unknown_client_is_one_line_and_changes_nothing(cli: CommandLine, server: Server, command: str) -> None:
    registered(cli, "--client-id", "known")
    more = {"update": ("--name", "New"), "delete": ("--yes",)}.get(command, ())
    before = cli.json("clients", "show", "known")
    for client_id in ("missing", "", "é", "\udcff", "x" * 1000, "a'b", "a\nb"):
        assert "No client has the id" in cli.refusal("clients", command, *more, "--", client_id)
    assert cli.json("clients", "show", "known") == before
    assert number_of_clients(server) == 1


def test_without_any_setting_the_development_servers_own_database_is_made(here: CommandLine) -> None:
    made = here.json(*SERVICE)
    assert Path("var/oidc.sqlite3").is_file()
    assert here.json("clients", "show", made["client_id"])["client_name"] == "Orders"


def test_data_names_another_folder(here: CommandLine) -> None:
    made = here.json(*SERVICE, "--data", "elsewhere")
    assert "No client" in here.refusal("clients", "show", made["client_id"])
    assert here.json("clients", "show", made["client_id"], "--data", "elsewhere")["scope"] == "orders:read"
