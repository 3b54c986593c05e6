"""``oidc-server clients``: rotating secrets, and disabling, enabling and deleting clients, as seen over HTTP."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from joserfc.jwk import RSAKey

from oidc_server.clients.service import find_client
from oidc_server.core import clock
from oidc_server.core.settings import Settings
from tests.commands.command_line import CommandLine
from tests.relying_party import Server, TestClient, error

SERVICE = ("clients", "create", "--name", "Orders", "--type", "service", "--scope", "orders:read")


def registered(cli: CommandLine, *more: str) -> TestClient:
    """A service client, made by the command."""
    made = cli.json(*SERVICE, *more)
    return TestClient(made["client_id"], made["client_secret"], made["token_endpoint_auth_method"])


def after_the_cache(settings: Settings) -> None:
    """Let the seconds pass for which running servers may keep a client in memory."""
    clock.travel(timedelta(seconds=settings.client_cache_seconds + 1))


def test_a_client_that_came_to_need_a_secret_is_told_how_to_get_one(cli: CommandLine, tmp_path: Path) -> None:
    jwks = tmp_path / "jwks.json"
    jwks.write_text(json.dumps({"keys": [RSAKey.generate_key(2048).as_dict(private=False)]}))
    made = cli.json(*SERVICE, "--auth-method", "private_key_jwt", "--jwks", str(jwks))
    result = cli.run("clients", "update", made["client_id"], "--auth-method", "client_secret_basic")
    assert f"clients rotate-secret {made['client_id']}" in result.stdout
    assert "no earlier secret" in cli.run("clients", "rotate-secret", made["client_id"]).stdout


def test_after_rotation_both_secrets_work_until_the_overlap_ends(
    cli: CommandLine, server: Server, settings: Settings
) -> None:
    old = registered(cli)
    made = cli.json("clients", "rotate-secret", old.client_id, "--overlap", "2h")
    new = TestClient(old.client_id, made["client_secret"])
    assert made["earlier_secrets_end_at"].endswith("Z")
    assert server.token(old).status_code == server.token(new).status_code == 200
    clock.travel(timedelta(hours=2, seconds=settings.client_cache_seconds + 1))
    assert error(server.token(old)) == (401, "invalid_client")
    assert server.token(new).status_code == 200
    cli.json("clients", "rotate-secret", old.client_id)
    assert len(cli.json("clients", "show", old.client_id)["secrets"]) == 2  # the one that ended is gone


def test_without_overlap_the_old_secret_stops_now(cli: CommandLine, server: Server, settings: Settings) -> None:
    old = registered(cli)
    result = cli.run("clients", "rotate-secret", old.client_id, "--overlap", "0")
    assert "shown this once" in result.stdout
    assert "ended now" in result.stdout
    after_the_cache(settings)
    assert error(server.token(old)) == (401, "invalid_client")


def test_the_overlap_is_a_day_unless_told_otherwise(cli: CommandLine) -> None:
    client = registered(cli)
    assert "work for 23 hours more" in cli.run("clients", "rotate-secret", client.client_id).stdout


@pytest.mark.parametrize("overlap", ["", "1y", "-1d", "1.5h", "d", "999999w", "١d"])
def test_an_overlap_that_is_no_length_of_time_is_a_usage_error(cli: CommandLine, overlap: str) -> None:
    client = registered(cli)
    result = cli.run("clients", "rotate-secret", client.client_id, f"--overlap={overlap}")
    assert result.exit_code == 2
    assert len(cli.json("clients", "show", client.client_id)["secrets"]) == 1


def test_a_client_without_a_secret_cannot_rotate_it(cli: CommandLine) -> None:
    made = cli.json("clients", "create", "--name", "App", "--type", "public")
    assert "has no secret" in cli.refusal("clients", "rotate-secret", made["client_id"])


def test_a_disabled_client_stops_within_the_stated_bound_and_its_authorizations_are_revoked(
    cli: CommandLine, server: Server, settings: Settings
) -> None:
    client, user = server.first_party(), server.user()
    tokens = server.sign_in(client, user)
    done = cli.json("clients", "disable", client.client_id)
    assert done["authorizations_revoked"] == 1
    assert done["disabled_at"]
    after_the_cache(settings)
    assert error(server.refresh(client, tokens["refresh_token"])) == (401, "invalid_client")
    asker = server.client(scope="tokens:read")
    assert server.introspect(asker, tokens["access_token"]) == {"active": False}
    assert len(server.audit("client.disabled", client.client_id)) == 1


def test_disabling_twice_is_disabling_once(cli: CommandLine, server: Server) -> None:
    client = registered(cli)
    first = cli.json("clients", "disable", client.client_id)
    assert cli.json("clients", "disable", client.client_id)["disabled_at"] == first["disabled_at"]
    assert len(server.audit("client.disabled", client.client_id)) == 1


def test_an_enabled_client_works_again_and_what_was_revoked_stays_revoked(
    cli: CommandLine, server: Server, settings: Settings
) -> None:
    client, user = server.first_party(), server.user()
    tokens = server.sign_in(client, user)
    cli.json("clients", "disable", client.client_id)
    assert cli.json("clients", "update", client.client_id, "--enable")["disabled_at"] is None
    cli.json("clients", "update", client.client_id, "--enable")
    after_the_cache(settings)
    assert error(server.refresh(client, tokens["refresh_token"])) == (400, "invalid_grant")
    assert server.sign_in(client, user)
    assert len(server.audit("client.enabled", client.client_id)) == 1


def test_a_deleted_client_is_gone_with_its_tokens(cli: CommandLine, server: Server, settings: Settings) -> None:
    client, user = server.first_party(), server.user()
    tokens = server.sign_in(client, user)
    assert cli.json("clients", "delete", client.client_id, "--yes")["authorizations_revoked"] == 1
    after_the_cache(settings)
    assert error(server.refresh(client, tokens["refresh_token"])) == (401, "invalid_client")
    asker = server.client(scope="tokens:read")
    assert server.introspect(asker, tokens["access_token"]) == {"active": False}
    (event,) = server.audit("client.deleted", client.client_id)
    assert event.actor_kind == "operator"


def test_deleting_asks_first(cli: CommandLine, server: Server) -> None:
    client = registered(cli)
    for answer in ("n\n", ""):
        result = cli.run("clients", "delete", client.client_id, given=answer)
        assert result.exit_code == 1
        assert "end 0 authorizations?" in result.stderr
    with server.database.reading() as session:
        assert find_client(session, client.client_id) is not None
    assert cli.json("clients", "delete", client.client_id, given="y\n")["deleted"] is True
    assert cli.json("clients", "list") == []
