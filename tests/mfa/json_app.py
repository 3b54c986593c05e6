"""What an app of ours does about second factors, by the JSON API and at the token endpoint."""

from __future__ import annotations

from typing import Any

from werkzeug.test import TestResponse

from tests.accounts.json_client import JsonClient, problem
from tests.relying_party import Server, TestClient, TestUser, body_of
from tests.second_factors import Totp

GRANT = "urn:oidc-server:params:oauth:grant-type:mfa"
OWED, ENROLMENT_OWED = (403, "mfa_required"), (403, "mfa_enrolment_required")
GONE, WRONG = (401, "mfa_token_invalid"), (422, "second_factor_wrong")
TOO_WEAK, FINE = (401, "insufficient_user_authentication"), 200
TOKENS = {"access_token", "refresh_token", "id_token"}


def password(app: JsonClient, user: TestUser, **more: Any) -> TestResponse:
    """Give the right password."""
    return app.post("/auth/login", email=user.email, password=user.password, **more)


def owed(app: JsonClient, user: TestUser, **more: Any) -> dict[str, Any]:
    """Give the right password, which is not enough; what the app is told."""
    refused = password(app, user, **more)
    assert problem(refused) == OWED
    body = body_of(refused)
    assert not TOKENS & set(body)
    return body


def verify(app: JsonClient, mfa_token: str | None, totp: Totp | None, code: str | None = None) -> TestResponse:
    """Give a code, by default the present one of an authenticator app."""
    body = {"mfa_token": mfa_token, "method_id": totp and str(totp.method_id)}
    given = {name: value for name, value in body.items() if value is not None}
    return app.post("/mfa/verify", code=code or (totp.code() if totp else ""), **given)


def log_in(server: Server, user: TestUser, totp: Totp) -> JsonClient:
    """An app in which somebody has just signed in by password and code."""
    app = JsonClient(server)
    app.tokens = body_of(verify(app, owed(app, user)["mfa_token"], totp))
    return app


def by_password_grant(server: Server, client: TestClient, user: TestUser, **more: Any) -> TestResponse:
    """Ask the token endpoint with the right password."""
    return server.token(client, "password", username=user.email, password=user.password, **more)


def refusal_of(response: TestResponse) -> tuple[int, str]:
    """The status and the error code of the token endpoint's refusal, which gives no token."""
    body = body_of(response)
    assert not TOKENS & set(body)
    assert body["error_id"] == response.headers["X-Request-Id"]
    assert response.headers["Cache-Control"] == "no-store"
    return response.status_code, body["error"]


def level(server: Server, tokens: dict[str, Any]) -> tuple[str, list[str]]:
    """What an access token says of how the person signed in."""
    claims = server.verify(tokens["access_token"])
    return claims["acr"], claims["amr"]
