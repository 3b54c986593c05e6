"""What every answer has in common: an id, the security headers, and a refusal that tells nothing but its id."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from oidc_server.core.errors import Reason
from oidc_server.core.settings import Settings
from tests.log_lines import log_lines
from tests.relying_party import Server, body_of, error

FORM = "application/x-www-form-urlencoded"
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
}
STRANGER = {"REMOTE_ADDR": "203.0.113.5"}
HOSTS = ("login.example.com", "localhost")


def every_kind_of_answer(server: Server) -> list[TestResponse]:
    """One answer of every status and kind that can be had without a fault."""
    http, client = server.http, server.client()
    form = {"grant_type": "client_credentials"}
    jwks = [http.get("/.well-known/jwks.json", headers={"Host": host}) for host in HOSTS]
    etag = {"If-None-Match": jwks[0].headers["ETag"]}
    return [
        *jwks,
        *(http.get("/.well-known/jwks.json", headers={"Host": host, **etag}) for host in HOSTS),
        http.head("/.well-known/openid-configuration"),
        http.options("/.well-known/openid-configuration"),
        http.post("/oauth/token", data=form, headers=client.basic),
        http.options("/oauth/token"),
        http.post("/oauth/token", data=form),
        http.post("/oauth/token?x=1", data=form),
        http.get("/oauth/token"),
        http.post("/oauth/token", data="x" * 70_000, content_type=FORM),
        http.post("/oauth/introspect", data={"token": "x"}, headers=client.basic),
        http.post("/oauth/revoke", data={"token": "x"}, headers=client.basic),
        http.get("/oauth/nothing"),
        http.get("/nothing"),
        http.post("/.well-known/jwks.json"),
        http.get("/nothing", headers={"Host": "evil.example"}),
        http.get("/health/live"),
        http.get("/health/ready"),
        http.get("/health"),
        http.get("/metrics"),
        http.get("/metrics", environ_overrides=STRANGER),
        http.get("/openapi.json"),
        http.get("/docs"),
        http.open("/health/live", method="TRACE"),
    ]


def test_every_answer_has_the_security_headers_once_w12_f06(server: Server) -> None:
    answers = every_kind_of_answer(server)
    assert {answer.status_code for answer in answers} >= {200, 204, 304, 400, 401, 404, 405, 413}
    for answer in answers:
        request = f"{answer.request.method} {answer.request.path} {answer.status_code}"
        for name, value in SECURITY_HEADERS.items():
            assert answer.headers.getlist(name) == [value], request
        (policy,) = answer.headers.getlist("Content-Security-Policy")
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert len(answer.headers.getlist("X-Request-Id")) == 1
        assert len(answer.headers.getlist("Cache-Control")) == 1, request
        assert "Set-Cookie" not in answer.headers
        assert "Location" not in answer.headers
    for answer in answers:
        cached = answer.request.path.startswith(("/.well-known/", "/openapi", "/docs")) and answer.status_code in {
            200,
            304,
        }
        if not cached or answer.request.method == "OPTIONS":
            assert answer.headers["Cache-Control"] == "no-store", answer.request.path


def test_only_an_https_issuer_promises_https_w12(make_server: Callable[..., Server]) -> None:
    plain = make_server(issuer="http://127.0.0.1:8000")
    assert "Strict-Transport-Security" not in plain.http.get("/health/live").headers


def test_a_sane_request_id_is_kept_and_any_other_replaced_w08(server: Server) -> None:
    for given in ("abcdefgh", "0123456789-ABC_def.ghi", "a" * 64):
        assert server.http.get("/health/live", headers={"X-Request-Id": given}).headers["X-Request-Id"] == given
        refused = server.http.post("/oauth/token", headers={"X-Request-Id": given})
        assert body_of(refused)["error_id"] == given
    made = set()
    for given in (
        "",
        "short",
        "a" * 65,
        "with space",
        '{"a":1}',
        "<script>",
        "a\tbcdefgh",
        "é" * 10,
        "%0d%0aX: y",
        "abcdefgh,",
    ):
        made.add(server.http.get("/health/live", headers={"X-Request-Id": given}).headers["X-Request-Id"])
        assert given not in made
    assert len(made) == 10
    assert all(len(one) == 24 for one in made)


def test_a_refusal_is_an_oauth_error_below_oauth_and_problem_details_elsewhere_w09(server: Server) -> None:
    for path, method in (("/oauth/nothing", "GET"), ("/oauth/token", "GET"), ("/oauth/introspect", "DELETE")):
        response = server.http.open(path, method=method)
        assert error(response)[1] == "invalid_request"
    for path, method, status in (
        ("/nothing", "GET", 404), ("/", "GET", 404), ("/oauthx/token", "POST", 404),
        ("/.well-known/jwks.json", "POST", 405),
    ):  # fmt: skip
        response = server.http.open(path, method=method)
        assert response.status_code == status
        assert response.headers["Content-Type"] == "application/problem+json"
        body = body_of(response)
        assert set(body) == {"type", "title", "status", "detail", "code", "error_id"}
        assert body["status"] == status
        assert body["error_id"] == response.headers["X-Request-Id"]


def test_other_methods_are_refused_and_no_header_changes_the_method_w14(server: Server) -> None:
    methods_of: dict[str, set[str]] = {}
    strict = set()  # the JSON API, which may refuse a parameter that it does not know
    for rule in server.app.url_map.iter_rules():
        methods_of.setdefault(rule.rule, set()).update(rule.methods or ())
        if hasattr(server.app.view_functions[rule.endpoint], "access_class"):
            strict.add(rule.rule)
    for path, methods in methods_of.items():
        for method in {"TRACE", "CONNECT", "PUT", "DELETE", "PATCH", "PROPFIND", "BREW"} - methods:
            response = server.http.open(path, method=method)
            assert response.status_code in {404, 405}, (method, path)
            if response.status_code == 405:
                assert set(response.headers["Allow"].split(", ")) >= methods
        if "GET" in methods:
            plain = server.http.get(path).status_code
            for header in ("X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"):
                assert server.http.get(path, headers={header: "DELETE"}).status_code == plain
            allowed = {plain, 400} if path in strict else {plain}
            assert server.http.get(path + "?_method=DELETE").status_code in allowed


def test_a_head_request_gets_the_headers_of_the_get_request(server: Server) -> None:
    for path in (
        "/health/live",
        "/.well-known/jwks.json",
        "/.well-known/openid-configuration",
        "/openapi.json",
        "/docs",
    ):
        get, head = server.http.get(path), server.http.head(path)
        assert head.get_data() == b""
        volatile = {"X-Request-Id", "Date"}
        assert {n: v for n, v in head.headers if n not in volatile} == {
            n: v for n, v in get.headers if n not in volatile
        }


def test_nothing_is_served_that_is_no_endpoint_w17(server: Server) -> None:
    for path in (
        "/", "/.git", "/.git/config", "/.env", "/.env.example", "/wsgi.py", "/pyproject.toml", "/keys/", "/keys/x.pem",
        "/console", "/admin", "/debug", "/server-status", "/metrics/", "/static/", "/static/../keys/x.pem",
        "/static/%2e%2e/%2e%2e/pyproject.toml", "/static/..%2f..%2fpyproject.toml", "/static//etc/passwd",
        "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/..%5c..%5cetc", "/docs/../keys", "/oauth/../.env",
        "/.well-known/", "/.well-known/../.env", "/.well-known/security.txt", "/\x00", "/%00", "/%ff", "/oauth/%00",
        "/oauth/token%00", "/swagger", "/redoc", "/api", "/oidc.sqlite3", "/var/oidc.sqlite3", "/" + "a" * 8000,
    ):  # fmt: skip
        for host in HOSTS:
            response = server.http.get(path, headers={"Host": host}, environ_overrides=STRANGER)
            assert response.status_code == 404, path
            assert "Location" not in response.headers
    for query in ("__debugger__=yes&cmd=resource&f=debugger.js", "debug=1", "_debug_toolbar=1"):
        assert server.http.get(f"/nothing?{query}").status_code == 404


def test_metrics_are_for_this_machine_w17(server: Server) -> None:
    assert server.http.get("/metrics").status_code == 200
    assert server.http.get("/metrics", environ_overrides=STRANGER).status_code == 404
    for spoof in ("127.0.0.1", "::1", "localhost", "", "x"):
        headers = {"X-Forwarded-For": spoof, "X-Real-IP": spoof, "Forwarded": f"for={spoof}"}
        assert server.http.get("/metrics", headers=headers).status_code == 404, spoof
        assert server.http.get("/metrics", headers=headers, environ_overrides=STRANGER).status_code == 404, spoof


def test_the_zone_of_a_forwarded_address_is_left_away_w02(server: Server, capfd: pytest.CaptureFixture[str]) -> None:
    client, user = server.first_party(), server.user()
    capfd.readouterr()
    for zone in ("eth0", "z" * 200, "\x1b[31m", "1%2"):
        headers = {"X-Forwarded-For": f"fe80::1%{zone}"}
        form = {"username": user.email, "password": user.password}
        assert server.token(client, "password", headers=headers, **form).status_code == 200
        (line,) = (line for line in log_lines(capfd) if line["event"] == "request")
        assert line["address"] == "fe80::1"


class CountedBody(io.RawIOBase):
    """A body without an end that counts what was read of it."""

    def __init__(self) -> None:
        self.taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.taken += len(buffer)
        buffer[:] = b"a" * len(buffer)
        return len(buffer)


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/introspect", "/oauth/revoke"])
def test_a_large_body_is_refused_unread_w04(server: Server, settings: Settings, path: str) -> None:
    for length in (settings.body_limit + 1, 50_000_000, 2**63):
        body = CountedBody()
        environ = {"wsgi.input": body, "CONTENT_LENGTH": str(length), "CONTENT_TYPE": FORM}
        assert error(server.http.post(path, environ_overrides=environ)) == (413, "invalid_request")
        assert body.taken == 0


def chunked(server: Server, body: Any) -> TestResponse:
    """A request whose length nobody announced, as a server hands it on that ends the stream by itself."""
    environ = {
        "wsgi.input": body,
        "wsgi.input_terminated": True,
        "CONTENT_TYPE": FORM,
        "HTTP_TRANSFER_ENCODING": "chunked",
    }
    return server.http.post("/oauth/token", environ_overrides=environ)


def test_an_unannounced_body_is_read_up_to_the_limit_and_refused_beyond_w04(server: Server, settings: Settings) -> None:
    endless = CountedBody()
    assert error(chunked(server, endless)) == (413, "invalid_request")
    assert endless.taken <= 2 * settings.body_limit
    assert error(chunked(server, io.BytesIO(b"grant_type=client_credentials"))) == (401, "invalid_client")
    padded = b"grant_type=client_credentials&" + b"a" * settings.body_limit
    assert error(chunked(server, io.BytesIO(padded))) == (413, "invalid_request")


class BrokenBody(io.RawIOBase):
    """A body in which the server's parser of chunks meets an error of its own."""

    def readable(self) -> bool:
        return True

    def readinto(self, _buffer: Any) -> int:
        raise SyntaxError("b'chunk with a secret'")


def test_half_a_body_is_no_request_w07(server: Server, capfd: pytest.CaptureFixture[str]) -> None:
    """W07: cut off, or in chunks that cannot be parsed."""
    client = server.client()
    for body, length in ((b"grant_type=client_credentials", 40), (b"", 10)):
        for terminated in (True, False):
            environ = {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(length), "CONTENT_TYPE": FORM}
            if terminated:
                environ["wsgi.input_terminated"] = True
            response = server.http.post("/oauth/token", headers=client.basic, environ_overrides=environ)
            assert error(response) == (400, "invalid_request")
    capfd.readouterr()
    assert error(chunked(server, BrokenBody())) == (400, "invalid_request")
    lines = log_lines(capfd)
    assert [line["reason"] for line in lines if line["event"] == "refused"] == [Reason.BAD_HTTP_REQUEST]
    assert "secret" not in str(lines)


def test_costly_bodies_are_refused_before_they_cost_w04_w23(server: Server) -> None:
    """W04, W23: a hundred thousand parts, deep JSON, a compressed body; nobody parses what is no form."""
    parts = b"".join(b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' for _ in range(1200)) + b"--x--"
    cases = [
        (parts, "multipart/form-data; boundary=x", {}),
        (b"[" * 60_000, "application/json", {}),
        (b'{"a":1,"a":2}', "application/json", {}),
        ('{"a":1}'.encode("utf-16"), "application/json; charset=utf-16", {}),
        (b"\x1f\x8b\x08\0\0\0\0\0\0\x03" + b"\xff" * 1000, FORM, {"Content-Encoding": "gzip"}),
        (b"&".join(b"a%d=1" % number for number in range(8000)), FORM, {}),
    ]
    for body, content_type, headers in cases:
        started = time.perf_counter()
        response = server.http.post("/oauth/token", data=body, content_type=content_type, headers=headers)
        assert error(response) == (400, "invalid_request"), content_type
        assert time.perf_counter() - started < 0.5
