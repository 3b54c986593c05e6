"""Client credentials: a service gets a token for itself, and a resource server verifies it by JWKS."""

from oidc_server.core.settings import Settings
from tests.relying_party import Server, body_of, error


def test_a_service_gets_a_token_that_verifies_through_the_published_keys(server: Server, settings: Settings) -> None:
    client = server.client(scope="orders:read orders:write")
    response = server.token(client, scope="orders:read")
    assert response.status_code == 200
    body = body_of(response)
    assert body["token_type"] == "Bearer"
    assert body["expires_in"] == settings.access_token_lifetime
    assert body["scope"] == "orders:read"
    assert "refresh_token" not in body  # RFC 6749 §4.4.3, C20
    claims = server.verify(body["access_token"])
    assert claims["sub"] == claims["client_id"] == client.client_id
    assert claims["scope"] == "orders:read"
    assert claims["exp"] - claims["iat"] == settings.access_token_lifetime
    assert response.headers["Cache-Control"] == "no-store"


def test_without_a_scope_the_client_gets_all_it_is_registered_for(server: Server) -> None:
    assert body_of(server.token(server.client()))["scope"] == "orders:read orders:write"


def test_a_scope_that_is_not_registered_is_refused_a18(server: Server) -> None:
    assert error(server.token(server.client(), scope="orders:read admin")) == (400, "invalid_scope")


def test_a_resource_sets_the_audience(server: Server) -> None:
    client = server.client(resources=("https://api.example.com", "https://other.example.com"))
    token = body_of(server.token(client, resource="https://api.example.com"))["access_token"]
    assert server.verify(token, audience="https://api.example.com")["aud"] == "https://api.example.com"


def test_several_resources_give_several_audiences(server: Server) -> None:
    resources = ["https://api.example.com", "https://other.example.com"]
    client = server.client(resources=resources)
    token = body_of(server.token(client, resource=resources))["access_token"]
    assert server.verify(token, audience=resources[1])["aud"] == resources


def test_a_resource_that_is_not_registered_is_refused_a25(server: Server) -> None:
    client = server.client(resources=("https://api.example.com",))
    for resource in ("https://evil.example.com", "https://api.example.com/x", "not a uri", "https://api.example.com#f"):
        assert error(server.token(client, resource=resource)) == (400, "invalid_target")
