"""An account without a password has none that could be right (attack G28)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.accounts.json_client import JsonClient, problem
from tests.relying_party import Server, error

ADA = "ada@example.com"
# None is what a program may have stored where nothing was; the last one is what the decoy is made of.
GUESSES = ["None", "null", " ", "\0", "x" * 72, "no password has this hash"]
NOTHING: list[dict[str, Any]] = [{}, {"password": ""}, {"password": None}, {"password": []}, {"password": False}]


@pytest.fixture
def client(server: Server) -> JsonClient:
    server.user(ADA, password=None, username="ada")
    return JsonClient(server)


def test_no_login_without_a_password_where_none_is_set_g28(client: JsonClient) -> None:
    for name in ({"email": ADA}, {"username": "ada"}):
        for nothing in NOTHING:
            assert problem(client.post("/auth/login", **name, **nothing)) == (422, "validation_failed")
    for guess in GUESSES:
        client.server.forget_limits()
        assert problem(client.post("/auth/login", email=ADA, password=guess)) == (401, "credentials_wrong")


def test_no_grant_without_a_password_where_none_is_set_g28(client: JsonClient) -> None:
    server = client.server
    app = server.first_party()
    for nothing in (None, ""):
        assert error(server.token(app, "password", username=ADA, password=nothing)) == (400, "invalid_request")
    for guess in GUESSES:
        server.forget_limits()
        refusal = "invalid_request" if guess == "\0" else "invalid_grant"
        assert error(server.token(app, "password", username=ADA, password=guess)) == (400, refusal)
    for grant in ("refresh_token", "authorization_code", "client_credentials"):
        response = server.token(app, grant, username=ADA, refresh_token="", code="")
        assert response.status_code == 400, response.json
