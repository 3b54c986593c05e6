"""Refresh rotation: one successor, the same one for a retry, and no place for a thief."""

from datetime import timedelta
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


def seconds(count: float) -> None:
    clock.travel(timedelta(seconds=count))


def is_alive(server: Server, client: TestClient, tokens: dict[str, Any]) -> bool:
    return bool(server.introspect(client, tokens["access_token"])["active"])


def test_a_refresh_gives_a_new_pair_and_the_original_authentication(
    server: Server, client: TestClient, user: TestUser, tokens: dict[str, Any]
) -> None:
    first = server.verify(tokens["id_token"], audience=client.client_id, typ="JWT")
    seconds(600)
    renewed = body_of(server.refresh(client, tokens["refresh_token"]))
    assert renewed["refresh_token"] != tokens["refresh_token"]
    claims = server.verify(renewed["access_token"])
    assert claims["sub"] == str(user.id)
    second = server.verify(renewed["id_token"], audience=client.client_id, typ="JWT")
    for claim in ("iss", "sub", "aud", "azp", "auth_time", "sid", "amr", "acr"):  # OpenID Connect Core §12.2
        assert second[claim] == first[claim]
    assert second["iat"] >= first["iat"] + 600


def test_a_retry_inside_the_window_gets_the_same_successor(
    server: Server, client: TestClient, tokens: dict[str, Any]
) -> None:
    first = body_of(server.refresh(client, tokens["refresh_token"]))
    seconds(29)
    again = body_of(server.refresh(client, tokens["refresh_token"]))
    assert again["refresh_token"] == first["refresh_token"]
    assert again["access_token"] != first["access_token"]
    assert server.refresh(client, again["refresh_token"]).status_code == 200


def test_a_used_token_outside_the_window_ends_the_authorization_c01(
    server: Server, client: TestClient, tokens: dict[str, Any]
) -> None:
    first = body_of(server.refresh(client, tokens["refresh_token"]))
    authorization_id = server.verify(first["access_token"])["authorization_id"]
    seconds(31)
    assert error(server.refresh(client, tokens["refresh_token"])) == (400, "invalid_grant")
    assert error(server.refresh(client, first["refresh_token"])) == (400, "invalid_grant")
    assert not is_alive(server, client, first)
    assert len(server.audit("refresh_token.replayed", authorization_id)) == 1
    assert len(server.audit("authorization.revoked", authorization_id)) == 1


def test_two_tabs_inside_the_window_revoke_nothing(server: Server, client: TestClient, tokens: dict[str, Any]) -> None:
    first = body_of(server.refresh(client, tokens["refresh_token"]))
    second = body_of(server.refresh(client, first["refresh_token"]))
    assert error(server.refresh(client, tokens["refresh_token"])) == (400, "invalid_grant")
    assert is_alive(server, client, second)
    assert server.refresh(client, second["refresh_token"]).status_code == 200


def test_a_theft_ends_one_authorization_and_no_other(
    server: Server, client: TestClient, user: TestUser, tokens: dict[str, Any]
) -> None:
    elsewhere = server.sign_in(client, user)
    body_of(server.refresh(client, tokens["refresh_token"]))
    seconds(60)
    server.refresh(client, tokens["refresh_token"])
    assert server.refresh(client, elsewhere["refresh_token"]).status_code == 200


def test_a_token_of_another_client_is_refused_and_not_burnt_c06(
    server: Server, client: TestClient, tokens: dict[str, Any]
) -> None:
    other = server.first_party()
    assert error(server.refresh(other, tokens["refresh_token"])) == (400, "invalid_grant")
    assert server.refresh(client, tokens["refresh_token"]).status_code == 200


def test_a_wider_scope_is_refused_and_a_narrower_one_does_not_stick_c07(
    server: Server, client: TestClient, user: TestUser
) -> None:
    tokens = server.sign_in(client, user, scope="openid profile")
    assert error(server.refresh(client, tokens["refresh_token"], scope="openid orders:read")) == (400, "invalid_scope")
    narrow = body_of(server.refresh(client, tokens["refresh_token"], scope="openid"))
    assert narrow["scope"] == "openid"
    assert body_of(server.refresh(client, narrow["refresh_token"]))["scope"] == "openid profile"


def test_a_retry_that_asks_for_something_else_is_refused_and_revokes_nothing(
    server: Server, client: TestClient, tokens: dict[str, Any]
) -> None:
    first = body_of(server.refresh(client, tokens["refresh_token"]))
    assert error(server.refresh(client, tokens["refresh_token"], scope="openid")) == (400, "invalid_grant")
    assert is_alive(server, client, first)


def test_idle_and_absolute_ends_are_kept_c09(
    server: Server, client: TestClient, user: TestUser, settings: Settings
) -> None:
    idle = server.sign_in(client, user)
    seconds(settings.refresh_token_idle_lifetime)
    assert error(server.refresh(client, idle["refresh_token"])) == (400, "invalid_grant")

    daily = server.sign_in(client, user)
    for _ in range(settings.refresh_token_absolute_lifetime // (20 * 86400) - 1):
        seconds(20 * 86400)
        daily = body_of(server.refresh(client, daily["refresh_token"]))
    seconds(20 * 86400)
    assert error(server.refresh(client, daily["refresh_token"])) == (400, "invalid_grant")


def test_an_altered_token_is_refused_c10(server: Server, client: TestClient, tokens: dict[str, Any]) -> None:
    token = tokens["refresh_token"]
    for altered in (token[:-1], token + "A", token + "=", token.swapcase(), " " + token, token + " ", token[::-1], "x"):
        assert error(server.refresh(client, altered)) == (400, "invalid_grant")
    assert server.refresh(client, token).status_code == 200


def test_a_suspended_user_gets_nothing_f12(
    server: Server, client: TestClient, user: TestUser, tokens: dict[str, Any]
) -> None:
    server.suspend(user)
    assert error(server.refresh(client, tokens["refresh_token"])) == (400, "invalid_grant")
    assert not is_alive(server, client, tokens)


def test_a_disabled_client_gets_nothing_within_the_bound(
    server: Server, client: TestClient, tokens: dict[str, Any], settings: Settings
) -> None:
    server.disable(client)
    seconds(settings.client_cache_seconds)
    assert error(server.refresh(client, tokens["refresh_token"])) == (401, "invalid_client")


def test_a_scope_that_the_client_lost_is_not_given_again(
    server: Server, client: TestClient, tokens: dict[str, Any]
) -> None:
    server.update(client, scope="openid profile")
    assert body_of(server.refresh(client, tokens["refresh_token"]))["scope"] == "openid profile"


def test_a_retry_after_the_secret_key_was_replaced_still_finds_its_successor(
    server: Server, client: TestClient, tokens: dict[str, Any], settings: Settings, make_server: Any
) -> None:
    first = body_of(server.refresh(client, tokens["refresh_token"]))
    replaced = make_server(
        secret_key="another secret key for tests only 9876", secret_key_previous=(settings.secret_key,)
    )
    assert body_of(replaced.refresh(client, tokens["refresh_token"]))["refresh_token"] == first["refresh_token"]
