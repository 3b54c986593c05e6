"""The Flask recipe answers as RFC 6750 §3 asks: 200, or a challenge that names the error and nothing more."""

import importlib
import sys
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc.jwk import RSAKey

from tests.examples.issuer import JWKS, Issuer
from tests.examples.recipes import RECIPES
from tests.examples.tokens import ACCEPTED, AUDIENCE, INSUFFICIENT, INVALID, SCOPE, access_token, table


@pytest.fixture
def api(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> Iterator[FlaskClient]:
    monkeypatch.syspath_prepend(str(RECIPES / "python"))
    monkeypatch.setenv("ISSUER", issuer.url)
    monkeypatch.setenv("AUDIENCE", AUDIENCE)
    app: Flask = importlib.import_module("resource_server").app
    yield app.test_client()
    for name in ("resource_server", "verify"):
        del sys.modules[name]


def test_every_token_gets_its_status_and_challenge(
    api: FlaskClient, issuer: Issuer, key: RSAKey, stranger: RSAKey
) -> None:
    expected = {
        ACCEPTED: (200, None),
        INVALID: (401, f'Bearer error="invalid_token", scope="{SCOPE}"'),
        INSUFFICIENT: (403, f'Bearer error="insufficient_scope", scope="{SCOPE}"'),
    }
    cases = table(issuer.url, key, stranger)
    del cases["nothing"]  # the next test's case
    given = {
        name: api.get("/orders", headers={"Authorization": f"Bearer {token}"}) for name, (token, _) in cases.items()
    }
    assert {
        name: (response.status_code, response.headers.get("WWW-Authenticate")) for name, response in given.items()
    } == {name: expected[verdict] for name, (_, verdict) in cases.items()}


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic d2ViOnNlY3JldA=="}, {"Authorization": "Bearer"}])
def test_without_a_token_the_challenge_names_no_error(api: FlaskClient, headers: dict[str, str]) -> None:
    response = api.get("/orders", headers=headers)
    assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_the_response_names_who_asked(api: FlaskClient, issuer: Issuer, key: RSAKey) -> None:
    token = access_token(issuer.url, key, sub="alice", client_id="web")
    response = api.get("/orders", headers={"Authorization": f"bearer {token}"})
    assert response.get_json() == {"orders": [], "subject": "alice", "client_id": "web"}


def test_a_token_in_the_query_is_not_looked_at(api: FlaskClient, issuer: Issuer, key: RSAKey) -> None:
    response = api.get("/orders", query_string={"access_token": access_token(issuer.url, key)})
    assert response.status_code == 401


def test_when_the_keys_cannot_be_had_the_fault_is_not_the_caller_s(
    api: FlaskClient, issuer: Issuer, key: RSAKey
) -> None:
    issuer.available = False
    good = {"Authorization": f"Bearer {access_token(issuer.url, key)}"}
    answers = [api.get("/orders", headers=good) for _ in range(5)]
    assert [(answer.status_code, answer.headers.get("WWW-Authenticate")) for answer in answers] == [(503, None)] * 5
    assert issuer.asked_for(JWKS) == 1
