"""Bytes on a socket that no well-behaved client sends, against the real server process (RFC 9112)."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from oidc_server.core.errors import Reason
from tests.running import RunningServer, environment, serving

HOST = b"Host: login.example.com\r\n"
POST = b"POST /oauth/token HTTP/1.1\r\n" + HOST + b"Content-Type: application/x-www-form-urlencoded\r\n"
GET = b"GET /health/live HTTP/1.1\r\n" + HOST
GRANT = b"grant_type=client_credentials"
SECRET = "s3cret-that-must-not-leak"
HEX_LENGTH = b"%x" % len(GRANT)


@pytest.fixture(scope="module")
def running(migrated: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """The server as it is run in production, with one worker."""
    folder = tmp_path_factory.mktemp("raw")
    (folder / "keys").mkdir(mode=0o700)
    with serving(environment(migrated("sqlite"), folder / "keys"), folder / "log", workers=1, threads=8) as server:
        yield server


def send(server: RunningServer, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send bytes, then nothing more; the first answer: status, headers in lower case, body."""
    port = int(server.url.rpartition(":")[2])
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        try:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            while chunk := connection.recv(65536):
                received += chunk
        except (BrokenPipeError, ConnectionResetError):
            pass  # the server answered and closed before it had read everything
    head, _, rest = received.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return int(status.split(" ")[1]), headers, rest[: int(headers.get("content-length", 0))]


REFUSED: dict[str, tuple[set[int], bytes]] = {
    # Headers, W06.
    "a header of 100 kB": ({400, 431}, GET + b"X-A: " + b"a" * 100_000 + b"\r\n\r\n"),
    "a thousand cookies": ({400, 431}, GET + b"Cookie: a=b\r\n" * 1000 + b"\r\n"),
    "two Authorization headers": (
        {400, 401},
        POST + b"Authorization: Basic YTpi\r\n" * 2 + b"Content-Length: %d\r\n\r\n" % len(GRANT) + GRANT,
    ),
    "a header without a colon": ({400}, GET + f"Authorization Basic {SECRET}\r\n\r\n".encode()),
    "a NUL in a header": ({400}, GET + b"User-Agent: a\0b\r\n\r\n"),
    "a space before the colon": ({400}, GET + f"Authorization : Basic {SECRET}\r\n\r\n".encode()),
    "a folded header": ({400}, GET + b"X-A: a\r\n b\r\n\r\n"),
    "a request line of 9 kB": ({414}, b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + HOST + b"\r\n"),
    "an expectation": ({417}, POST + b"Expect: a-miracle\r\nContent-Length: 0\r\n\r\n"),
    # Where one request ends and the next begins, W07.
    "both lengths": ({400}, POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "two lengths": ({400}, POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\naaaaaa"),
    "a negative length": ({400}, POST + b"Content-Length: -1\r\n\r\n"),
    "a length with a sign": ({400}, POST + b"Content-Length: +5\r\n\r\naaaaa"),
    "an unknown coding": ({400}, POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    "a coding after chunked": ({400}, POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
    "a bare line feed": ({400}, b"GET /health/live HTTP/1.1\nHost: login.example.com\n\n"),
    "a line feed in a chunk extension": (
        {400},
        POST + b"Transfer-Encoding: chunked\r\n\r\n" + HEX_LENGTH + b';a="b\nc"\r\n' + GRANT + b"\r\n0\r\n\r\n",
    ),
    "a chunk that is no number": ({400}, POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\naaaa\r\n0\r\n\r\n"),
    "a chunk that is too short": ({400}, POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab\r\n0\r\n\r\n"),
    "a body that is cut off": ({400}, POST + b"Content-Length: 500\r\n\r\n" + GRANT),
    # Sizes, W04.
    "a body of 50 MB": ({413}, POST + b"Content-Length: 50000000\r\n\r\n" + b"a" * 10_000),
    "200 kB in chunks": (
        {413},
        POST + b"Transfer-Encoding: chunked\r\n\r\n" + (b"8000\r\n" + b"a" * 0x8000 + b"\r\n") * 6 + b"0\r\n\r\n",
    ),
    # Hosts, W11.
    "no host": ({400}, b"GET /.well-known/jwks.json HTTP/1.1\r\n\r\n"),
    "no host in HTTP/1.0": ({400}, b"GET /.well-known/jwks.json HTTP/1.0\r\n\r\n"),
    "another host": ({400}, b"GET /.well-known/jwks.json HTTP/1.1\r\nHost: evil.example\r\n\r\n"),
    "two hosts": ({400}, b"GET /.well-known/jwks.json HTTP/1.1\r\n" + HOST + b"Host: evil.example\r\n\r\n"),
    # Methods, W14.
    "TRACE": ({405}, b"TRACE /oauth/token HTTP/1.1\r\n" + HOST + b"\r\n"),
    "CONNECT": ({400, 404, 405}, b"CONNECT evil.example:443 HTTP/1.1\r\n" + HOST + b"\r\n"),
    "a method that is none": ({400}, b'BR"EW /oauth/token HTTP/1.1\r\n' + HOST + b"\r\n"),
    # The target and the text, B15, B17 and W02.
    "a secret in a broken line": (
        {400},
        f"GET /oauth/token?client_secret={SECRET} x HTTP/1.1\r\n".encode() + HOST + b"\r\n",
    ),
    "no version": ({400}, f"GET/{SECRET}\r\n\r\n".encode()),
    "raw bytes in the path": ({400, 404}, b"GET /\xff\xfe HTTP/1.1\r\n" + HOST + b"\r\n"),
    "a form that is not UTF-8": ({400}, POST + b"Content-Length: 14\r\n\r\ngrant_type=\xff\xfea"),
    "a greeting in TLS": ({400}, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
}


def assert_refused_in_our_form(status: int, headers: dict[str, str], body: bytes) -> None:
    answer: dict[str, Any] = json.loads(body)
    assert answer["error_id"] == headers["x-request-id"]
    assert headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["strict-transport-security"]
    assert headers["cache-control"] == "no-store"
    text = body.decode() + str(headers)
    for leak in ("Traceback", SECRET, "gunicorn.", "evil", "<html", "Invalid"):
        assert leak not in text


def test_what_is_no_clean_request_is_refused_in_our_form_w04_w06_w07_w09_w11_w12_w14_b15(
    running: RunningServer,
) -> None:
    seen = {}
    for case, (expected, request) in REFUSED.items():
        status, headers, body = send(running, request)
        assert status in expected, (case, status, body)
        assert_refused_in_our_form(status, headers, body)
        seen[headers["x-request-id"]] = status
    assert send(running, GET + b"Connection: close\r\n\r\n")[0] == 200

    lines = [json.loads(line) for line in running.log.read_text().splitlines()]  # W08: every line is JSON
    refused = {line["error_id"]: line for line in lines if line["event"] == "refused"}
    assert {error_id: refused[error_id]["status"] for error_id in seen} == seen
    assert {line["reason"] for line in refused.values()} <= {
        Reason.BAD_HTTP_REQUEST, Reason.BODY_TOO_LARGE, Reason.CLIENT_AUTHENTICATION_MISSING, Reason.MALFORMED_REQUEST,
        Reason.METHOD_NOT_ALLOWED, Reason.NOT_FOUND,
    }  # fmt: skip
    assert [line for line in lines if line.get("level") == "error"] == []
    assert SECRET not in running.log.read_text()


def test_a_smuggled_second_request_is_not_answered_w07(running: RunningServer) -> None:
    smuggled = b"GET /health/ready HTTP/1.1\r\n" + HOST + b"\r\n"
    request = POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled
    before = running.log.read_text().count('"/health/ready"')
    assert send(running, request)[0] == 400
    assert running.log.read_text().count('"/health/ready"') == before


def test_forged_headers_of_a_proxy_do_not_pass_w17(running: RunningServer) -> None:
    """W17: a header with an underscore is not the one with a hyphen, and an absolute target names no other issuer."""
    stranger = GET.replace(b"/health/live", b"/metrics") + b"X-Forwarded-For: 203.0.113.9\r\nConnection: close\r\n"
    assert send(running, stranger + b"\r\n")[0] == 404
    assert send(running, stranger + b"X_Forwarded_For: 127.0.0.1\r\n\r\n")[0] == 404
    target = (
        b"GET http://evil.example/.well-known/openid-configuration HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"
    )
    status, _, body = send(running, target)
    assert status == 400 or json.loads(body)["issuer"] == "https://login.example.com"
    assert b"evil" not in body
