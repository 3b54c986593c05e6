"""Introspection: who may know what about which token, and how little everybody else learns."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from oidc_server.authorizations.refresh import EXTENSION as REFRESH_POLICY
from oidc_server.core import clock
from oidc_server.core.errors import Reason
from oidc_server.core.limit_rules import UNKNOWN_TOKENS
from oidc_server.core.settings import Settings
from tests.log_lines import log_lines
from tests.relying_party import Server, TestClient, TestUser, body_of, error

API = "https://api.example.com"
INACTIVE = {"active": False}
REFUSED = (401, "invalid_client")


@pytest.fixture
def client(server: Server) -> TestClient:
    return server.first_party(resources=(API,))


@pytest.fixture
def user(server: Server) -> TestUser:
    return server.user()


@pytest.fixture
def tokens(server: Server, client: TestClient, user: TestUser) -> dict[str, Any]:
    return server.sign_in(client, user, resource=API)


def test_a_client_learns_everything_about_its_own_tokens(
    server: Server, client: TestClient, user: TestUser, tokens: dict[str, Any]
) -> None:
    claims = server.verify(tokens["access_token"], audience=API)
    assert server.introspect(client, tokens["access_token"]) == claims | {"active": True, "token_type": "Bearer"}
    about = server.introspect(client, tokens["refresh_token"])
    assert {name: about[name] for name in ("active", "client_id", "sub", "scope")} == {
        "active": True, "client_id": client.client_id, "sub": str(user.id), "scope": tokens["scope"],
    }  # fmt: skip
    assert about["exp"] > clock.timestamp()


def test_a_client_without_the_right_learns_nothing_about_the_tokens_of_others_c16(
    server: Server, user: TestUser, tokens: dict[str, Any]
) -> None:
    own = body_of(server.token(server.client(resources=(API,)), resource=API))["access_token"]
    almost = ("tokens:reader", "tokens", "Tokens:read", "tokens:write", "orders:read")
    others = [server.client(scope=scope, resources=(API,)) for scope in almost]
    for other in (*others, server.client(client_id="api.example.com"), server.first_party()):
        assert server.introspect(other, tokens["access_token"]) == INACTIVE
        assert server.introspect(other, own) == INACTIVE
    reader = server.client(scope="tokens:read")
    assert server.introspect(reader, tokens["access_token"])["sub"] == str(user.id)
    assert server.introspect(reader, own)["active"] is True


def test_the_right_to_read_tokens_ends_within_the_cache_bound_c16(
    server: Server, tokens: dict[str, Any], settings: Settings
) -> None:
    reader = server.client(scope="tokens:read")
    assert server.introspect(reader, tokens["access_token"])["active"] is True
    server.update(reader, scope="orders:read")
    clock.travel(timedelta(seconds=settings.client_cache_seconds))
    assert server.introspect(reader, tokens["access_token"]) == INACTIVE


def test_a_refresh_token_is_its_client_s_own_affair_c17(server: Server, tokens: dict[str, Any]) -> None:
    for other in (server.client(scope="tokens:read"), server.first_party(resources=(API,)), server.client()):
        assert server.introspect(other, tokens["refresh_token"]) == INACTIVE
        assert server.introspect(other, tokens["refresh_token"], token_type_hint="refresh_token") == INACTIVE


def test_nobody_introspects_without_proving_who_they_are_c16(server: Server, tokens: dict[str, Any]) -> None:
    public = server.client("public", redirect_uris=("https://app.example.com/cb",))
    confidential = server.client(scope="tokens:read")
    disabled = server.client(scope="tokens:read")
    server.disable(disabled)
    form = {"token": tokens["access_token"]}
    attempts: list[tuple[dict[str, str], dict[str, str]]] = [
        ({}, {}),
        ({"client_id": public.client_id}, {}),
        ({"client_id": confidential.client_id}, {}),
        ({"client_id": confidential.client_id, "client_secret": ""}, {}),
        ({}, {"Authorization": f"Bearer {tokens['access_token']}"}),
        ({}, disabled.basic),
    ]
    for extra, headers in attempts:
        response = server.http.post("/oauth/introspect", data=form | extra, headers=headers)
        assert error(response) == REFUSED, extra
        assert "active" not in response.get_data(as_text=True)


def test_tokens_that_are_none_of_ours_are_only_inactive_c17_c10(
    server: Server, client: TestClient, tokens: dict[str, Any]
) -> None:
    access, refresh = tokens["access_token"], tokens["refresh_token"]
    assert server.introspect(client, tokens["id_token"]) == INACTIVE
    for token in ("x", "null", "..", "a.b.c", access[:-1], access + "A", access + " ", " " + access, access.swapcase(),
                  access.replace(".", " "), refresh[:-1], refresh + "A", refresh + "=", refresh + " ", " " + refresh,
                  refresh.swapcase(), refresh[::-1], secrets.token_urlsafe(32), client.client_id,
                  str(client.client_secret)):  # fmt: skip
        for hint in (None, "access_token", "refresh_token", "nonsense"):
            assert server.introspect(client, token, token_type_hint=hint) == INACTIVE, token
    assert server.introspect(client, access, token_type_hint="refresh_token")["active"] is True
    assert server.introspect(client, refresh, token_type_hint="access_token")["active"] is True


def test_an_expired_token_is_inactive_c17(
    server: Server, client: TestClient, tokens: dict[str, Any], settings: Settings
) -> None:
    clock.travel(timedelta(seconds=settings.access_token_lifetime))
    assert server.introspect(client, tokens["access_token"]) == INACTIVE
    clock.travel(timedelta(seconds=settings.refresh_token_idle_lifetime))
    assert server.introspect(client, tokens["refresh_token"]) == INACTIVE


def test_a_foreign_issuer_s_token_is_inactive_c17_e12(
    server: Server, client: TestClient, make_server: Callable[..., Server], tokens: dict[str, Any]
) -> None:
    """C17, E12: even when the other issuer shares keys and database with this one."""
    elsewhere = make_server(issuer="https://other.example.com", allowed_hosts=("localhost",))
    assert elsewhere.introspect(client, tokens["access_token"]) == INACTIVE
    foreign = body_of(elsewhere.token(elsewhere.client(client_id="both", scope="a")))["access_token"]
    assert server.introspect(client, foreign) == INACTIVE


@pytest.mark.parametrize("ended_by", ["revocation", "suspension", "disabling", "rotation"])
def test_what_has_ended_is_inactive_at_once_in_every_process_c18_c15(
    server: Server, client: TestClient, user: TestUser, tokens: dict[str, Any], make_server: Callable[..., Server],
    ended_by: str, settings: Settings,
) -> None:  # fmt: skip
    reader, other_process = server.client(scope="tokens:read"), make_server()
    token = tokens["refresh_token"] if ended_by == "rotation" else tokens["access_token"]
    asker = client if ended_by == "rotation" else reader
    for one in (server, other_process):
        assert one.introspect(asker, token)["active"] is True
    if ended_by == "revocation":
        assert server.revoke(client, token).status_code == 200
    elif ended_by == "suspension":
        server.suspend(user)
    elif ended_by == "disabling":
        server.disable(client)
    else:
        assert server.refresh(client, token).status_code == 200
    for one in (server, other_process):
        assert one.introspect(asker, token) == INACTIVE


def test_a_service_s_own_token_ends_with_its_client_within_the_cache_bound_c15_c18(
    server: Server, settings: Settings
) -> None:
    client, reader = server.client(), server.client(scope="tokens:read")
    token = body_of(server.token(client))["access_token"]
    assert server.introspect(reader, token)["active"] is True
    server.disable(client)
    clock.travel(timedelta(seconds=settings.client_cache_seconds))
    assert server.introspect(reader, token) == INACTIVE


def test_scanning_for_tokens_is_limited_and_active_ones_still_answer_c22(
    server: Server, client: TestClient, tokens: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    answers = set()
    for _ in range(UNKNOWN_TOKENS.amount):
        response = server.post("/oauth/introspect", client, token=secrets.token_urlsafe(32))
        answers.add((response.status_code, response.get_data()))
    assert answers == {(200, b'{"active":false}')}
    capfd.readouterr()
    limited = server.post("/oauth/introspect", client, token=secrets.token_urlsafe(32))
    assert error(limited) == (429, "temporarily_unavailable")
    assert 1 <= int(limited.headers["Retry-After"]) <= UNKNOWN_TOKENS.seconds
    assert [line["level"] for line in log_lines(capfd) if line["event"] == "refused"] == ["warning"]
    assert server.introspect(client, tokens["access_token"])["active"] is True
    assert server.introspect(server.client(), "x") == INACTIVE
    clock.travel(timedelta(seconds=UNKNOWN_TOKENS.seconds + 1))
    assert server.introspect(client, "x") == INACTIVE


def test_a_token_is_needed_and_never_in_the_url_c21(server: Server, client: TestClient, tokens: dict[str, Any]) -> None:
    path = f"/oauth/introspect?token={tokens['access_token']}"
    assert error(server.post(path, client)) == (400, "invalid_request")
    assert error(server.post(path, client, token=tokens["access_token"])) == (400, "invalid_request")
    assert error(server.post("/oauth/introspect", client, token="")) == (400, "invalid_request")
    assert error(server.post("/oauth/introspect", client, token_type_hint="x")) == (400, "invalid_request")
    assert server.http.get(path, headers=client.basic).status_code == 405


def test_the_answer_is_kept_by_nobody(server: Server, client: TestClient, tokens: dict[str, Any]) -> None:
    for token in (tokens["access_token"], "x"):
        response = server.post("/oauth/introspect", client, token=token)
        assert response.headers["Cache-Control"] == "no-store"
        assert "Access-Control-Allow-Origin" not in response.headers


def test_why_a_token_is_inactive_is_in_the_log_and_not_in_the_answer(
    server: Server, client: TestClient, tokens: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    server.revoke(client, tokens["access_token"])
    cases = [
        (tokens["access_token"], Reason.TOKEN_REVOKED),
        (tokens["id_token"], Reason.TOKEN_SIGNATURE_INVALID),
        ("a.b.c", Reason.TOKEN_MALFORMED),
        (tokens["access_token"][:-4] + "AAAA", Reason.TOKEN_SIGNATURE_INVALID),
    ]
    for token, reason in cases:
        capfd.readouterr()
        response = server.post("/oauth/introspect", client, token=token)
        assert response.json == INACTIVE
        lines = [line for line in log_lines(capfd) if line["event"] == "inactive"]
        assert [line["reason"] for line in lines] == [reason]
        assert lines[0]["error_id"] == response.headers["X-Request-Id"]
        assert token not in str(lines)


def test_why_a_refresh_token_is_inactive_is_in_the_log_too(
    server: Server, client: TestClient, tokens: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    def reason_for(asking: TestClient, token: str) -> str:
        capfd.readouterr()
        assert server.post("/oauth/introspect", asking, token=token).json == INACTIVE
        (line,) = [line for line in log_lines(capfd) if line["event"] == "inactive"]
        return str(line["reason"])

    newest = body_of(server.refresh(client, tokens["refresh_token"]))["refresh_token"]
    assert reason_for(client, "unknown") == Reason.REFRESH_TOKEN_UNKNOWN
    assert reason_for(server.client(), newest) == Reason.TOKEN_OF_ANOTHER_CLIENT
    assert reason_for(client, tokens["refresh_token"]) == Reason.REFRESH_TOKEN_SUPERSEDED
    idle = server.app.extensions[REFRESH_POLICY].idle_lifetime
    clock.travel(idle)
    assert reason_for(client, newest) == Reason.REFRESH_TOKEN_EXPIRED
    clock.travel(-idle)
    server.revoke(client, newest)
    assert reason_for(client, newest) == Reason.AUTHORIZATION_REVOKED
