"""Discovery and the JWKS: they tell the truth, from memory, to everybody, whatever the Host header says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from oidc_server.audit.service import SYSTEM
from oidc_server.clients.models import Client
from oidc_server.clients.service import delete_client, find_client
from oidc_server.core import clock
from oidc_server.core.settings import Settings
from oidc_server.core.settings_checks import SIGNING_ALGORITHMS
from tests.relying_party import Server, body_of, error
from tests.running import ISSUER

OPENID = "/.well-known/openid-configuration"
OAUTH = "/.well-known/oauth-authorization-server"
JWKS = "/.well-known/jwks.json"
DOCUMENTS = (OPENID, OAUTH, JWKS)
# RFC 7518 §6: the members that only the owner of a key may know.
PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
HOSTS = ("login.example.com", "localhost")  # the first is answered from memory, the second by the view


@pytest.mark.parametrize("host", HOSTS)
def test_the_jwks_has_public_keys_only_each_once_e15_e20(server: Server, host: str) -> None:
    response = server.http.get(JWKS, headers={"Host": host})
    keys: list[dict[str, Any]] = body_of(response)["keys"]
    assert keys
    for key in keys:
        assert not set(key) & PRIVATE_MEMBERS
        assert key["use"] == "sig"
        assert key["alg"] in SIGNING_ALGORITHMS
        assert len(key["kid"]) == 43  # RFC 7638, SHA-256
    assert len({key["kid"] for key in keys}) == len(keys)
    assert b"PRIVATE" not in response.get_data()


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("path", DOCUMENTS)
def test_a_document_may_be_kept_for_its_max_age_and_is_not_sent_twice_e15(
    server: Server, settings: Settings, path: str, host: str
) -> None:
    first = server.http.get(path, headers={"Host": host})
    assert first.status_code == 200
    assert first.headers["Cache-Control"] == f"public, max-age={settings.jwks_max_age}"
    assert first.headers["Content-Type"] == "application/json"
    etag = first.headers["ETag"]
    for value in (etag, f"W/{etag}", f'"other", {etag}', "*", f" {etag} "):
        again = server.http.get(path, headers={"Host": host, "If-None-Match": value})
        assert (again.status_code, again.get_data()) == (304, b""), value
        assert again.headers["ETag"] == etag
    for value in ('"other"', "", etag.strip('"')[:-1], "\x00"):
        assert server.http.get(path, headers={"Host": host, "If-None-Match": value}).status_code == 200
    head = server.http.head(path, headers={"Host": host})
    assert (head.status_code, head.get_data(), head.headers["ETag"]) == (200, b"", etag)


def test_both_hosts_and_both_documents_say_the_same(server: Server) -> None:
    documents = [server.http.get(path, headers={"Host": host}).get_data() for path in (OPENID, OAUTH) for host in HOSTS]
    assert len(set(documents)) == 1
    assert len({server.http.get(JWKS, headers={"Host": host}).get_data() for host in HOSTS}) == 1


def test_no_host_header_changes_what_is_said_w11(server: Server) -> None:
    usual = server.http.get(OPENID, headers={"Host": "login.example.com"}).get_data()
    assert body_of(server.http.get(OPENID))["issuer"] == ISSUER
    forwarded = {
        "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http", "X-Forwarded-Port": "99",
        "X-Forwarded-Prefix": "/evil", "Forwarded": "host=evil.example;proto=http", "X-Original-URL": "/evil",
        "X-Host": "evil.example",
    }  # fmt: skip
    for host in HOSTS:
        assert server.http.get(OPENID, headers={"Host": host, **forwarded}).get_data() == usual
    for host in ("login.example.com:8443", "login.example.com:evil", "LOGIN.example.com"):
        response = server.http.get(OPENID, headers={"Host": host})
        assert response.get_data() == usual
    evil = ("evil.example", "login.example.com.evil.example", "evil.example:443", "login.example.com@evil.example", "",
            "login.example.com.", "evil.example#login.example.com", "127.0.0.1.evil.example", "[evil]",
            "login.example.com, evil.example", "login example.com", "login.example.com/evil")  # fmt: skip
    for host in evil:
        for path in DOCUMENTS:
            refused = server.http.get(path, environ_overrides={"HTTP_HOST": host})
            assert refused.status_code == 400, host
            assert "evil" not in refused.get_data(as_text=True) + str(refused.headers)


def test_the_metadata_names_only_what_there_is(server: Server) -> None:
    metadata = server.metadata
    assert metadata["issuer"] == ISSUER
    client = server.client()
    for name, value in metadata.items():
        if name.endswith("_endpoint"):
            # It is there, and wants a form; userinfo wants a token, which a client's password is not.
            wanted = 401 if name == "userinfo_endpoint" else 400
            assert server.http.post(value.removeprefix(ISSUER), headers=client.basic).status_code == wanted, name
    assert server.http.get(metadata["jwks_uri"].removeprefix(ISSUER)).status_code == 200
    assert server.http.get(metadata["service_documentation"].removeprefix(ISSUER)).status_code == 200
    for url in (value for value in metadata.values() if isinstance(value, str)):
        assert url.startswith(ISSUER)
    kinds = {key["alg"] for key in server.jwks()["keys"]}
    assert set(metadata["id_token_signing_alg_values_supported"]) <= kinds
    assert "none" not in metadata["id_token_signing_alg_values_supported"]
    assert "none" not in metadata["token_endpoint_auth_signing_alg_values_supported"]
    assert not any(alg.startswith("HS") for alg in metadata["token_endpoint_auth_signing_alg_values_supported"])
    assert "none" not in metadata["introspection_endpoint_auth_methods_supported"]


def test_the_grants_of_the_metadata_are_those_that_work(server: Server) -> None:
    client = server.first_party()
    for grant_type in server.metadata["grant_types_supported"]:
        assert error(server.token(client, grant_type))[1] != "unsupported_grant_type"


def test_the_password_grant_is_listed_only_while_somebody_may_use_it(server: Server, settings: Settings) -> None:
    def listed() -> bool:
        clock.travel(timedelta(seconds=max(1, settings.client_cache_seconds)))
        return "password" in server.metadata["grant_types_supported"]

    assert not listed()
    client = server.first_party()
    assert listed()
    server.disable(client)
    assert not listed()
    another = server.first_party()
    assert listed()
    with server.app.app_context(), server.database.transaction() as session:
        found = find_client(session, another.client_id)
        assert found is not None
        delete_client(session, found, actor=SYSTEM)
    assert not listed()


@pytest.mark.parametrize("path", ["/oauth/register", "/oauth/register/x", "/connect/register", "/registration"])
def test_there_is_no_registration_endpoint_d17(server: Server, path: str) -> None:
    assert "registration_endpoint" not in server.metadata
    statement = {"redirect_uris": ["https://evil.example/cb"], "software_statement": "e30.e30."}
    for method in ("GET", "POST", "PUT", "DELETE"):
        response = server.http.open(path, method=method, json=statement)
        assert response.status_code == 404, method
        assert "client_id" not in response.get_data(as_text=True)


def test_no_client_is_made_where_people_register_d17(server: Server) -> None:
    statement = {"redirect_uris": ["https://evil.example/cb"], "software_statement": "e30.e30."}
    for path in ("/register", "/auth/register"):
        response = server.http.post(path, json=statement)
        assert response.status_code in {403, 422}
        assert "client_id" not in response.get_data(as_text=True)
    with server.app.app_context(), server.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Client)) == 0


@pytest.mark.parametrize("path", DOCUMENTS)
def test_only_reading_is_answered(server: Server, path: str) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH", "TRACE"):
        assert server.http.open(path, method=method).status_code == 405
    assert server.http.get(path + "/").status_code == 404
    assert server.http.get(path.replace("/.well-known/", "/.well-known//")).status_code == 404


@pytest.fixture
def without_database(make_server: Callable[..., Server], database_kind: str) -> Server:
    """A server whose database is not there, of the kind of this run."""
    gone = {"sqlite": "sqlite:////no/such/folder/db.sqlite3", "postgresql": "postgresql://nobody@127.0.0.1:1/none"}
    return make_server(database_url=gone[database_kind])


@pytest.mark.parametrize("host", HOSTS)
def test_without_the_database_nothing_answers_500_w09(without_database: Server, host: str) -> None:
    http = without_database.http
    headers = {"Host": host, "Origin": "https://app.example.com", "Authorization": "Basic YTpi"}
    form = {"grant_type": "client_credentials", "token": "x"}
    assert http.get(JWKS, headers=headers).status_code == 200  # keys are in memory
    for path in (OPENID, OAUTH):
        assert http.get(path, headers=headers).status_code in {200, 503}
    responses = [
        http.post(path, data=form, headers=headers) for path in ("/oauth/token", "/oauth/introspect", "/oauth/revoke")
    ]
    responses += [http.options("/oauth/token", headers=headers), http.get("/health/ready"), http.get("/health")]
    for response in responses:
        assert response.status_code == 503
        assert int(response.headers["Retry-After"]) >= 1
        assert response.headers["X-Request-Id"]
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        text = response.get_data(as_text=True)
        for leak in ("sqlite", "psycopg", "Traceback", "SELECT", "127.0.0.1", "/no/such"):
            assert leak not in text
    assert http.get("/health/live").status_code == 200
