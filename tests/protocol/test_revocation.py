"""Revocation (RFC 7009): a client ends its own tokens, at once and everywhere, and nobody else's."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest

from oidc_server.core import clock
from oidc_server.core.settings import Settings
from tests.relying_party import Server, TestClient, TestUser, body_of, error


@pytest.fixture
def client(server: Server) -> TestClient:
    return server.first_party()


@pytest.fixture
def user(server: Server) -> TestUser:
    return server.user()


@pytest.fixture
def tokens(server: Server, client: TestClient, user: TestUser) -> dict[str, Any]:
    return server.sign_in(client, user)


def is_alive(server: Server, client: TestClient, token: str) -> bool:
    return bool(server.introspect(client, token)["active"])


def test_revoking_a_refresh_token_ends_its_access_tokens_too_c11(
    server: Server, client: TestClient, tokens: dict[str, Any]
) -> None:
    renewed = body_of(server.refresh(client, tokens["refresh_token"]))
    authorization_id = server.verify(renewed["access_token"])["authorization_id"]
    response = server.revoke(client, renewed["refresh_token"])
    assert (response.status_code, response.get_data()) == (200, b"")
    for token in (tokens["access_token"], renewed["access_token"], tokens["refresh_token"], renewed["refresh_token"]):
        assert not is_alive(server, client, token)
    for token in (tokens["refresh_token"], renewed["refresh_token"]):
        assert error(server.refresh(client, token)) == (400, "invalid_grant")
    (event,) = server.audit("authorization.revoked", authorization_id)
    assert (event.actor_kind, event.actor_id) == ("client", client.client_id)


def test_an_older_refresh_token_of_the_chain_ends_it_too_c11(
    server: Server, client: TestClient, tokens: dict[str, Any]
) -> None:
    renewed = body_of(server.refresh(client, tokens["refresh_token"]))
    assert server.revoke(client, tokens["refresh_token"]).status_code == 200
    assert not is_alive(server, client, renewed["access_token"])
    assert error(server.refresh(client, renewed["refresh_token"])) == (400, "invalid_grant")


def test_revoking_an_access_token_ends_it_alone_c11_c15(
    server: Server, client: TestClient, tokens: dict[str, Any], make_server: Callable[..., Server]
) -> None:
    renewed = body_of(server.refresh(client, tokens["refresh_token"]))
    assert server.revoke(client, tokens["access_token"]).status_code == 200
    for one in (server, make_server()):
        assert not is_alive(one, client, tokens["access_token"])
        assert is_alive(one, client, renewed["access_token"])
    assert server.refresh(client, renewed["refresh_token"]).status_code == 200
    jti = server.verify(tokens["access_token"])["jti"]
    assert len(server.audit("access_token.revoked", jti)) == 1


def test_a_revoked_token_opens_nothing_of_ours_c15(server: Server) -> None:
    client = server.client(scope="metrics:read")
    token = body_of(server.token(client))["access_token"]
    stranger = {"REMOTE_ADDR": "203.0.113.8"}
    headers = {"Authorization": f"Bearer {token}"}
    assert server.http.get("/metrics", headers=headers, environ_overrides=stranger).status_code == 200
    assert server.revoke(client, token).status_code == 200
    assert server.http.get("/metrics", headers=headers, environ_overrides=stranger).status_code == 404


def test_a_service_revokes_its_own_token(server: Server) -> None:
    client = server.client()
    one, other = (body_of(server.token(client))["access_token"] for _ in range(2))
    assert server.revoke(client, one).status_code == 200
    assert not is_alive(server, client, one)
    assert is_alive(server, client, other)


def test_another_client_s_token_is_answered_like_an_unknown_one_and_lives_c12(
    server: Server, client: TestClient, tokens: dict[str, Any]
) -> None:
    public = server.client("public", redirect_uris=("https://app.example.com/cb",))
    for other in (server.first_party(), server.client(scope="tokens:read"), public):
        for name in ("access_token", "refresh_token", "id_token"):
            unknown = server.revoke(other, secrets.token_urlsafe(32))
            foreign = server.revoke(other, tokens[name])
            assert (foreign.status_code, foreign.get_data()) == (unknown.status_code, unknown.get_data()) == (200, b"")
            assert set(foreign.headers.keys()) == set(unknown.headers.keys())
    assert is_alive(server, client, tokens["access_token"])
    assert server.refresh(client, tokens["refresh_token"]).status_code == 200


def test_garbage_is_answered_with_200_and_changes_nothing_c13_c10(
    server: Server, client: TestClient, tokens: dict[str, Any]
) -> None:
    access, refresh = tokens["access_token"], tokens["refresh_token"]
    for token in ("x", ".", "a.b.c", "null", access[:-1], access + "A", access + " ", access.swapcase(), refresh[:-1],
                  refresh + "A", refresh + "=", refresh.swapcase(), " " + refresh, tokens["id_token"],
                  client.client_id, str(client.client_secret), "'; DELETE FROM authorizations; --"):  # fmt: skip
        response = server.revoke(client, token)
        assert (response.status_code, response.get_data()) == (200, b""), token
    assert is_alive(server, client, access)
    assert is_alive(server, client, refresh)


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "nonsense", "", "id_token"])
def test_a_wrong_or_unknown_hint_changes_nothing_c13(
    server: Server, client: TestClient, tokens: dict[str, Any], hint: str
) -> None:
    assert server.revoke(client, tokens["access_token"], token_type_hint=hint).status_code == 200
    assert not is_alive(server, client, tokens["access_token"])
    assert is_alive(server, client, tokens["refresh_token"])
    assert server.revoke(client, tokens["refresh_token"], token_type_hint=hint).status_code == 200
    assert not is_alive(server, client, tokens["refresh_token"])


def test_revoking_twice_is_revoking_once(server: Server, client: TestClient, tokens: dict[str, Any]) -> None:
    claims = server.verify(tokens["access_token"])
    for name in ("access_token", "refresh_token"):
        for _ in range(2):
            assert server.revoke(client, tokens[name]).status_code == 200
    assert len(server.audit("access_token.revoked", claims["jti"])) == 1
    assert len(server.audit("authorization.revoked", claims["authorization_id"])) == 1


@pytest.mark.parametrize("name", ["access_token", "refresh_token"])
def test_many_revocations_of_one_token_at_once_all_succeed(
    server: Server, client: TestClient, tokens: dict[str, Any], name: str
) -> None:
    together = Barrier(6)

    def revoke(_: int) -> int:
        browser = server.app.test_client()
        together.wait()
        return browser.post("/oauth/revoke", data={"token": tokens[name]}, headers=client.basic).status_code

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(revoke, range(6))) == {200}
    assert not is_alive(server, client, tokens[name])
    claims = server.verify(tokens["access_token"])
    subject = claims["jti"] if name == "access_token" else claims["authorization_id"]
    event = "access_token.revoked" if name == "access_token" else "authorization.revoked"
    assert len(server.audit(event, subject)) == 1


def test_nobody_revokes_without_proving_who_they_are(
    server: Server, client: TestClient, tokens: dict[str, Any], settings: Settings
) -> None:
    form = {"token": tokens["refresh_token"]}
    for extra in ({}, {"client_id": client.client_id}, {"client_id": client.client_id, "client_secret": "wrong"}):
        assert error(server.http.post("/oauth/revoke", data=form | extra)) == (401, "invalid_client")
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert error(server.http.post("/oauth/revoke", data=form, headers=bearer)) == (401, "invalid_client")
    assert is_alive(server, client, tokens["refresh_token"])
    server.disable(client)
    clock.travel(timedelta(seconds=settings.client_cache_seconds))
    assert error(server.revoke(client, tokens["refresh_token"])) == (401, "invalid_client")


def test_a_token_is_needed_and_never_in_the_url_c21(server: Server, client: TestClient, tokens: dict[str, Any]) -> None:
    path = f"/oauth/revoke?token={tokens['refresh_token']}"
    assert error(server.post(path, client)) == (400, "invalid_request")
    assert error(server.post(path, client, token=tokens["refresh_token"])) == (400, "invalid_request")
    assert error(server.post("/oauth/revoke", client, token="")) == (400, "invalid_request")
    assert error(server.post("/oauth/revoke", client, token_type_hint="x")) == (400, "invalid_request")
    assert is_alive(server, client, tokens["refresh_token"])


def test_an_expired_access_token_leaves_no_row_behind(
    server: Server, client: TestClient, tokens: dict[str, Any], settings: Settings
) -> None:
    jti = server.verify(tokens["access_token"])["jti"]
    clock.travel(timedelta(seconds=settings.access_token_lifetime))
    assert server.revoke(client, tokens["access_token"]).status_code == 200
    assert server.audit("access_token.revoked", jti) == []
