"""F18: what changes who may get in, or takes the account away, needs a person who has signed in lately (RFC 9470)."""

from __future__ import annotations

from datetime import timedelta

from oidc_server.core import clock
from tests.accounts.json_client import JsonClient, problem
from tests.accounts.people import ADA, Town
from tests.relying_party import PASSWORD, body_of

CALLS = {
    "/users/me/password": ("PUT", {"current_password": PASSWORD, "new_password": "four quiet green lamps"}),
    "/auth/change-email": ("POST", {"email": "ada@example.org", "password": PASSWORD}),
    "/auth/change-email/confirm": ("POST", {"token": "A" * 43}),
    "/users/me": ("DELETE", None),
    "/users/me/export": ("GET", None),
}  # fmt: skip


def test_an_old_session_cannot_do_it_also_with_a_new_token_f18(town: Town) -> None:
    """Refreshing is no authentication, and neither is the password sent along: the app has to ask the person."""
    user = town.server.user(ADA)
    app = town.app.login(user)
    town.mail()
    clock.travel(timedelta(minutes=10, seconds=1))
    refreshed = app.post("/auth/refresh", refresh_token=app.tokens["refresh_token"])
    app.tokens = body_of(refreshed)
    for prefix in ("", "/api/v1"):
        for path, (method, body) in CALLS.items():
            response = app.http.open(prefix + path, method=method, json=body, headers=app.headers)
            assert problem(response) == (401, "insufficient_user_authentication"), path
            challenge = response.headers["WWW-Authenticate"]
            assert 'error="insufficient_user_authentication"' in challenge
            assert 'max_age="600"' in challenge
    assert town.mail() == []
    assert body_of(app.get("/auth/me"))["erase_at"] is None
    fresh = JsonClient(town.server).login(user)
    assert fresh.get("/users/me/export").status_code == 200
    assert fresh.delete("/users/me").status_code == 202


def test_nobody_does_it_without_a_token(town: Town) -> None:
    for path, (method, body) in CALLS.items():
        assert problem(town.app.http.open(path, method=method, json=body)) == (401, "unauthorized"), path
