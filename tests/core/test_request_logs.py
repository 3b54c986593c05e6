"""Logs: one JSON object a line whatever comes in, without any secret; and faults that tell the caller nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, abort
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from oidc_server.core import http as http_layer
from oidc_server.core import logs
from oidc_server.core.database import make_engine
from oidc_server.core.errors import Reason, Unavailable
from oidc_server.core.settings import Settings
from tests.log_lines import log_lines
from tests.relying_party import PASSWORD, Server, TestUser, body_of

SECRET = "s3cret-that-must-not-leak"
ACCESS_FIELDS = {
    "event", "request_id", "method", "route", "status", "latency_ms", "client_id", "address", "level", "timestamp",
}  # fmt: skip


def access_lines(capfd: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [line for line in log_lines(capfd) if line["event"] == "request"]


def test_each_request_is_one_line_with_the_same_fields(server: Server, capfd: pytest.CaptureFixture[str]) -> None:
    client = server.client()
    capfd.readouterr()
    response = server.token(client)
    (line,) = access_lines(capfd)
    assert set(line) == ACCESS_FIELDS
    assert line["request_id"] == response.headers["X-Request-Id"]
    assert (line["method"], line["route"], line["status"]) == ("POST", "/oauth/token", 200)
    assert line["client_id"] == client.client_id
    assert line["address"] == "127.0.0.1"
    assert 0 <= line["latency_ms"] < 5000
    for host in ("login.example.com", "localhost"):
        server.http.get("/.well-known/jwks.json", headers={"Host": host})
        (line,) = access_lines(capfd)
        assert (line["route"], line["status"], line["client_id"]) == ("/.well-known/jwks.json", 200, None)


def test_what_a_stranger_sends_makes_no_line_of_its_own_w08(server: Server, capfd: pytest.CaptureFixture[str]) -> None:
    client, forged = server.client(), '\r\n{"event":"request","level":"error"}\r\n\x1b[31m'
    quoted = forged.replace("\r\n", "")
    capfd.readouterr()
    headers = {
        "User-Agent": quoted,
        "Referer": quoted,
        "X-Request-Id": quoted,
        "X-Forwarded-For": quoted,
        "Origin": quoted,
    }
    requests = 0
    for method in ("GET", "POST", 'BR"EW', "\x1b[31m"):
        for path in ("/oauth/token", "/nothing", f"/{quoted}", "/%0d%0a%1b[31m"):
            server.http.open(path, method=method, headers=headers, data={"grant_type": forged, forged: forged})
            requests += 1
    for form in ({"grant_type": forged}, {"grant_type": "client_credentials", "scope": forged}, {forged: "x"}):
        server.http.post("/oauth/token", data=form, headers=client.basic)
        requests += 1
    server.http.post("/oauth/token", data={"client_id": forged, "client_secret": forged, "grant_type": "password"})
    lines = log_lines(capfd)
    assert len([line for line in lines if line["event"] == "request"]) == requests + 1
    assert {line["event"] for line in lines} <= {"request", "refused"}
    assert {line["level"] for line in lines} <= {"info", "warning"}
    assert "\x1b" not in str([line.get("detail") for line in lines])


def test_the_route_is_a_rule_and_the_method_one_of_few_so_that_series_stay_few(
    server: Server, capfd: pytest.CaptureFixture[str]
) -> None:
    capfd.readouterr()
    server.http.get(f"/{SECRET}?token={SECRET}")
    server.http.open("/health/live", method="BREW")
    lines = access_lines(capfd)
    assert [(line["method"], line["route"], line["status"]) for line in lines] == [
        ("GET", "(none)", 404), ("(other)", "(none)", 405),
    ]  # fmt: skip
    assert SECRET not in server.http.get("/metrics").get_data(as_text=True)


def use_everything(server: Server, user: TestUser) -> list[str]:
    """Go through everything that carries a secret, rightly and wrongly; every secret that was in it."""
    service, first_party = server.client(), server.first_party()
    post = server.client(token_endpoint_auth_method="client_secret_post")
    own = body_of(server.token(service))["access_token"]
    server.token(post)
    tokens = server.sign_in(first_party, user)
    renewed = body_of(server.refresh(first_party, tokens["refresh_token"]))
    for token in (
        own,
        *(tokens[name] for name in ("access_token", "refresh_token", "id_token")),
        renewed["refresh_token"],
    ):
        server.introspect(first_party, token)
        server.introspect(service, token + "x")
        server.revoke(service, token)
        server.http.get(f"/oauth/token?access_token={token}", headers={"Authorization": f"Bearer {token}"})
        server.http.post(f"/oauth/introspect?token={token}", data={"token": token}, headers=service.basic)
        server.http.get(
            f"/{token}", headers={"Cookie": f"session={token}", "Referer": f"https://x.example/?code={token}"}
        )
    server.token(first_party, "password", username=user.email, password=SECRET)
    server.http.post("/oauth/token", data={"grant_type": "password", "password": SECRET, "client_secret": SECRET})
    server.http.post("/oauth/token", json={"client_secret": SECRET})
    server.http.post("/oauth/token", data={"client_assertion": f"e30.{SECRET}.e30", "grant_type": "client_credentials"})
    server.http.get(
        "/metrics", headers={"Authorization": f"Bearer {SECRET}"}, environ_overrides={"REMOTE_ADDR": "203.0.113.1"}
    )
    secrets = [SECRET, PASSWORD, user.email, own, *map(str, (service.client_secret, first_party.client_secret))]
    return [*secrets, str(post.client_secret), *(str(tokens[n]) for n in ("access_token", "refresh_token", "id_token"))]


def test_no_secret_and_no_name_of_a_person_is_ever_logged_b15_e20_d24(
    server: Server, capfd: pytest.CaptureFixture[str]
) -> None:
    capfd.readouterr()
    secrets = use_everything(server, server.user())
    captured = capfd.readouterr()
    assert captured.err.count('"event":"request"') > 30
    for secret in secrets:
        assert secret not in captured.err + captured.out
        assert secret.rpartition(".")[2] not in captured.err + captured.out


@pytest.fixture
def broken(settings: Settings) -> Iterator[FlaskClient]:
    """An application under our HTTP layer whose views fail in every way."""
    logs.configure(settings.log_level)
    app = Flask("broken")
    http_layer.init_app(app, settings)
    engine = make_engine(settings.database_url, pool_size=1, statement_timeout_ms=1000)

    @app.get("/bug")
    def bug() -> str:
        raise ValueError("an unexpected value")

    @app.get("/constraint")
    def constraint() -> str:
        with engine.begin() as connection:
            connection.execute(text("CREATE TEMPORARY TABLE t (a INTEGER CHECK (a > 5), b TEXT)"))
            connection.execute(text("INSERT INTO t VALUES (:a, :b)"), {"a": 1, "b": SECRET})
        return ""

    @app.get("/database")
    def database() -> str:
        raise OperationalError(f"SELECT '{SECRET}'", {"p": SECRET}, Exception(f"connection to 10.0.0.1 as {SECRET}"))

    @app.get("/unavailable")
    def unavailable() -> str:
        raise Unavailable(Reason.HASHING_BUSY, "detail for the log")

    @app.get("/status/<int:status>")
    def status(status: int) -> str:
        abort(status)

    @app.get("/recursion")
    def recursion() -> str:
        return recursion()

    yield app.test_client()
    engine.dispose()


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        ("/bug", 500, Reason.INTERNAL_ERROR),
        ("/constraint", 500, Reason.INTERNAL_ERROR),
        ("/recursion", 500, Reason.INTERNAL_ERROR),
        ("/database", 503, Reason.DATABASE_UNAVAILABLE),
        ("/unavailable", 503, Reason.HASHING_BUSY),
        ("/status/400", 400, Reason.BAD_HTTP_REQUEST),
        ("/status/404", 404, Reason.NOT_FOUND),
        ("/status/413", 413, Reason.BODY_TOO_LARGE),
        ("/status/418", 418, Reason.BAD_HTTP_REQUEST),
        ("/status/431", 431, Reason.BAD_HTTP_REQUEST),
    ],
)
def test_a_fault_tells_the_caller_its_id_and_the_log_the_rest_w09(
    broken: FlaskClient, capfd: pytest.CaptureFixture[str], path: str, status: int, reason: Reason
) -> None:
    response = broken.get(path)
    body = body_of(response)
    assert response.status_code == body["status"] == status
    assert set(body) == {"type", "title", "status", "code", "error_id"}
    assert body["error_id"] == response.headers["X-Request-Id"]
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    if status == 503:
        assert int(response.headers["Retry-After"]) >= 1
    whole = response.get_data(as_text=True) + str(response.headers)
    for leak in ("Traceback", "unexpected", "sqlite", "INSERT", "SELECT", "10.0.0.1", SECRET, "detail", __file__):
        assert leak not in whole

    lines = log_lines(capfd)
    (refused,) = [line for line in lines if line["event"] == "refused"]
    assert (refused["reason"], refused["error_id"]) == (reason, body["error_id"])
    faults = [line for line in lines if line["event"] == "fault"]
    assert [fault["error_id"] for fault in faults] == ([body["error_id"]] if status == 500 else [])
    assert all("Traceback" in fault["exception"] for fault in faults)
    assert SECRET not in str(lines)
