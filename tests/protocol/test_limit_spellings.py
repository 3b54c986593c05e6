"""R14: however a sign-in is spelled, it is counted, or it is no sign-in at all."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from oidc_server.core.limit_rules import LOGIN_ATTEMPTS
from tests.relying_party import Server, TestClient, TestUser

LIMIT = LOGIN_ATTEMPTS[0].amount
FORM = "application/x-www-form-urlencoded"
SPELLINGS: dict[str, dict[str, Any]] = {
    "encoded letter": {"path": "/oauth/%74oken"},
    "upper-case escape": {"path": "/oauth/%54oken"},
    "trailing slash": {"path": "/oauth/token/"},
    "two slashes": {"path": "//oauth//token"},
    "dot segment": {"path": "/oauth/./token"},
    "encoded dot segment": {"path": "/oauth/%2e/token"},
    "encoded slash": {"path": "/oauth%2ftoken"},
    "path parameter": {"path": "/oauth/token;v=1"},
    "upper case": {"path": "/OAUTH/TOKEN"},
    "HEAD": {"method": "HEAD"},
    "PUT": {"method": "PUT"},
    "GET with an override": {"method": "GET", "headers": {"X-HTTP-Method-Override": "POST"}},
    "method in lower case": {"method": "post"},
    "form with a charset": {"content_type": f"{FORM}; charset=utf-8"},
    "form in upper case": {"content_type": FORM.upper()},
    "no content type": {"content_type": None},
    "plain text": {"content_type": "text/plain"},
    "JSON": {"content_type": "application/json"},
}


def send(server: Server, web: TestClient, person: TestUser, password: str, how: dict[str, Any]) -> int:
    """Try to sign in, in this spelling; the status."""
    fields = {"grant_type": "password", "username": person.email, "password": password}
    content_type = how.get("content_type", FORM)
    body = json.dumps(fields) if content_type == "application/json" else urlencode(fields)
    return server.http.open(
        how.get("path", "/oauth/token"), method=how.get("method", "POST"), data=body, content_type=content_type,
        headers=web.basic | how.get("headers", {}),
    ).status_code  # fmt: skip


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_spelling_goes_around_a_limit_that_was_reached_r14(server: Server, spelling: str) -> None:
    web, person = server.first_party(), server.user()
    for _ in range(LIMIT):
        assert send(server, web, person, "wrong", {}) == 400
    assert send(server, web, person, person.password, {}) == 429
    assert send(server, web, person, person.password, SPELLINGS[spelling]) in {400, 404, 405, 415, 429}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_attempts_in_another_spelling_are_counted_or_are_none_r14(server: Server, spelling: str) -> None:
    """Where the right password would be let in, the wrong ones have counted."""
    web, person, other = server.first_party(), server.user(), server.user()
    serves = send(server, web, other, other.password, SPELLINGS[spelling]) == 200
    for _ in range(LIMIT):
        send(server, web, person, "wrong", SPELLINGS[spelling])
    assert send(server, web, person, person.password, {}) == (429 if serves else 200)
