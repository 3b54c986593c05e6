"""CORS: the web origins of registered public clients, on the endpoints that a browser calls, and nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest
from werkzeug.test import TestResponse

from oidc_server.core import clock
from oidc_server.core.settings import Settings
from tests.relying_party import Server, TestClient

ORIGIN = "https://app.example.com"
ENDPOINTS = {"/oauth/token": "POST", "/oauth/revoke": "POST", "/oauth/userinfo": "GET, POST"}
HEADERS = ("Access-Control-Allow-Origin", "Access-Control-Allow-Methods", "Access-Control-Allow-Headers",
           "Access-Control-Allow-Credentials", "Access-Control-Expose-Headers", "Access-Control-Max-Age")  # fmt: skip


OTHER_ORIGINS = (
    "null", "", "*", "https://evil.example", "https://sub.app.example.com", "http://app.example.com", f"{ORIGIN}/",
    "https://app.example.com.evil.example", "https://evilapp.example.com", f"{ORIGIN}:8443", f"{ORIGIN}:443",
    f"{ORIGIN}/cb", ORIGIN.upper(), f"{ORIGIN} ", f"{ORIGIN},https://evil.example", "app.example.com", "https://",
    "https://backend.example.com", "com.example.app:", "com.example.app://", "file://", "https://login.example.com",
    "http://127.0.0.1:9", f"{ORIGIN}\x00", f"https://a@{ORIGIN[8:]}",
)  # fmt: skip


@pytest.fixture
def public(server: Server) -> TestClient:
    return server.client("public", redirect_uris=(f"{ORIGIN}/cb", "com.example.app:/cb", "http://127.0.0.1/cb"))


def ask(server: Server, path: str, origin: str, method: str = "POST") -> TestResponse:
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    return server.http.open(path, method=method, headers=headers, data={"grant_type": "client_credentials"})


def allowed(response: TestResponse) -> dict[str, str]:
    return {name: response.headers[name] for name in HEADERS if name in response.headers}


@pytest.mark.parametrize("path", ENDPOINTS)
def test_a_registered_origin_may_read_the_answer_w13(server: Server, public: TestClient, path: str) -> None:
    response = ask(server, path, ORIGIN)
    assert response.status_code == 401
    assert allowed(response) == {
        "Access-Control-Allow-Origin": ORIGIN,
        "Access-Control-Expose-Headers": "X-Request-Id, Retry-After, WWW-Authenticate",
    }  # fmt: skip
    assert response.headers["Vary"] == "Origin"
    preflight = ask(server, path, ORIGIN, "OPTIONS")
    assert (preflight.status_code, preflight.get_data()) == (204, b"")
    assert preflight.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert preflight.headers["Access-Control-Allow-Methods"] == ENDPOINTS[path]
    assert preflight.headers["Access-Control-Allow-Headers"] == "Authorization, Content-Type"
    assert "Access-Control-Allow-Credentials" not in preflight.headers  # no cookie speaks for anybody here


@pytest.mark.parametrize("path", ENDPOINTS)
def test_every_other_origin_gets_nothing_w13(server: Server, public: TestClient, path: str) -> None:
    server.client("confidential", redirect_uris=("https://backend.example.com/cb",))
    for origin in OTHER_ORIGINS:
        for method in ("POST", "OPTIONS"):
            response = ask(server, path, origin, method)
            assert allowed(response) == {}, origin
            assert response.headers["Vary"] == "Origin"


def test_only_the_browser_s_endpoints_answer_other_origins_w13(server: Server, public: TestClient) -> None:
    for rule in server.app.url_map.iter_rules():
        if rule.rule in ENDPOINTS or rule.rule.startswith("/.well-known/") or rule.rule == "/openapi.json":
            continue
        for method in sorted(rule.methods or ()):
            response = ask(server, rule.rule.replace("<", "").replace(">", ""), ORIGIN, method)
            assert allowed(response) == {}, rule.rule


@pytest.mark.parametrize("path", ["/.well-known/jwks.json", "/.well-known/openid-configuration"])
def test_public_documents_may_be_read_by_everybody_without_credentials_w13(server: Server, path: str) -> None:
    for origin in ("https://evil.example", "null"):
        response = server.http.get(path, headers={"Origin": origin})
        assert allowed(response) == {"Access-Control-Allow-Origin": "*"}


def test_an_origin_ends_with_its_client_within_the_cache_bound_w13(
    server: Server, public: TestClient, settings: Settings
) -> None:
    assert allowed(ask(server, "/oauth/token", ORIGIN))
    server.disable(public)
    clock.travel(timedelta(seconds=settings.client_cache_seconds))
    assert allowed(ask(server, "/oauth/token", ORIGIN)) == {}


def test_the_default_port_of_a_redirect_uri_is_no_part_of_its_origin(server: Server) -> None:
    """RFC 6454 §6.2: a browser never writes it."""
    server.client("public", redirect_uris=("https://one.example.com:443/cb", "http://localhost:80/cb"))
    server.client("public", redirect_uris=("https://TWO.example.com:8443/cb", "http://[::1]:3000/cb"))
    for origin in ("https://one.example.com", "http://localhost", "https://two.example.com:8443", "http://[::1]:3000"):
        assert allowed(ask(server, "/oauth/token", origin))["Access-Control-Allow-Origin"] == origin
    for origin in ("https://one.example.com:443", "https://two.example.com", "http://[::1]"):
        assert allowed(ask(server, "/oauth/token", origin)) == {}


def test_an_allowed_origin_is_no_authentication_w13(server: Server, public: TestClient) -> None:
    client = server.client()
    form = {"grant_type": "client_credentials", "client_id": client.client_id}
    response = server.http.post("/oauth/token", data=form, headers={"Origin": ORIGIN})
    assert response.status_code == 401
