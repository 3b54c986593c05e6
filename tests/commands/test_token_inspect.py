"""``oidc-server token inspect``: why an access token is or is not good, in words, without ever printing it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from oidc_server.audit.service import SYSTEM
from oidc_server.core import clock
from oidc_server.core.settings import Settings
from oidc_server.keys.ring import EXTENSION as KEY_RING
from oidc_server.keys.store import StoredKey
from oidc_server.protocol.access_token import TYP
from oidc_server.sessions.service import end_sessions
from oidc_server.users.service import find_user, suspend
from tests.commands.command_line import CommandLine
from tests.commands.inspected_tokens import inspected, jwt_of, parts_of, signed_by_a_stranger, signed_by_the_server
from tests.relying_party import Server, body_of


def own_token(server: Server) -> str:
    """A service's token for itself."""
    return str(body_of(server.token(server.client()))["access_token"])


def test_a_good_access_token_is_decoded_and_said_to_be_good(cli: CommandLine, server: Server) -> None:
    client = server.client()
    token = body_of(server.token(client, scope="orders:read"))["access_token"]
    verdict = inspected(cli, token, good=True)
    assert verdict["kind"] == "access_token"
    assert verdict["header"]["typ"] == TYP
    assert verdict["claims"]["client_id"] == client.client_id
    assert verdict["claims"]["scope"] == "orders:read"
    assert "expires in 14 minutes" in verdict["words"]
    assert verdict["words"].endswith("UTC.")


def test_an_expired_token_says_since_when(cli: CommandLine, server: Server) -> None:
    token = own_token(server)
    clock.travel(timedelta(minutes=18, seconds=5))
    verdict = inspected(cli, token)
    assert verdict["reason"] == "token_expired"
    assert "expired 3 minutes ago, at 20" in verdict["words"]


@pytest.fixture
def apart(make_server: Callable[..., Server], cli: CommandLine, tmp_path: Path) -> tuple[CommandLine, Server]:
    """A server with a key store of its own, in which keys may be revoked, and its command line."""
    folder = tmp_path / "keys"
    return cli.with_variables(OIDC_KEY_DIRECTORY=str(folder)), make_server(key_directory=folder)


def test_a_token_of_a_revoked_key_says_so(apart: tuple[CommandLine, Server]) -> None:
    cli, server = apart
    token = own_token(server)
    assert inspected(cli, token, good=True)
    kid = cli.json("keys", "list")[0]["kid"]
    cli.json("keys", "revoke", kid)
    clock.travel(timedelta(minutes=2))
    verdict = inspected(cli, token)
    assert verdict["reason"] == "token_key_unknown"
    assert f"Its key {kid} was revoked 2 minutes ago" in verdict["words"]


def test_a_token_of_a_removed_key_says_so(apart: tuple[CommandLine, Server]) -> None:
    cli, server = apart
    token = own_token(server)
    store = server.app.extensions[KEY_RING].store
    (key,) = store.load()
    gone = replace(key.record, retires_at=clock.now(), removed_at=clock.now())
    with store.changing() as changes:
        changes.save(StoredKey(gone, key.material))
    verdict = inspected(cli, token)
    assert verdict["reason"] == "token_key_unknown"
    assert f"Its key {gone.kid} is not in the JWKS: it left 0 seconds ago" in verdict["words"]


def test_a_token_of_a_key_that_is_not_ours_says_so(cli: CommandLine, settings: Settings) -> None:
    verdict = inspected(cli, signed_by_a_stranger(iss=settings.issuer))
    assert verdict["reason"] == "token_key_unknown"
    assert "'a-strangers' is not in the key store" in verdict["words"]


def test_a_token_of_another_issuer_names_both(cli: CommandLine, server: Server, settings: Settings) -> None:
    other = "https://other.example.com"
    for token in (signed_by_a_stranger(iss=other), signed_by_the_server(server, iss=other)):
        words = inspected(cli, token)["words"]
        assert f"'{other}'" in words
        assert settings.issuer in words


def test_an_id_token_is_told_from_an_access_token(cli: CommandLine, server: Server) -> None:
    client = server.first_party()
    id_token = server.sign_in(client, server.user(), scope="openid")["id_token"]
    verdict = inspected(cli, id_token)
    assert verdict["kind"] == "jwt"
    assert verdict["reason"] == "token_signature_invalid"
    assert "ID token" in verdict["words"]


def test_an_altered_token_says_that_the_signature_does_not_fit(cli: CommandLine, server: Server) -> None:
    header, claims, signature = parts_of(own_token(server))
    verdict = inspected(cli, jwt_of(header, claims | {"scope": "everything"}, signature))
    assert verdict["reason"] == "token_signature_invalid"
    assert "altered" in verdict["words"]
    assert verdict["claims"]["scope"] == "everything"


def test_another_algorithm_than_the_keys_is_told(cli: CommandLine, server: Server) -> None:
    header, claims, signature = parts_of(own_token(server))
    words = inspected(cli, jwt_of(header | {"alg": "none"}, claims, signature))["words"]
    assert "'none', and its key is for RS256" in words


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"sub": None}, "claim sub is missing"),
        ({"aud": 5}, "claim aud is missing, or is not of the right type"),
        ({"exp": "soon"}, "claim exp"),
        ({"iat": 4102444800, "exp": 4102448400}, "claim iat lies ahead"),
        ({"nbf": 4102444800}, "claim nbf lies ahead"),
        ({"iat": 10**30, "exp": 10**31}, "claim exp"),
    ],
)
def test_a_claim_that_is_wrong_is_named(cli: CommandLine, server: Server, claims: dict[str, Any], words: str) -> None:
    verdict = inspected(cli, signed_by_the_server(server, **claims))
    assert verdict["reason"] == "token_claims_invalid"
    assert words in verdict["words"]


def test_a_token_that_was_revoked_by_itself_says_by_whom(cli: CommandLine, server: Server) -> None:
    client = server.client()
    token = body_of(server.token(client))["access_token"]
    server.revoke(client, token)
    clock.travel(timedelta(minutes=1))
    verdict = inspected(cli, token)
    assert verdict["reason"] == "token_revoked"
    assert f"revoked by client '{client.client_id}' 1 minute ago" in verdict["words"]


def test_a_revoked_authorization_says_when_by_whom_and_why(cli: CommandLine, server: Server) -> None:
    client, user = server.first_party(), server.user()
    tokens = server.sign_in(client, user)
    cli.json("users", "suspend", user.email)
    cli.json("users", "activate", user.email)
    clock.travel(timedelta(minutes=5))
    for token in (tokens["access_token"], tokens["refresh_token"]):
        verdict = inspected(cli, token)
        assert verdict["reason"] == "authorization_revoked"
        assert "revoked 5 minutes ago, at 20" in verdict["words"]
        assert "by operator" in verdict["words"]
        assert "Why: user_suspended. The account is suspended." in verdict["words"]


def test_an_authorization_that_is_gone_says_so(cli: CommandLine, server: Server) -> None:
    client = server.first_party()
    tokens = server.sign_in(client, server.user())
    cli.json("clients", "delete", client.client_id, "--yes")
    verdict = inspected(cli, tokens["access_token"])
    assert verdict["reason"] == "authorization_revoked"
    assert "is gone" in verdict["words"]
    assert inspected(cli, tokens["refresh_token"])["reason"] == "refresh_token_unknown"


def test_an_authorization_at_its_end_says_so(cli: CommandLine, server: Server, settings: Settings) -> None:
    client = server.first_party()
    tokens = server.sign_in(client, server.user())
    clock.travel(timedelta(seconds=settings.refresh_token_absolute_lifetime + 60))
    verdict = inspected(cli, tokens["refresh_token"])
    assert verdict["reason"] == "authorization_expired"
    assert "reached its end 1 minute ago" in verdict["words"]


def test_a_disabled_client_says_since_when(cli: CommandLine, server: Server) -> None:
    client = server.client()
    token = body_of(server.token(client))["access_token"]
    cli.json("clients", "disable", client.client_id)
    clock.travel(timedelta(minutes=7))
    verdict = inspected(cli, token)
    assert verdict["reason"] == "client_disabled"
    assert f"Its client '{client.client_id}' was disabled 7 minutes ago" in verdict["words"]


def test_a_deleted_client_is_told(cli: CommandLine, server: Server) -> None:
    client = server.client()
    token = body_of(server.token(client))["access_token"]
    cli.json("clients", "delete", client.client_id, "--yes")
    verdict = inspected(cli, token)
    assert verdict["reason"] == "client_unknown"
    assert "does not exist any more" in verdict["words"]


def test_a_suspended_user_is_told(cli: CommandLine, server: Server) -> None:
    client, user = server.first_party(), server.user()
    token = server.sign_in(client, user)["access_token"]
    server.suspend(user)
    clock.travel(timedelta(minutes=4))
    verdict = inspected(cli, token)
    assert verdict["reason"] == "user_suspended"
    assert f"Its user {user.id} was suspended 4 minutes ago" in verdict["words"]


def test_a_locked_user_is_told_with_the_end_of_the_lock(cli: CommandLine, server: Server) -> None:
    client, user = server.first_party(), server.user()
    token = server.sign_in(client, user)["access_token"]
    with server.database.transaction() as session:
        found = find_user(session, str(user.id))
        assert found is not None
        suspend(session, found, actor=SYSTEM, until=datetime(2200, 1, 31, tzinfo=UTC))
    verdict = inspected(cli, token)
    assert verdict["reason"] == "user_locked"
    assert f"Its user {user.id} is locked until 2200-01-31 00:00:00 UTC" in verdict["words"]


def test_a_session_that_ended_is_told(cli: CommandLine, server: Server) -> None:
    token = server.sign_in(server.first_party(), user := server.user())["access_token"]
    with server.database.transaction() as session:
        assert end_sessions(session, user_id=user.id) == 1
    clock.travel(timedelta(minutes=6))
    verdict = inspected(cli, token)
    assert verdict["reason"] == "authorization_revoked"
    assert "The session behind its authorization" in verdict["words"]
    assert "ended 6 minutes ago" in verdict["words"]
